"""Turn source files into fill-in-the-middle documents and packed training rows.

A document is what the model sees at serving time: an optional repository name, excerpts of
neighbouring files, then one window of a file, split at character level into prefix, middle and
suffix (Bavarian et al. 2022, "Efficient training of language models to fill in the middle") with
the special tokens of Qwen2.5-Coder (Hui et al. 2024, section 3.2).
"""

from __future__ import annotations

import hashlib
import json
import lzma
import random
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Iterator

SPECIAL_TOKENS = [
    "<|endoftext|>", "<|im_start|>", "<|im_end|>",
    "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>",
    "<|repo_name|>", "<|file_sep|>",
]

IDENTIFIER = re.compile(r"[A-Za-z_$][\w$]{3,}")
LICENSE_WORDS = re.compile(r"licen[sc]e|copyright|spdx|all rights reserved", re.I)
HEADER_COMMENT = re.compile(r"\A\s*(?:(?:/\*.*?\*/|<!--.*?-->)\s*|(?:(?://|#)[^\n]*\n)+\s*)", re.S)


@dataclass(frozen=True)
class SourceFile:
    repo: str
    path: str
    text: str


def read_shard(shard: str) -> Iterator[SourceFile]:
    """Files of one JSON-lines shard (`{repo, path, text}` a line, .xz or plain) that can be trained on."""
    opener = lzma.open if shard.endswith(".xz") else open
    with opener(shard, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            text = strip_license(row["text"].replace("\r\n", "\n"))
            if len(text) >= 40 and not any(token in text for token in SPECIAL_TOKENS):
                yield SourceFile(row["repo"], row["path"], text)


def strip_license(text: str) -> str:
    """Drop a leading comment that is a licence header: 1.7 % of the corpus, and nothing to learn."""
    header = HEADER_COMMENT.match(text)
    if header and LICENSE_WORDS.search(header.group()):
        return text[header.end():]
    return text


def bucket_of(name: str, buckets: int) -> int:
    """The same bucket on every machine and in every run."""
    return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) % buckets


def is_kept(file: SourceFile, keep: dict[str, float]) -> bool:
    """`keep` gives the share of a file extension that is used; the choice hangs on the name alone."""
    share = keep.get(file.path.rsplit(".", 1)[-1], 1.0)
    return bucket_of(f"{file.repo}/{file.path}", 1000) < 1000 * share


