"""Warm-up, stable, decay (Hu et al. 2024, MiniCPM), cycle after cycle, by the clock or by tokens."""

from __future__ import annotations

from dataclasses import dataclass

MIN_SCALE = 0.02
"""The first step of a warm-up still moves, if little."""


@dataclass(frozen=True)
class Cycle:
    """One warm-up–stable–decay run. Lengths are seconds of training or tokens, as `unit` says."""

    unit: str  # "seconds" or "tokens"
    length: float
    warmup: float
    decay_fraction: float
    rates: dict[str, float]  # "muon" and "adamw"
    start: str  # "best" or "stable": the checkpoint that a later cycle goes on from

    @property
    def decay_from(self) -> float:
        return self.length * (1 - self.decay_fraction)

    def scale(self, done: float) -> float:
        """Factor of the learning rates after `done` seconds or tokens of the cycle."""
        if done < self.warmup and done < self.decay_from:
            return max(done / self.warmup, MIN_SCALE)
        if done > self.decay_from:
            return max((self.length - done) / (self.length - self.decay_from), 0.0)
        return 1.0


def cycle_of(section: dict, length: float | None = None) -> Cycle:
    """From the configuration's `training.cycles[i]`. `length` in seconds overrides its own."""
    by_tokens = "tokens" in section and length is None
    return Cycle(
        unit="tokens" if by_tokens else "seconds",
        length=section["tokens"] if by_tokens else (length if length is not None else 60 * section["minutes"]),
        warmup=section.get("warmupTokens", 0) if by_tokens else section.get("warmupSeconds", 60),
        decay_fraction=section["decayFraction"],
        rates={"muon": section["muonLearningRate"], "adamw": section["learningRate"]},
        start=section.get("from", "best"),
    )
