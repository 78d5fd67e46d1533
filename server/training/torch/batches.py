"""Batches that TypeScript packed: files of records of one size, read as they are needed.

The same tokenizer, prompts, packing and order as the `onnx` backend uses, because it is the same code
that made them. R rows of T tokens, M targets, Q completions or pairs of them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
import torch


@dataclass(frozen=True)
class Batch:
    """`owners` is the number of each target's document in the batch, -1 for none; see `packing.ts`."""

    ids: torch.Tensor  # (R, T)
    documents: torch.Tensor  # (R, T), 0 for padding
    positions: torch.Tensor  # (M) into R T: the token before the target
    targets: torch.Tensor  # (M)
    owners: torch.Tensor  # (M)
    weights: torch.Tensor  # (M), 0 where there is no target
    shares: torch.Tensor  # (Q), the part of each completion in the mean
    signs: torch.Tensor  # (Q), 1 for a desirable completion, -1 for another
    weight: float  # of the batch in the mean over several
    judged: int  # completions that `kto` compares with one another
    mismatched: range  # records of the file `mismatched` that belong to the batch


def record_type(shape: dict) -> np.dtype:
    """Little-endian and packed: what `batch-file.ts` writes."""
    rows, tokens, targets, sequences = shape["nRows"], shape["rowTokens"], shape["nTargets"], shape["nSequences"]
    return np.dtype([
        ("ids", "<i4", (rows, tokens)), ("documents", "<i4", (rows, tokens)), ("positions", "<i4", (targets,)),
        ("targets", "<i4", (targets,)), ("owners", "<i4", (targets,)), ("weights", "<f4", (targets,)),
        ("shares", "<f4", (sequences,)), ("signs", "<f4", (sequences,)), ("weight", "<f4"), ("judged", "<i4"),
        ("from", "<i4"), ("to", "<i4"),
    ])


class BatchFile:
    def __init__(self, folder: str, name: str, shape: dict, device: torch.device):
        file, kind = os.path.join(folder, f"{name}.bin"), record_type(shape)
        # An empty file cannot be mapped.
        self.records = np.memmap(file, dtype=kind, mode="r") if os.path.getsize(file) > 0 else np.empty(0, dtype=kind)
        self.device = device

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, at: int) -> Batch:
        record = self.records[at]

        def whole(name: str) -> torch.Tensor:
            return torch.from_numpy(record[name].astype(np.int64)).to(self.device)

        def real(name: str) -> torch.Tensor:
            return torch.from_numpy(record[name].astype(np.float32)).to(self.device)

        return Batch(
            whole("ids"), whole("documents"), whole("positions"), whole("targets"), whole("owners"),
            real("weights"), real("shares"), real("signs"),
            float(record["weight"]), int(record["judged"]), range(int(record["from"]), int(record["to"])),
        )
