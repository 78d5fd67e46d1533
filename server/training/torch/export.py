"""Write a checkpoint as a model folder: `python export.py run.json --work-dir DIR --out FOLDER`.

The folder loads into Kept's engine and, in float16 or float32, into `transformers.AutoModelForCausalLM`.
It is written beside its place and renamed file by file, weights first.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil

from safetensors.torch import load_file

import checkpoint
import run_config
from copy_prior import fit_copy_prior
from events import emit, run_main
from model import Llama
from rows import PackedRows
from weights import INDEX, write_weights

DTYPES = {"float32": "float32", "float16": "float16", "int8": "float16"}
"""What `config.json` says of each way to store weights; int8 is the engine's own."""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--out", required=True, help="the model folder to write")
    arguments.add_argument("--dtype", choices=list(DTYPES), help="instead of the configuration's")
    options, config = run_config.parse(arguments)
    source = checkpoint.latest(config["workDir"])
    if source is None:
        raise SystemExit(f"There is no checkpoint in {config['workDir']}.")
    dtype = options.dtype or config["export"]["dtype"]
    files = export(source, config, options.out, dtype)
    emit("exported", files=files, dtype=dtype, bytes=sum(os.path.getsize(os.path.join(options.out, f)) for f in files))


def export(source: str, config: dict, out: str, dtype: str) -> list[str]:
    """Returns the names of the files that were written."""
    partial = os.path.join(out, ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    os.makedirs(partial)
    weights = load_file(os.path.join(source, "model.safetensors"))
    write_weights(partial, weights, dtype, int(config["export"]["maxFileMb"] * 1_000_000))
    with open(os.path.join(source, "config.json"), encoding="utf-8") as file:
        model_config = json.load(file)
    context = config["model"]["contextTokens"]
    checkpoint.write_json(os.path.join(partial, "config.json"), model_config | {"torch_dtype": DTYPES[dtype]})
    shutil.copyfile(os.path.join(config["workDir"], "tokenizer.json"), os.path.join(partial, "tokenizer.json"))
    checkpoint.write_json(os.path.join(partial, "tokenizer_config.json"), {
        "tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|endoftext|>", "pad_token": "<|fim_pad|>",
        "clean_up_tokenization_spaces": False, "fim_order": config["model"]["fimOrder"], "model_max_length": context,
    })
    checkpoint.write_json(os.path.join(partial, "generation_config.json"), {
        "copy_prior_weights": copy_prior_weights(weights, model_config, config["workDir"]),
    })
    written = sorted(os.listdir(partial))
    for stale in os.listdir(out):
        if (stale.endswith(".safetensors") or stale == INDEX) and stale not in written:
            os.unlink(os.path.join(out, stale))
    for name in sorted(written, key=lambda name: not name.endswith(".safetensors")):
        os.replace(os.path.join(partial, name), os.path.join(out, name))
    os.rmdir(partial)
    return written


def copy_prior_weights(weights: dict, model_config: dict, work_dir: str) -> list[list[float]]:
    model = Llama(model_config)
    model.load_state_dict(weights)
    return fit_copy_prior(model.eval(), PackedRows(os.path.join(work_dir, "held-out")))


if __name__ == "__main__":
    run_main(main)
