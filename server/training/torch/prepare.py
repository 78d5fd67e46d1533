"""Train the tokenizer (or take that of the `base`) and pack the corpus: `python prepare.py run.json --work-dir DIR --corpus GLOB`.

Reads JSON-lines shards and writes into the work folder: `tokenizer.json`, one folder `draw-000`,
`draw-001`, … a draw (the same files with the fill-in-the-middle splits, windows and contexts drawn
anew), `held-out`, and `prepared.json`. Such a folder has parts `ids-*.npy` and `documents-*.npy`
(uint16, rows x (contextTokens + 1)). Everything is a function of the configuration, the corpus and the
seed, whatever the number of processes. `--draws 2:5` adds draws to a prepared folder, so that later
passes can be prepared while the first trains.
"""

from __future__ import annotations

import argparse
import glob
import json
import os
import random
import shutil
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
from tokenizers import Tokenizer

import run_config
from corpus import (
    SPECIAL_TOKENS, Document, SourceFile, build_documents, document_of, halves, held_out_groups, is_held_out, is_kept,
    read_shard,
)
from events import emit, run_main
from packing import fill_rows
from tokenizer import train_tokenizer

UNIT_FILES = 300
"""Files of one repository, neighbours by path, that are packed together: enough for context, small
enough to share evenly between processes."""

MIN_WINDOW_CHARS = 16
"""A window whose tokens still do not fit a row at this size (no text does that) is given up."""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    arguments.add_argument("--draws", help="FROM:TO, only these draws, with the tokenizer that is there")
    options, config = run_config.parse(arguments)
    data, work_dir, started = config["data"], config["workDir"], time.time()
    if not data.get("corpus"):
        raise SystemExit("Give --corpus.")
    shards = sorted(glob.glob(data["corpus"], recursive=True))
    if not shards:
        raise SystemExit(f"No file matches --corpus {data['corpus']}.")
    os.makedirs(work_dir, exist_ok=True)
    os.environ["TOKENIZERS_PARALLELISM"] = "true"
    first, last = map(int, options.draws.split(":")) if options.draws else (0, data["draws"])

    context = get_context("spawn")
    with ProcessPoolExecutor(options.processes, context) as pool:
        files = [f for part in pool.map(read_kept, shards, [data["keep"]] * len(shards)) for f in part]
    held = held_out_groups(files, data["heldOutBuckets"])
    training_files = [file for file in files if not is_held_out(file, held)]
    held_files = [file for file in files if is_held_out(file, held)]
    emit("read", files=len(files), bytes=sum(len(f.text) for f in files), seconds=time.time() - started)

    tokenizer_path = os.path.join(work_dir, "tokenizer.json")
    if config.get("base") and not options.draws:
        # A model to start from brings the tokenizer that its embedding belongs to.
        shutil.copyfile(os.path.join(config["base"], "tokenizer.json"), tokenizer_path)
    elif not options.draws:
        rng = random.Random(config["seed"])
        sample = rng.sample(training_files, min(len(training_files), data["tokenizerFiles"]))
        tokenizer = train_tokenizer([f.text for f in sample], config["model"]["vocabSize"])
        tokenizer.save(tokenizer_path)
        emit("tokenizer", entries=tokenizer.get_vocab_size(), seconds=time.time() - started)
        if tokenizer.get_vocab_size() != config["model"]["vocabSize"]:
            raise SystemExit(
                f"The corpus gives a tokenizer of {tokenizer.get_vocab_size()} entries and model.vocabSize asks for "
                f"{config['model']['vocabSize']}. Use more text or a smaller vocabSize.")

    # Encoding runs in the pool's processes; more threads in each would only get in each other's way.
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    with ProcessPoolExecutor(options.processes, context, load_tokenizer, (tokenizer_path,)) as pool:
        if not options.draws:
            write_folder(pool, config, held_files, os.path.join(work_dir, "held-out"), draw=0)
        for draw in range(first, last):
            totals = write_folder(pool, config, training_files, os.path.join(work_dir, f"draw-{draw:03}"), draw)
            emit("packed", draw=draw, **totals, seconds=time.time() - started)
    if not options.draws:
        summary = {"heldOut": sorted(held), "trainingFiles": len(training_files), "heldOutFiles": len(held_files),
                   "seconds": time.time() - started, **totals}
        with open(os.path.join(work_dir, "prepared.json"), "w", encoding="utf-8") as file:
            json.dump(summary, file, indent=2)
        emit("prepared", trainingFiles=len(training_files), heldOutFiles=len(held_files), **totals,
             seconds=time.time() - started)


