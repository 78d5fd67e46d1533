"""Logits of an exported model as PyTorch computes them: `python parity.py run.json --model DIR --out FILE`.

Reads the folder as it was written (shards, int8), runs one held-out row in float32, and writes
`{ids, logits}` as JSON for another implementation to compare itself with.
"""

from __future__ import annotations

import argparse
import json
import os

import torch

import run_config
from attention import dense_mask
from events import run_main
from model import Llama
from rows import PackedRows
from weights import read_weights

TOKENS = 64
"""Enough to pass every layer with a history, few enough to write out all logits."""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--model", required=True)
    arguments.add_argument("--out", required=True)
    options, config = run_config.parse(arguments)
    with open(os.path.join(options.model, "config.json"), encoding="utf-8") as file:
        model = Llama(json.load(file))
    model.load_state_dict(read_weights(options.model))
    model.eval()
    rows = PackedRows(os.path.join(config["workDir"], "held-out"))
    ids = torch.tensor(rows.ids[0][0, :TOKENS].astype("int64"))[None]
    with torch.no_grad():
        logits = model.logits(model(ids, dense_mask(torch.ones_like(ids))))[0]
    with open(options.out, "w", encoding="utf-8") as file:
        json.dump({"ids": ids[0].tolist(), "logits": logits.tolist()}, file)


if __name__ == "__main__":
    run_main(main)
