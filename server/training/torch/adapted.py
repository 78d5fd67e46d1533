"""A model of the hub with what a run trains of it: an adapter of PEFT, the last blocks, or every weight."""

from __future__ import annotations

import contextlib
import copy
import json
import os
from typing import Iterator

import torch
import torch.nn as nn
from peft import LoraConfig, get_peft_model
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from transformers import AutoConfig, AutoModelForCausalLM

from attention import dense_mask
from batches import Batch
from device import Place
from weights import read_weights

LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
"""Every linear layer of a block carries an adapter."""

RECOMPUTE_FROM = 500_000_000
"""Parameters from which a block is computed again in the backward pass: its activations would fill the device."""


class TargetLogProbabilities(nn.Module):
    """Log-probabilities (M) of a batch's targets: the head is applied to their positions alone."""

    def __init__(self, causal: nn.Module):
        super().__init__()
        self.causal = causal

    @property
    def decoder(self) -> nn.Module:
        """The transformer below the head, whatever is wrapped around it."""
        causal = self.causal.get_base_model() if hasattr(self.causal, "get_base_model") else self.causal
        return causal

    def forward(self, ids, documents, positions, targets):
        causal = self.decoder
        hidden = causal.model(input_ids=ids, attention_mask=dense_mask(documents), use_cache=False).last_hidden_state
        logits = causal.lm_head(hidden.reshape(-1, hidden.shape[-1])[positions]).float()
        return torch.log_softmax(logits, dim=-1).gather(1, targets[:, None])[:, 0]


class Adapted:
    """The model of one run, on one process or sharded over several (FSDP)."""

    def __init__(self, job: dict, place: Place):
        self.strategy, self.place = job["strategy"], place
        causal = load_causal(job, place)
        needs_copy = job["objective"]["kind"] != "sft" and self.strategy != "lora"
        before = copy.deepcopy(causal) if needs_copy else None
        self.scores = TargetLogProbabilities(choose_trained(causal, job)).to(place.device)
        self.before = TargetLogProbabilities(before.requires_grad_(False)).to(place.device) if before else None
        if place.world > 1:
            shard(self.scores, place)
            if self.before is not None:
                shard(self.before, place)

    def trained(self) -> dict[str, nn.Parameter]:
        """By the names of the saved file, in their order in the model."""
        return {saved_name(name): p for name, p in self.scores.named_parameters() if p.requires_grad}

    def now(self, batch: Batch) -> torch.Tensor:
        with self.precision():
            return self.scores(batch.ids, batch.documents, batch.positions, batch.targets)

    def reference(self, batch: Batch) -> torch.Tensor:
        """Under the base model: the adapter switched off, or the weights as they were."""
        with self.precision():
            if self.before is not None:
                return self.before(batch.ids, batch.documents, batch.positions, batch.targets)
            with self.scores.causal.disable_adapter():
                return self.scores(batch.ids, batch.documents, batch.positions, batch.targets)

    def precision(self) -> contextlib.AbstractContextManager:
        """bfloat16 on a GPU; float32 on a CPU, where both backends make the same numbers."""
        on_gpu = self.place.device.type == "cuda"
        return torch.autocast("cuda", dtype=torch.bfloat16) if on_gpu else contextlib.nullcontext()


def load_causal(job: dict, place: Place) -> nn.Module:
    """The base model in float32; below an adapter on a GPU in bfloat16, which halves what is not trained."""
    config = AutoConfig.from_pretrained(job["modelDir"], local_files_only=True)
    if any("sliding" in kind for kind in getattr(config, "layer_types", None) or []):
        window = getattr(config, "sliding_window", None)
        if window is not None and window < job["shape"]["rowTokens"]:
            raise SystemExit(f"The base model looks back on {window} tokens, fewer than a row of "
                             f"{job['shape']['rowTokens']}: train it with the onnx backend.")
    # A head of its own, so that it can be trained without the embedding.
    untied = job["strategy"] == "top-layers" and config.tie_word_embeddings
    weights = read_weights(job["modelDir"])
    if untied:
        config.tie_word_embeddings = False
        weights["lm_head.weight"] = weights["model.embed_tokens.weight"].clone()
    half = place.device.type == "cuda" and job["strategy"] == "lora"
    causal = AutoModelForCausalLM.from_config(
        config, attn_implementation="sdpa", dtype=torch.bfloat16 if half else torch.float32)
    missing, unexpected = causal.load_state_dict(weights, strict=False)
    missing = [name for name in missing if not (name == "lm_head.weight" and config.tie_word_embeddings)]
    if missing or unexpected:
        raise SystemExit(f"{job['modelDir']} does not fit its configuration: {', '.join([*missing, *unexpected][:5])}")
    causal.tie_weights()
    if place.device.type == "cuda" and sum(p.numel() for p in causal.parameters()) >= RECOMPUTE_FROM:
        causal.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    return causal.train()


def choose_trained(causal: nn.Module, job: dict) -> nn.Module:
    if job["strategy"] == "full":
        return causal
    if job["strategy"] == "top-layers":
        first = max(0, len(causal.model.layers) - job["topLayers"])
        causal.requires_grad_(False)
        for part in (*causal.model.layers[first:], causal.model.norm, causal.lm_head):
            part.requires_grad_(True)
        return causal
    adapter = LoraConfig(r=job["rank"], lora_alpha=job["alpha"], target_modules=LINEAR, lora_dropout=0.0,
                         bias="none", task_type="CAUSAL_LM")
    return get_peft_model(causal, adapter)


def shard(module: TargetLogProbabilities, place: Place) -> None:
    mesh = init_device_mesh(place.device.type, (place.world,))
    on_gpu = place.device.type == "cuda"
    policy = MixedPrecisionPolicy(torch.bfloat16, torch.float32) if on_gpu else MixedPrecisionPolicy()
    for block in module.decoder.model.layers:
        fully_shard(block, mesh=mesh, mp_policy=policy)
    fully_shard(module, mesh=mesh, mp_policy=policy)


def saved_name(name: str) -> str:
    """`causal.base_model.model.model.layers.0.mlp.up_proj.lora_A.default.weight` as a saved file calls it."""
    return name.removeprefix("causal.").removeprefix("base_model.model.").replace(".default.", ".")


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor of this or of all processes, on the CPU. Every process has to ask."""
    full = tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor
    return full.detach().float().cpu().clone()


def fill(parameter: torch.Tensor, value: torch.Tensor) -> None:
    """Write a whole tensor over a parameter, or over this process's part of it."""
    with torch.no_grad():
        if hasattr(parameter, "device_mesh"):
            from torch.distributed.tensor import distribute_tensor

            value = distribute_tensor(value.to(parameter.device, parameter.dtype), parameter.device_mesh, parameter.placements)
        parameter.copy_(value)


def merged_config(model_dir: str, strategy: str) -> dict:
    """`config.json` of a model that was trained from the one in `model_dir`."""
    with open(os.path.join(model_dir, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    config["torch_dtype"] = "float32"
    if strategy == "top-layers":
        config["tie_word_embeddings"] = False
    return config


def named_weights(adapted: Adapted) -> Iterator[tuple[str, torch.Tensor]]:
    """Every weight of a model that was trained whole or in part."""
    tied = adapted.scores.causal.config.tie_word_embeddings
    for name, parameter in adapted.scores.named_parameters():
        if not (tied and name == "causal.lm_head.weight"):
            yield saved_name(name), whole(parameter)
