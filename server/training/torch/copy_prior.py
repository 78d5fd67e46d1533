"""Fit the weights of the copy prior on held-out rows: how far to trust what the visible code did before.

At each position the model's distribution is mixed with that of the tokens which followed earlier
copies of the last tokens (`engine/generate/copy-prior.ts` says how; after Grave et al. 2017). The
share of the mixture is chosen for each length of the match by maximum likelihood, apart for matches
after which always the same token came.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import torch

from attention import make_mask
from rows import PackedRows

MAX_MATCH = 12
LENGTH_FACTOR = 4.0
UNANIMOUS = 0.95
LAMBDAS = np.linspace(0.0, 0.95, 39)
MIN_CONTEXT = 20
"""Positions earlier in a document have nothing to copy from yet."""
MIN_POSITIONS = 100
"""A length with fewer positions takes the weight of the length below."""


def vote(tokens: np.ndarray) -> tuple[int, dict[int, float]]:
    """The longest match of the end of `tokens` within them, and the share of votes of each next token."""
    last = len(tokens) - 1
    votes: dict[int, float] = defaultdict(float)
    longest = 0
    for at in np.nonzero(tokens[:-1] == tokens[-1])[0]:
        length = 1
        while length < MAX_MATCH and at >= length and tokens[at - length] == tokens[last - length]:
            length += 1
        votes[int(tokens[at + 1])] += LENGTH_FACTOR ** length
        longest = max(longest, length)
    total = sum(votes.values())
    return longest, {token: share / total for token, share in votes.items()}


@torch.no_grad()
def gather(model, rows: np.ndarray, documents: np.ndarray) -> dict[tuple[int, bool], list[tuple[float, float]]]:
    """For each (match length, unanimous): the probability of the true next token by the model and by copying."""
    found: dict[tuple[int, bool], list[tuple[float, float]]] = defaultdict(list)
    for row, numbers in zip(rows.astype(np.int64), documents.astype(np.int64)):
        mask = make_mask(model.attention, torch.from_numpy(numbers[None, :-1]))
        log_p = torch.log_softmax(model.logits(model(torch.from_numpy(row[None, :-1]), mask)[0]).float(), dim=-1)
        targets = log_p[torch.arange(len(row) - 1), torch.from_numpy(row[1:])].exp().numpy()
        for number in np.unique(numbers[numbers > 0]):
            (places,) = np.nonzero(numbers == number)
            start, end = places[0], places[-1] + 1
            for at in range(start + MIN_CONTEXT, end - 1):
                longest, shares = vote(row[start:at + 1])
                if longest > 0:
                    unanimous = max(shares.values()) >= UNANIMOUS
                    found[longest, unanimous].append((float(targets[at]), shares.get(int(row[at + 1]), 0.0)))
    return found


def fit(found: dict[tuple[int, bool], list[tuple[float, float]]]) -> list[list[float]]:
    """[unanimous, divided] for match lengths from 1 to MAX_MATCH."""
    weights: list[list[float]] = []
    for length in range(1, MAX_MATCH + 1):
        pair = []
        for i, unanimous in enumerate((True, False)):
            below = weights[-1][i] if weights else 0.0
            pairs = np.array(found.get((length, unanimous), []))
            pair.append(best_lambda(pairs) if len(pairs) >= MIN_POSITIONS else below)
        weights.append(pair)
    return weights


def best_lambda(pairs: np.ndarray) -> float:
    """The share of copying with the highest likelihood, for (n, 2) probabilities by model and by copying."""
    likelihoods = [np.log((1 - share) * pairs[:, 0] + share * pairs[:, 1] + 1e-9).mean() for share in LAMBDAS]
    return round(float(LAMBDAS[int(np.argmax(likelihoods))]), 3)


def fit_copy_prior(model, held_out: PackedRows, n_rows: int = 120, seed: int = 1) -> list[list[float]]:
    """Weights from `n_rows` held-out rows chosen at random; 20 s of one core for 60 rows of 1,024 tokens and 6.5 M parameters."""
    chosen = np.sort(np.random.default_rng(seed).choice(len(held_out), min(n_rows, len(held_out)), replace=False))
    return fit(gather(model, *held_out.take(chosen)))
