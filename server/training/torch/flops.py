"""Count what a training run computes: `python flops.py run.json --seconds 1500 --mfu 0.35`.

Six operations a parameter and token in the matrices (two forward, four backward; the tied head counts
once, the embedding's look-up not at all), and the two products of attention over the keys that a token
sees (Chowdhery et al. 2022, PaLM, appendix B). Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json

H100_FLOPS = 989e12
"""Dense bfloat16, NVIDIA H100 SXM data sheet."""

MEAN_KEYS = 560
"""Keys that a token sees on average, measured on 2,000 rows of 2,048 tokens packed for `config.gpu.yaml`,
whose documents have 813 tokens on average; long documents hold most of the tokens."""


def parameters(model: dict) -> int:
    d, heads, kv, size = model["hiddenSize"], model["heads"], model["kvHeads"], model["headDim"]
    layer = 2 * d * heads * size + 2 * d * kv * size + 3 * d * model["ffnSize"] + 2 * d
    return model["layers"] * layer + model["vocabSize"] * d + d


def flops_per_token(model: dict, mean_keys: float = MEAN_KEYS) -> float:
    """Forward and backward."""
    attention = 12 * model["layers"] * model["heads"] * model["headDim"] * mean_keys
    return 6 * parameters(model) + attention


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("config", help="the run configuration, JSON")
    arguments.add_argument("--seconds", type=float, required=True)
    arguments.add_argument("--flops", type=float, default=H100_FLOPS, help="peak of the machine, operations a second")
    arguments.add_argument("--mfu", type=float, default=0.35, help="share of the peak that is reached")
    options = arguments.parse_args()
    with open(options.config, encoding="utf-8") as file:
        model = json.load(file)["model"]
    rate = options.flops * options.mfu / flops_per_token(model)
    tokens = rate * options.seconds
    print(json.dumps({"parameters": parameters(model), "flopsPerToken": flops_per_token(model), "tokensPerSecond": rate,
                      "tokens": tokens, "tokensPerParameter": tokens / parameters(model)}, indent=2))


if __name__ == "__main__":
    main()
