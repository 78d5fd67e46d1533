"""Train every weight of a model from a run configuration: `python train.py recipe.json --work-dir DIR [--minutes N]`.

The `full` strategy of the torch backend. The schedule is warm-up, stable, decay (Hu et al. 2024,
MiniCPM), measured in wall time, because what a run has is minutes of a machine: a run can be ended
early and continued from its checkpoint. Matrices of the blocks are trained by Muon, everything else
by AdamW. Progress is one JSON object a line on standard output.
"""

from __future__ import annotations

import argparse
import json
import os
import time

import numpy as np
import torch
from safetensors.torch import load_file, save_file

import run_config
from model import Llama, llama_config


def emit(kind: str, **fields: object) -> None:
    print(json.dumps({"event": kind, **fields}), flush=True)


def learning_rate_scale(elapsed: float, total: float, warmup: float, decay_fraction: float) -> float:
    """1 in the stable phase; linear from 0 in warm-up and to 0 over the last `decay_fraction`."""
    decay_from = total * (1 - decay_fraction)
    if elapsed < warmup:
        return max(elapsed / warmup, 0.02)
    if elapsed > decay_from:
        return max((total - elapsed) / (total - decay_from), 0.0)
    return 1.0


def build_optimizers(model: Llama, training: dict) -> list[torch.optim.Optimizer]:
    matrices = [p for p in model.model.layers.parameters() if p.ndim == 2]
    chosen = {id(p) for p in matrices}
    others = [p for p in model.parameters() if id(p) not in chosen]
    return [
        torch.optim.Muon(matrices, lr=training["muonLearningRate"], momentum=0.95, weight_decay=training["weightDecay"],
                         adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, lr=training["learningRate"], betas=(0.9, 0.95), weight_decay=0.0),
    ]


@torch.no_grad()
def held_out_loss(model, rows: np.ndarray, documents: np.ndarray, batch_rows: int) -> float:
    """Mean loss in nats per token over the first 64 held-out rows."""
    losses = []
    for at in range(0, min(len(rows), 64), batch_rows):
        losses.append(forward_loss(model, rows[at:at + batch_rows], documents[at:at + batch_rows]).item())
    return sum(losses) / len(losses)


def forward_loss(model, rows: np.ndarray, documents: np.ndarray) -> torch.Tensor:
    ids = torch.from_numpy(rows.astype(np.int64))
    docs = torch.from_numpy(documents.astype(np.int64))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return model(ids, docs)


def save_checkpoint(folder: str, model: Llama, optimizers: list, state: dict) -> None:
    """Write weights, optimizer state and progress into a temporary folder, then rename it."""
    temporary = folder + ".partial"
    os.makedirs(temporary, exist_ok=True)
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, os.path.join(temporary, "model.safetensors"))
    torch.save([o.state_dict() for o in optimizers], os.path.join(temporary, "optimizers.pt"))
    json.dump(model.config, open(os.path.join(temporary, "config.json"), "w"), indent=2)
    json.dump(state, open(os.path.join(temporary, "state.json"), "w"), indent=2)
    remove(folder + ".previous")
    if os.path.isdir(folder):
        os.replace(folder, folder + ".previous")
    os.replace(temporary, folder)
    remove(folder + ".previous")


