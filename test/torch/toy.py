"""A corpus and a run configuration small enough to train in seconds."""

from __future__ import annotations

import json
import os
import random
import sys

PROGRAMS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "server", "training", "torch")
sys.path.insert(0, PROGRAMS)

WORDS = "total count value index label widget parse render update remove apply merge reduce filter".split()


def source(rng: random.Random, n_functions: int) -> str:
    """Plausible TypeScript, different for every call."""
    lines = []
    for _ in range(n_functions):
        name = rng.choice(WORDS) + rng.choice(WORDS).title()
        lines.append(f"export function {name}({rng.choice(WORDS)}: number): number {{")
        lines += [f"  const {rng.choice(WORDS)}{i} = {rng.choice(WORDS)} + {rng.randrange(99)};" for i in range(rng.randint(1, 6))]
        lines += [f"  return {rng.choice(WORDS)} * {rng.randrange(9)};", "}", ""]
    return "\n".join(lines)


def write_corpus(folder: str, n_files: int = 60) -> str:
    rng = random.Random(5)
    path = os.path.join(folder, "toy.jsonl")
    with open(path, "w", encoding="utf-8") as file:
        for i in range(n_files):
            row = {"repo": f"toy/{i % 5}", "path": f"src/{i}.ts", "text": source(rng, 12)}
            file.write(json.dumps(row) + "\n")
    return path


def cycle(tokens: int) -> dict:
    return {"tokens": tokens, "warmupTokens": 512, "decayFraction": 0.3, "learningRate": 0.003, "muonLearningRate": 0.003,
            "from": "best"}


def configuration(folder: str, **training: object) -> dict:
    return {
        "seed": 3, "base": None, "workDir": os.path.join(folder, "work"),
        "data": {"corpus": os.path.join(folder, "toy.jsonl"), "keep": {}, "tokenizerFiles": 30, "fimRate": 0.65,
                 "spmRate": 0.5, "contextRate": 0.35, "contextChars": 100, "windowChars": 200, "heldOutBuckets": 5,
                 "draws": 2},
        "model": {"vocabSize": 400, "hiddenSize": 32, "ffnSize": 64, "layers": 2, "heads": 4, "kvHeads": 2, "headDim": 8,
                  "ropeTheta": 10000, "contextTokens": 64, "fimOrder": "spm"},
        "training": {"batchRows": 8, "microRows": 4, "weightDecay": 0.05, "clipNorm": 1, "compile": False,
                     "checkpointMinutes": 10, "reportSteps": 1, "heldOutRows": 8, "cycles": [cycle(20 * 512)], **training},
        "export": {"dtype": "int8", "maxFileMb": 0.03},
    }


def write_configuration(config: dict, folder: str) -> str:
    path = os.path.join(folder, "run.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(config, file)
    return path