def read_kept(shard: str, keep: dict[str, float]) -> list[SourceFile]:
    return [file for file in read_shard(shard) if is_kept(file, keep)]


def units_of(files: list[SourceFile]) -> list[list[SourceFile]]:
    """Runs of at most UNIT_FILES files of one repository, in the order of their paths."""
    repositories: dict[str, list[SourceFile]] = defaultdict(list)
    for file in files:
        repositories[file.repo].append(file)
    units = []
    for repo in sorted(repositories):
        ordered = sorted(repositories[repo], key=lambda f: f.path)
        units += [ordered[at:at + UNIT_FILES] for at in range(0, len(ordered), UNIT_FILES)]
    return units


def write_folder(pool: ProcessPoolExecutor, config: dict, files: list[SourceFile], folder: str, draw: int) -> dict:
    """Pack files into `folder`, complete when it has its name. Returns counts of rows and tokens."""
    partial = f"{folder}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    os.makedirs(partial)
    units = units_of(files)
    results = pool.map(pack_unit, units, range(len(units)), [config] * len(units), [draw] * len(units))
    n_tokens = n_bytes = n_rows = n_parts = 0
    pending: list[tuple[np.ndarray, np.ndarray]] = []

    def write() -> None:
        nonlocal n_parts, pending
        np.save(os.path.join(partial, f"ids-{n_parts:04}.npy"), np.concatenate([ids for ids, _ in pending]))
        np.save(os.path.join(partial, f"documents-{n_parts:04}.npy"), np.concatenate([docs for _, docs in pending]))
        n_parts, pending = n_parts + 1, []

    for ids, documents, text_bytes in results:
        pending.append((ids, documents))
        n_rows, n_bytes, n_tokens = n_rows + len(ids), n_bytes + text_bytes, n_tokens + int((documents > 0).sum())
        if sum(len(rows) for rows, _ in pending) > 16_384:
            write()
    if pending:
        write()
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(partial, folder)
    return {"rows": n_rows, "tokens": n_tokens, "textBytes": n_bytes}


_tokenizer: Tokenizer | None = None


def load_tokenizer(path: str) -> None:
    """Runs once in every process of the pool."""
    global _tokenizer
    _tokenizer = Tokenizer.from_file(path)


def pack_unit(files: list[SourceFile], index: int, config: dict, draw: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Rows of one unit, and the bytes of text in them."""
    assert _tokenizer is not None
    rng = random.Random(f"{config['seed']} {draw} {index}")
    data, row_tokens = config["data"], config["model"]["contextTokens"] + 1
    encoded: list[list[int]] = []
    todo = list(build_documents(files, rng, data))
    while todo:
        too_long: list[Document] = []
        for document, ids in zip(todo, encode(_tokenizer, todo)):
            if len(ids) <= row_tokens:
                encoded.append(ids)
            elif len(document.window) > MIN_WINDOW_CHARS:
                too_long.append(document)
        todo = [document_of(d.file, half, [], rng, data) for d in too_long for half in halves(d.window) if half.strip()]
    ids, documents = fill_rows(encoded, row_tokens, _tokenizer.token_to_id("<|fim_pad|>"))
    return ids, documents, sum(len(file.text.encode()) for file in files)


def encode(tokenizer: Tokenizer, documents: list[Document]) -> list[list[int]]:
    """Token ids of each document; pieces between special tokens are encoded on their own."""
    special = {token: tokenizer.token_to_id(token) for token in SPECIAL_TOKENS}
    texts = [piece for document in documents for piece in document.pieces if piece not in special]
    pieces = iter(tokenizer.encode_batch_fast(texts, add_special_tokens=False))
    rows = []
    for document in documents:
        ids: list[int] = []
        for piece in document.pieces:
            ids += [special[piece]] if piece in special else next(pieces).ids
        rows.append(ids)
    return rows


if __name__ == "__main__":
    run_main(main)
