"""Turn source files into fill-in-the-middle documents and packed training rows.

A document is what the model sees at serving time: an optional repository name, excerpts of
neighbouring files, then one window of a file, split at character level into prefix, middle and
suffix (Bavarian et al. 2022, "Efficient training of language models to fill in the middle") with
the special tokens of Qwen2.5-Coder (Hui et al. 2024, section 3.2).
"""

from __future__ import annotations

import glob
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


def read_files(pattern: str) -> Iterator[SourceFile]:
    """Files of the JSON-lines shards (`{repo, path, text}`, .xz or plain) that match a glob."""
    for shard in sorted(glob.glob(pattern)):
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


def is_held_out(repo: str, buckets: int = 43) -> bool:
    """Whole repositories are held out, so that nothing of a held-out project is ever trained on."""
    return int(hashlib.sha256(repo.encode()).hexdigest()[:8], 16) % buckets == 0


def split_windows(text: str, rng: random.Random, max_chars: int) -> Iterator[str]:
    """Cut a file into consecutive windows of varying length that end at line ends."""
    at = 0
    while at < len(text):
        end = at + int(max_chars * rng.choice((0.15, 0.3, 0.5, 0.7, 0.85, 1.0)))
        if end < len(text):
            newline = text.rfind("\n", at + 40, end)
            end = newline + 1 if newline > 0 else end
        yield text[at:end]
        at = end


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
        if score > best_score:
            best, best_score = (first, last + 1), score
    return "\n".join(lines[best[0]:best[1]])[:max_chars]


@dataclass(frozen=True)
class Document:
    """Pieces of text between special tokens; tokenised piece by piece, as at serving time."""

    pieces: tuple[str, ...]


def build_documents(files: list[SourceFile], rng: random.Random, fim_rate: float, context_rate: float,
                    max_chars: int) -> Iterator[Document]:
    """Documents of one repository."""
    context = RepositoryContext(files, rng)
    for index, file in enumerate(files):
        for window in split_windows(file.text, rng, max_chars):
            if len(window.strip()) < 30:
                continue
            pieces: list[str] = []
            if rng.random() < 0.5:
                pieces += ["<|repo_name|>", file.repo.split("/")[-1] + "\n"]
            if rng.random() < context_rate and len(window) < 0.75 * max_chars:
                room = min(1200, max_chars - len(window))
                for path, excerpt in context.excerpts(index, window, rng.randint(1, 3), max(200, room // 2)):
                    pieces += ["<|file_sep|>", f"{path}\n{excerpt}\n"]
            pieces += ["<|file_sep|>", f"{file.path}\n"]
            if rng.random() < fim_rate:
                start, end = choose_middle(window, rng)
                prefix, middle, suffix = window[:start], window[start:end], window[end:]
                if rng.random() < 0.5:
                    pieces += ["<|fim_prefix|>", prefix, "<|fim_suffix|>", suffix, "<|fim_middle|>", middle]
                else:
                    pieces += ["<|fim_prefix|>", "<|fim_suffix|>", suffix, "<|fim_middle|>", prefix, middle]
            else:
                pieces.append(window)
            pieces.append("<|endoftext|>")
            yield Document(tuple(piece for piece in pieces if piece))


def pack_rows(lengths: list[int], row_tokens: int) -> list[list[int]]:
    """First-fit decreasing over one buffer of documents; returns document indices per row."""
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    rows: list[list[int]] = []
    by_room: dict[int, list[int]] = defaultdict(list)
    for i in order:
        need = lengths[i]
        room = next((r for r in range(need, row_tokens + 1) if by_room.get(r)), None)
        if room is None:
            rows.append([i])
            by_room[row_tokens - need].append(len(rows) - 1)
        else:
            row = by_room[room].pop()
            rows[row].append(i)
            by_room[room - need].append(row)
    return rows
