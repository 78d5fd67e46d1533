"""Model folders in the Hugging Face layout: weights in shards of a limited size, float16 or int8.

An int8 matrix `x.weight` comes with `x.weight_scale`, one float32 a row (output channel): a value is
`int8 * scale`, which is off by at most half a scale.
"""

from __future__ import annotations

import json
import os

import torch
from safetensors.torch import load_file, save_file

INDEX = "model.safetensors.index.json"


def quantise(matrix: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(out, in) float to int8 and the scale of each row, float32."""
    matrix = matrix.float()
    scale = (matrix.abs().amax(dim=1) / 127).clamp_min(1e-12)
    return (matrix / scale[:, None]).round().clamp(-127, 127).to(torch.int8), scale


def stored_tensors(weights: dict[str, torch.Tensor], dtype: str) -> dict[str, torch.Tensor]:
    """The tensors of a file: `dtype` is float32, float16 or int8; vectors are at least float16."""
    stored: dict[str, torch.Tensor] = {}
    for name, tensor in sorted(weights.items()):
        if dtype == "int8" and tensor.ndim == 2:
            stored[name], stored[f"{name}_scale"] = quantise(tensor)
        else:
            stored[name] = tensor.to(torch.float32 if dtype == "float32" else torch.float16)
    return {name: tensor.contiguous() for name, tensor in stored.items()}


def shards_of(tensors: dict[str, torch.Tensor], max_bytes: int) -> list[dict[str, torch.Tensor]]:
    """Tensors in order, in as many groups as `max_bytes` a file asks for. A larger tensor stands alone."""
    shards: list[dict[str, torch.Tensor]] = [{}]
    size = 0
    for name, tensor in tensors.items():
        n_bytes = tensor.numel() * tensor.element_size() + 256  # and its line in the header
        if shards[-1] and size + n_bytes > max_bytes:
            shards.append({})
            size = 0
        shards[-1][name] = tensor
        size += n_bytes
    return shards


def write_weights(folder: str, weights: dict[str, torch.Tensor], dtype: str, max_bytes: int) -> list[str]:
    """Write `model.safetensors`, or shards and their index. Returns the names of the weight files."""
    shards = shards_of(stored_tensors(weights, dtype), max_bytes)
    names = ["model.safetensors"] if len(shards) == 1 else [
        f"model-{i:05}-of-{len(shards):05}.safetensors" for i in range(1, len(shards) + 1)]
    for name, shard in zip(names, shards):
        save_file(shard, os.path.join(folder, name), metadata={"format": "pt"})
    if len(shards) > 1:
        total = sum(t.numel() * t.element_size() for shard in shards for t in shard.values())
        index = {"metadata": {"total_size": total},
                 "weight_map": {tensor: name for name, shard in zip(names, shards) for tensor in shard}}
        with open(os.path.join(folder, INDEX), "w", encoding="utf-8") as file:
            json.dump(index, file, indent=2)
            file.write("\n")
    return names


def read_weights(folder: str) -> dict[str, torch.Tensor]:
    """Every tensor of a model folder as float32, int8 matrices scaled back."""
    index = os.path.join(folder, INDEX)
    names = ["model.safetensors"]
    if os.path.exists(index):
        with open(index, encoding="utf-8") as file:
            names = sorted(set(json.load(file)["weight_map"].values()))
    stored: dict[str, torch.Tensor] = {}
    for name in names:
        stored |= load_file(os.path.join(folder, name))
    weights = {}
    for name, tensor in stored.items():
        if name.endswith(".weight_scale"):
            continue
        weights[name] = tensor.float()
        if tensor.dtype == torch.int8:
            weights[name] *= stored[f"{name}_scale"].float()[:, None]
    return weights
