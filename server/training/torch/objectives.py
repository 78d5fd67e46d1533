"""What is minimised, from the log-probabilities of the targets (M): the twins of `engine/training/objective.ts`.

`sft`: cross-entropy, each target with a weight. `kto` (Ethayarajh et al. 2024, equation 7) and `dpo`
(Rafailov et al. 2023), both as TRL's trainers define them.
"""

from __future__ import annotations

from typing import Callable

import torch
import torch.nn.functional as F

from batches import Batch, BatchFile

LogProbabilities = Callable[[Batch], torch.Tensor]


def sums(objective: str, batch: Batch, values: torch.Tensor) -> torch.Tensor:
    """(Q): the values of each completion's targets together; of a pair the chosen one's less the rejected one's."""
    held = batch.owners >= 0
    owners, values = batch.owners[held], values[held]
    if objective == "dpo":
        values = torch.where(owners % 2 == 0, values, -values)
        owners = owners // 2
    return torch.zeros_like(batch.shares).index_add(0, owners, values)


def divergence(batch: Batch, mismatched: BatchFile, now: LogProbabilities, reference: LogProbabilities) -> torch.Tensor:
    """Mean over the batch of log p(mismatched completion) less that under the reference, at least 0."""
    total = torch.zeros((), device=batch.ids.device)
    if batch.judged < 2:
        return total
    for at in batch.mismatched:
        other = mismatched[at]
        held = other.owners >= 0
        total = total + (now(other) - reference(other))[held].sum()
    return (total / batch.judged).clamp_min(0)


def loss_of(job: dict, batch: Batch, mismatched: BatchFile, now: LogProbabilities, reference: LogProbabilities) -> torch.Tensor:
    """The loss of a batch. `now` is differentiated, but not in the divergence; `reference` is the base model."""
    objective = job["objective"]
    if objective["kind"] == "sft":
        return -(now(batch) * batch.weights).sum() / batch.weights.sum()
    with torch.no_grad():
        before = sums(objective["kind"], batch, reference(batch))
        apart = divergence(batch, mismatched, now, reference) if objective["kind"] == "kto" else None
    ratio = sums(objective["kind"], batch, now(batch)) - before
    beta = objective["beta"]
    if apart is not None:
        losses = 1 - torch.sigmoid(beta * batch.signs * (ratio - apart))
    else:
        smoothing = objective["labelSmoothing"]
        losses = -(1 - smoothing) * F.logsigmoid(beta * ratio) - smoothing * F.logsigmoid(-beta * ratio)
    return (losses * batch.shares).sum()
