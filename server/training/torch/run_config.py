"""Read a run configuration.

`models/<name>/config.yaml` is the source; TypeScript validates it, completes it and writes it as JSON,
and that file is what these programs read. A configuration in the repository holds no paths: the places
of a machine are given on the command line.
"""

from __future__ import annotations

import argparse
import json


def parse(parser: argparse.ArgumentParser, arguments: list[str] | None = None) -> tuple[argparse.Namespace, dict]:
    """The parsed command line, and the configuration with `workDir` and `data.corpus` filled in from it."""
    parser.add_argument("config", help="the run configuration, JSON")
    parser.add_argument("--work-dir", help="folder for tokenizer, packed rows and checkpoints")
    parser.add_argument("--corpus", help="glob of JSON-lines shards {repo, path, text}, plain or .xz")
    options = parser.parse_args(arguments)
    with open(options.config, encoding="utf-8") as file:
        config = json.load(file)
    if options.work_dir:
        config["workDir"] = options.work_dir
    if options.corpus:
        config["data"]["corpus"] = options.corpus
    if not config.get("workDir"):
        parser.error(f"give --work-dir: {options.config} does not name one")
    return options, config
