"""Write a checkpoint as a model folder: `python export.py recipe.json --work-dir DIR --out models/base`.

Weights become float16 safetensors under their Hugging Face names; the tokenizer comes along. The
folder loads into Kept's engine and into `transformers.AutoModelForCausalLM`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil

import torch
from safetensors.torch import load_file, save_file

import run_config


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--out", required=True, help="the model folder to write")
    options, config = run_config.parse(arguments)
    folder = options.out
    checkpoint = os.path.join(config["workDir"], "checkpoint")
    os.makedirs(folder, exist_ok=True)
    weights = load_file(os.path.join(checkpoint, "model.safetensors"))
    halves = {name: tensor.to(torch.float16).contiguous() for name, tensor in sorted(weights.items())}
    temporary = os.path.join(folder, "model.safetensors.partial")
    save_file(halves, temporary, metadata={"format": "pt"})
    os.replace(temporary, os.path.join(folder, "model.safetensors"))
    model_config = json.load(open(os.path.join(checkpoint, "config.json"))) | {
        "torch_dtype": "float16", "max_position_embeddings": config["model"]["contextTokens"],
    }
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump(model_config, file, indent=2)
        file.write("\n")
    shutil.copyfile(os.path.join(config["workDir"], "tokenizer.json"), os.path.join(folder, "tokenizer.json"))
    with open(os.path.join(folder, "tokenizer_config.json"), "w") as file:
        json.dump({"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|endoftext|>", "pad_token": "<|fim_pad|>",
                   "clean_up_tokenization_spaces": False, "fim_order": "spm", "model_max_length": config["model"]["contextTokens"]}, file, indent=2)
        file.write("\n")


if __name__ == "__main__":
    main()
