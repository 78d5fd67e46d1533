"""Matrices of the blocks are trained by Muon (Jordan et al. 2024), everything else by AdamW."""

from __future__ import annotations

import torch

from model import Llama


def build_optimizers(model: Llama, training: dict, device: torch.device) -> dict[str, torch.optim.Optimizer]:
    matrices = [p for p in model.model.layers.parameters() if p.ndim == 2]
    chosen = {id(p) for p in matrices}
    others = [p for p in model.parameters() if id(p) not in chosen]
    return {
        "muon": torch.optim.Muon(matrices, lr=1e-3, momentum=0.95, weight_decay=training["weightDecay"],
                                 adjust_lr_fn="match_rms_adamw"),
        "adamw": torch.optim.AdamW(others, lr=1e-3, betas=(0.9, 0.95), weight_decay=0.0, fused=device.type == "cuda"),
    }


def set_rates(optimizers: dict[str, torch.optim.Optimizer], rates: dict[str, float], scale: float) -> None:
    for name, optimizer in optimizers.items():
        for group in optimizer.param_groups:
            group["lr"] = rates[name] * scale
