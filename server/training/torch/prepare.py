"""Train the tokenizer and pack the corpus: `python prepare.py recipe.json --work-dir DIR --corpus GLOB`.

Reads `data.corpus` (a glob of JSON-lines shards) and writes into `workDir`: `tokenizer.json`,
`rows.npy` (uint16, rows x (rowTokens + 1)), `documents.npy` (document number of each token, so that
attention stays inside a document), `held-out.npy` / `held-out-documents.npy`, and `prepared.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import time
from collections import defaultdict

import numpy as np
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

import run_config
from corpus import SPECIAL_TOKENS, build_documents, is_held_out, pack_rows, read_files

# The pre-tokenizer of Qwen2: one token never spans a line end, digits stand alone.
PRETOKENIZE = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def emit(kind: str, **fields: object) -> None:
    print(json.dumps({"event": kind, **fields}), flush=True)


def train_tokenizer(texts: list[str], vocab_size: int) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PRETOKENIZE), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=SPECIAL_TOKENS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    _, config = run_config.parse(arguments)
    if not config["data"].get("corpus"):
        arguments.error("give --corpus")
    data, work_dir = config["data"], config["workDir"]
    row_tokens = config["model"]["contextTokens"] + 1
    os.makedirs(work_dir, exist_ok=True)
    rng = random.Random(config["seed"])
    started = time.time()

    repositories: dict[str, list] = defaultdict(list)
    for file in read_files(data["corpus"]):
        keep = data["keep"].get(file.path.rsplit(".", 1)[-1], 1.0)
        if rng.random() < keep:
            repositories[file.repo].append(file)
    n_bytes = sum(len(f.text) for files in repositories.values() for f in files)
    emit("read", repositories=len(repositories), bytes=n_bytes, seconds=time.time() - started)

    tokenizer_path = os.path.join(work_dir, "tokenizer.json")
    training_files = [f for repo in sorted(repositories) if not is_held_out(repo) for f in repositories[repo]]
    sample = rng.sample(training_files, min(len(training_files), data["tokenizerFiles"]))
    tokenizer = train_tokenizer([f.text for f in sample], config["model"]["vocabSize"])
    tokenizer.save(tokenizer_path)
    emit("tokenizer", entries=tokenizer.get_vocab_size(), seconds=time.time() - started)

    special_ids = {token: tokenizer.token_to_id(token) for token in SPECIAL_TOKENS}
    train_rows, train_docs, held_rows, held_docs = [], [], [], []
    pending: list[list[int]] = []

    def tokenise(documents: list) -> list[list[int]]:
        texts = [piece for d in documents for piece in d.pieces if piece not in special_ids]
        encoded = iter(tokenizer.encode_batch_fast(texts, add_special_tokens=False))
        ids = []
        for document in documents:
            row: list[int] = []
            for piece in document.pieces:
                row += [special_ids[piece]] if piece in special_ids else next(encoded).ids
            ids.append(row[:row_tokens])
        return ids

    def flush(ids: list[list[int]], rows: list, docs: list) -> None:
        for members in pack_rows([len(i) for i in ids], row_tokens):
            row = np.full(row_tokens, special_ids["<|fim_pad|>"], dtype=np.uint16)
            numbers = np.zeros(row_tokens, dtype=np.uint8)
            at = 0
            for number, member in enumerate(members, start=1):
                row[at:at + len(ids[member])] = ids[member]
                numbers[at:at + len(ids[member])] = min(number, 255)
                at += len(ids[member])
            rows.append(row)
            docs.append(numbers)

    buffer: list = []
    n_tokens = 0
    order = sorted(repositories)
    rng.shuffle(order)
    for count, repo in enumerate(order):
        held_out = is_held_out(repo)
        for document in build_documents(repositories[repo], rng, data["fimRate"], data["contextRate"], data["windowChars"]):
            buffer.append(document)
            if len(buffer) >= 4096:
                ids = tokenise(buffer)
                n_tokens += sum(map(len, ids))
                flush(ids, *((held_rows, held_docs) if held_out else (train_rows, train_docs)))
                buffer = []
        if buffer:
            ids = tokenise(buffer)
            n_tokens += sum(map(len, ids))
            flush(ids, *((held_rows, held_docs) if held_out else (train_rows, train_docs)))
            buffer = []
        if count % 10 == 0:
            emit("packed", repositories=count + 1, tokens=n_tokens, seconds=time.time() - started)

    shuffle = np.random.default_rng(config["seed"]).permutation(len(train_rows))
    np.save(os.path.join(work_dir, "rows.npy"), np.stack(train_rows)[shuffle])
    np.save(os.path.join(work_dir, "documents.npy"), np.stack(train_docs)[shuffle])
    np.save(os.path.join(work_dir, "held-out.npy"), np.stack(held_rows))
    np.save(os.path.join(work_dir, "held-out-documents.npy"), np.stack(held_docs))
    summary = {
        "tokens": n_tokens, "trainRows": len(train_rows), "heldOutRows": len(held_rows),
        "bytesPerToken": n_bytes / n_tokens, "seconds": time.time() - started,
        "heldOutRepositories": [repo for repo in order if is_held_out(repo)],
    }
    json.dump(summary, open(os.path.join(work_dir, "prepared.json"), "w"), indent=2)
    emit("prepared", **summary)


if __name__ == "__main__":
    main()