def held_out_groups(files: list[SourceFile], buckets: int) -> set[str]:
    """Names (see `group_of`) that are never trained on, one in `buckets`.

    Whole repositories, so that nothing of a held-out project is ever trained on; of a corpus with too few
    repositories, whole files.
    """
    repositories = sorted({file.repo for file in files})
    held = {repo for repo in repositories if bucket_of(repo, buckets) == 0}
    if held and len(held) < len(repositories):
        return held
    paths = sorted({f"{file.repo}/{file.path}" for file in files}, key=lambda name: bucket_of(name, 2**32))
    return set(paths[:max(1, len(paths) // buckets)])


def is_held_out(file: SourceFile, held: set[str]) -> bool:
    return file.repo in held or f"{file.repo}/{file.path}" in held


MIN_TAIL_CHARS = 60
"""What is left of a file goes with the window before it when it is shorter than this."""


def split_windows(text: str, rng: random.Random, max_chars: int) -> Iterator[str]:
    """Cut a file into consecutive windows of varying length that end at line ends; nothing is lost."""
    at = 0
    while at < len(text):
        end = at + int(max_chars * rng.choice((0.15, 0.3, 0.5, 0.7, 0.85, 1.0)))
        if end < len(text):
            newline = text.rfind("\n", at + 40, end)
            end = newline + 1 if newline > 0 else end
        if len(text) - end < MIN_TAIL_CHARS:
            end = len(text)
        yield text[at:end]
        at = end


def halves(window: str) -> tuple[str, str]:
    """A window cut in two at the line end nearest before its middle, or in the middle of its only line."""
    middle = len(window) // 2
    cut = window.rfind("\n", 0, middle) + 1
    return (window[:cut], window[cut:]) if cut > 0 else (window[:middle], window[middle:])


def choose_middle(text: str, rng: random.Random) -> tuple[int, int]:
    """Choose the middle [start, end) of a window: rest of a line, whole lines, or any span."""
    kind = rng.random()
    if kind < 0.2:
        start, end = sorted((rng.randrange(len(text) + 1), rng.randrange(len(text) + 1)))
        return start, min(end, start + 600)
    anchor = rng.randrange(len(text))
    line_start = text.rfind("\n", 0, anchor) + 1
    line_end = text.find("\n", anchor)
    line_end = len(text) if line_end < 0 else line_end
    indent = len(text[line_start:line_end]) - len(text[line_start:line_end].lstrip(" \t"))
    where = rng.random()
    if where < 0.35:
        start = line_start + indent
    elif where < 0.5:
        start = line_start
    else:
        start = rng.randint(line_start + indent, max(line_end, line_start + indent))
    if kind < 0.6:
        cut_short = rng.random() < 0.15 and line_end > start
        return start, rng.randint(start, line_end) if cut_short else max(start, line_end)
    end = line_end
    for _ in range(rng.randint(1, 9)):
        following = text.find("\n", end + 1)
        if following < 0:
            break
        end = following
    return start, max(start, end)


class RepositoryContext:
    """Finds excerpts of sibling files that share rare identifiers with a window."""

    def __init__(self, files: list[SourceFile], rng: random.Random):
        self.files = files
        self.rng = rng
        self.words = [set(IDENTIFIER.findall(f.text[:20000])) for f in files]
        self.files_of = defaultdict(list)
        for i, words in enumerate(self.words):
            for word in words:
                self.files_of[word].append(i)

    def excerpts(self, file_index: int, window: str, count: int, max_chars: int) -> list[tuple[str, str]]:
        words = set(IDENTIFIER.findall(window))
        shared = Counter()
        for word in words:
            holders = self.files_of.get(word, ())
            if 1 < len(holders) <= 12:
                for i in holders:
                    if i != file_index:
                        shared[i] += 1.0 / len(holders)
        chosen = [i for i, _ in shared.most_common(count)]
        found = []
        for i in chosen:
            excerpt = best_excerpt(self.files[i].text, words, max_chars)
            if excerpt.strip():
                found.append((self.files[i].path, excerpt))
        self.rng.shuffle(found)
        return found


def best_excerpt(text: str, words: set[str], max_chars: int) -> str:
    """The stretch of lines with the most identifiers of `words`, at most `max_chars` long."""
    lines = text[:40000].split("\n")
    scores = [len(words.intersection(IDENTIFIER.findall(line))) for line in lines]
    best, best_score, first, size, score = (0, 0), -1, 0, 0, 0
    for last, line in enumerate(lines):
        size += len(line) + 1
        score += scores[last]
        while size > max_chars and first <= last:
            size -= len(lines[first]) + 1
            score -= scores[first]
            first += 1
        # Of equals the last: what follows the names is what they are.
        if score >= best_score:
            best, best_score = (first, last + 1), score
    return "\n".join(lines[best[0]:best[1]])[:max_chars]


@dataclass(frozen=True)
class Document:
    """Pieces of text between special tokens; tokenised piece by piece, as at serving time."""

    pieces: tuple[str, ...]
    file: SourceFile
    window: str


def document_of(file: SourceFile, window: str, excerpts: list[tuple[str, str]], rng: random.Random,
                data: dict) -> Document:
    """One window with its heading: fill-in-the-middle in either order, or plain."""
    pieces: list[str] = []
    if rng.random() < 0.5:
        pieces += ["<|repo_name|>", file.repo.split("/")[-1] + "\n"]
    for path, excerpt in excerpts:
        pieces += ["<|file_sep|>", f"{path}\n{excerpt}\n"]
    pieces += ["<|file_sep|>", f"{file.path}\n"]
    if rng.random() < data["fimRate"]:
        start, end = choose_middle(window, rng)
        prefix, middle, suffix = window[:start], window[start:end], window[end:]
        if rng.random() < data["spmRate"]:
            pieces += ["<|fim_prefix|>", "<|fim_suffix|>", suffix, "<|fim_middle|>", prefix, middle]
        else:
            pieces += ["<|fim_prefix|>", prefix, "<|fim_suffix|>", suffix, "<|fim_middle|>", middle]
    else:
        pieces.append(window)
    pieces.append("<|endoftext|>")
    return Document(tuple(piece for piece in pieces if piece), file, window)


def build_documents(files: list[SourceFile], rng: random.Random, data: dict) -> Iterator[Document]:
    """Documents of files of one repository. `data` is the run configuration's section of that name."""
    context = RepositoryContext(files, rng)
    max_chars = data["windowChars"]
    for index, file in enumerate(files):
        for window in split_windows(file.text, rng, max_chars):
            if not window.strip():
                continue
            excerpts: list[tuple[str, str]] = []
            if rng.random() < data["contextRate"] and len(window) < 0.75 * max_chars:
                room = min(data["contextChars"], max_chars - len(window))
                excerpts = context.excerpts(index, window, rng.randint(1, 3), max(200, room // 2))
            yield document_of(file, window, excerpts, rng, data)
