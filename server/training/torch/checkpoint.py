"""Checkpoints: a folder with `model.safetensors`, `optimizers.pt`, `config.json` and `state.json`.

The same on one process and on many (tensors are whole, named as in the model), and written beside its
place and renamed, so that a kill leaves the one before. `checkpoint` is the latest; `checkpoint-stable`
the last one before a decay began, and `checkpoint-best` the end of the cycle with the lowest held-out
loss: a later cycle goes on from either.
"""

from __future__ import annotations

import json
import os
import shutil

import torch
from safetensors.torch import load_file, save_file
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions, get_model_state_dict, get_optimizer_state_dict, set_model_state_dict, set_optimizer_state_dict,
)


def new_state() -> dict:
    """What a run knows of itself. Each cycle is `{seconds, tokens, steps, ended, length, unit}`."""
    return {"step": 0, "tokens": 0, "seconds": 0.0, "pass": 0, "batch": 0, "cycles": [], "curve": [], "heldOut": []}


def save(folder: str, model, optimizers: list, state: dict, rank: int = 0) -> None:
    """Every process has to call it; the first one writes."""
    options = StateDictOptions(full_state_dict=True, cpu_offload=True)
    weights = get_model_state_dict(model, options=options)
    optimizer_state = get_optimizer_state_dict(model, optimizers, options=options)
    if rank != 0:
        return
    partial = folder + ".partial"
    shutil.rmtree(partial, ignore_errors=True)
    os.makedirs(partial)
    save_file({name: tensor.contiguous() for name, tensor in weights.items()}, os.path.join(partial, "model.safetensors"))
    torch.save(optimizer_state, os.path.join(partial, "optimizers.pt"))
    write_json(os.path.join(partial, "config.json"), model.config)
    write_json(os.path.join(partial, "state.json"), state)
    rename_into_place(partial, folder)


def copy(source: str, target: str) -> None:
    """A second name for a checkpoint that was just saved."""
    partial = target + ".partial"
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(source, partial)
    rename_into_place(partial, target)


def load(folder: str, model, optimizers: list, distributed: bool) -> dict:
    """Fill the model and its optimizers; returns the state."""
    with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
        saved = json.load(file)
    if saved != model.config:
        different = sorted(key for key in {*saved, *model.config} if saved.get(key) != model.config.get(key))
        raise SystemExit(f"The checkpoint in {folder} is of another model ({', '.join(different)} differ). "
                         "Give another work folder, or --fresh to begin anew.")
    options = StateDictOptions(full_state_dict=True, broadcast_from_rank0=distributed)
    set_model_state_dict(model, load_file(os.path.join(folder, "model.safetensors")), options=options)
    optimizer_file = os.path.join(folder, "optimizers.pt")
    if os.path.exists(optimizer_file):
        set_optimizer_state_dict(model, optimizers, torch.load(optimizer_file), options=options)
    with open(os.path.join(folder, "state.json"), encoding="utf-8") as file:
        return json.load(file)


def latest(work_dir: str) -> str | None:
    """The newest whole checkpoint. A kill between two renames leaves it under its `.previous` name."""
    for name in ("checkpoint", "checkpoint.previous"):
        folder = os.path.join(work_dir, name)
        if os.path.exists(os.path.join(folder, "state.json")):
            return folder
    return None


def rename_into_place(partial: str, folder: str) -> None:
    previous = folder + ".previous"
    if os.path.isdir(folder):
        shutil.rmtree(previous, ignore_errors=True)
        os.replace(folder, previous)
    os.replace(partial, folder)
    shutil.rmtree(previous, ignore_errors=True)


def write_json(path: str, value: object) -> None:
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=2)
        file.write("\n")
