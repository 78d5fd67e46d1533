"""Read a run configuration: a JSON file, with the places of a machine given on the command line.

`python <script> recipe.json --work-dir DIR [--corpus GLOB]`. A recipe in the repository holds no paths.
"""

from __future__ import annotations

import argparse
import json


def parse(parser: argparse.ArgumentParser) -> tuple[argparse.Namespace, dict]:
    parser.add_argument("config", help="the run configuration, JSON")
    parser.add_argument("--work-dir", help="folder for tokenizer, packed rows and checkpoints")
    parser.add_argument("--corpus", help="glob of JSON-lines shards {repo, path, text}, plain or .xz")
    options = parser.parse_args()
    with open(options.config) as file:
        config = json.load(file)
    if options.work_dir:
        config["workDir"] = options.work_dir
    if options.corpus:
        config["data"]["corpus"] = options.corpus
    if not config.get("workDir"):
        parser.error(f"give --work-dir: {options.config} does not name one")
    return options, config