def remove(folder: str) -> None:
    for name in os.listdir(folder) if os.path.isdir(folder) else ():
        os.unlink(os.path.join(folder, name))
    if os.path.isdir(folder):
        os.rmdir(folder)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--minutes", type=float)
    arguments.add_argument("--fresh", action="store_true", help="ignore an earlier checkpoint")
    options, config = run_config.parse(arguments)
    training, work_dir = config["training"], config["workDir"]
    total_seconds = 60 * (options.minutes or training["minutes"])
    torch.manual_seed(config["seed"])

    model = Llama(llama_config(config["model"]))
    optimizers = build_optimizers(model, training)
    checkpoint = os.path.join(work_dir, "checkpoint")
    state = {"step": 0, "tokens": 0, "seconds": 0.0, "row": 0, "curve": []}
    if os.path.isdir(checkpoint) and not options.fresh:
        model.load_state_dict(load_file(os.path.join(checkpoint, "model.safetensors")))
        for optimizer, saved in zip(optimizers, torch.load(os.path.join(checkpoint, "optimizers.pt"))):
            optimizer.load_state_dict(saved)
        state = json.load(open(os.path.join(checkpoint, "state.json")))
        emit("resumed", step=state["step"], tokens=state["tokens"])

    rows = np.load(os.path.join(work_dir, "rows.npy"), mmap_mode="r")
    documents = np.load(os.path.join(work_dir, "documents.npy"), mmap_mode="r")
    held_rows = np.load(os.path.join(work_dir, "held-out.npy"), mmap_mode="r")
    held_documents = np.load(os.path.join(work_dir, "held-out-documents.npy"), mmap_mode="r")
    n_parameters = sum(p.numel() for p in model.parameters())
    emit("start", parameters=n_parameters, rows=len(rows), minutes=total_seconds / 60, threads=torch.get_num_threads())

    base_rates = [training["muonLearningRate"], training["learningRate"]]
    batch_rows, micro_rows = training["batchRows"], training["microRows"]
    compiled = torch.compile(ModelLoss(model)) if training.get("compile", True) else ModelLoss(model)
    last_saved = last_report = time.time()
    clock = time.time()
    n_since = 0
    while state["seconds"] < total_seconds:
        scale = learning_rate_scale(state["seconds"], total_seconds, training["warmupSeconds"], training["decayFraction"])
        for optimizer, rate in zip(optimizers, base_rates):
            for group in optimizer.param_groups:
                group["lr"] = rate * scale
        step_loss = 0.0
        for _ in range(batch_rows // micro_rows):
            at = state["row"] % (len(rows) - micro_rows)
            loss = forward_loss(compiled, rows[at:at + micro_rows], documents[at:at + micro_rows])
            (loss * micro_rows / batch_rows).backward()
            step_loss += loss.item() * micro_rows / batch_rows
            state["row"] += micro_rows
            n_since += micro_rows * (rows.shape[1] - 1)
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0).item()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        state["step"] += 1
        now = time.time()
        state["seconds"] += now - clock
        clock = now
        state["tokens"] += batch_rows * (rows.shape[1] - 1)
        if state["step"] % 20 == 0:
            rate = n_since / (now - last_report)
            n_since, last_report = 0, now
            state["curve"].append([state["step"], round(step_loss, 4)])
            emit("step", step=state["step"], loss=step_loss, norm=norm, tokens=state["tokens"], tokensPerSecond=rate,
                 learningRateScale=scale, secondsLeft=total_seconds - state["seconds"])
        if now - last_saved > 60 * training["checkpointMinutes"]:
            held = held_out_loss(compiled, held_rows, held_documents, micro_rows)
            emit("held-out", step=state["step"], loss=held)
            state.setdefault("heldOut", []).append([state["step"], round(held, 4)])
            save_checkpoint(checkpoint, model, optimizers, state)
            last_saved = clock = time.time()
    held = held_out_loss(compiled, held_rows, held_documents, micro_rows)
    state.setdefault("heldOut", []).append([state["step"], round(held, 4)])
    save_checkpoint(checkpoint, model, optimizers, state)
    emit("finished", step=state["step"], tokens=state["tokens"], heldOutLoss=held)


class ModelLoss(torch.nn.Module):
    """The loss as a module, so that one compiled graph holds forward, head and cross-entropy."""

    def __init__(self, model: Llama):
        super().__init__()
        self.llama = model

    def forward(self, ids, documents):
        return self.llama.loss(ids, documents)


if __name__ == "__main__":
    main()
