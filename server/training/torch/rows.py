"""Batches of packed rows, read from memory-mapped files by a thread of their own.

A run walks over the corpus in passes. Pass p uses draw p modulo the number of draws, in an order that
hangs on the seed and p alone, so a position (pass, batch) says exactly what comes next, on any number
of processes and after any number of restarts.
"""

from __future__ import annotations

import glob
import os
import queue
import threading
import time
from dataclasses import dataclass
from typing import Iterator

import numpy as np
import torch

AHEAD_BATCHES = 4
"""Batches that wait in memory, so that reading never holds up the device."""

DRAW_WAIT_SECONDS = 900
"""Longest that a draw which is still being prepared is waited for."""


class PackedRows:
    """The rows of one folder that `prepare.py` wrote: ids and document numbers, (rows, tokens) uint16."""

    def __init__(self, folder: str):
        self.ids = [np.load(path, mmap_mode="r") for path in sorted(glob.glob(os.path.join(folder, "ids-*.npy")))]
        self.documents = [np.load(p, mmap_mode="r") for p in sorted(glob.glob(os.path.join(folder, "documents-*.npy")))]
        self.starts = np.cumsum([0] + [len(part) for part in self.ids])

    def __len__(self) -> int:
        return int(self.starts[-1])

    def take(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        part_of = np.searchsorted(self.starts, indices, side="right") - 1
        at = indices - self.starts[part_of]
        return (np.stack([self.ids[p][i] for p, i in zip(part_of, at)]),
                np.stack([self.documents[p][i] for p, i in zip(part_of, at)]))


@dataclass(frozen=True)
class Position:
    """Where a run stands in its data: batches taken of a pass."""

    pass_number: int = 0
    batch: int = 0


def open_draw(work_dir: str, number: int) -> PackedRows:
    """A draw, waited for while another process prepares it."""
    folder = os.path.join(work_dir, f"draw-{number:03}")
    deadline = time.monotonic() + DRAW_WAIT_SECONDS
    while not os.path.isdir(folder):
        if time.monotonic() > deadline:
            raise SystemExit(f"{folder} is not there: run prepare.py first.")
        time.sleep(0.2)
    return PackedRows(folder)


def batch_indices(work_dir: str, seed: int, draws: int, batch_rows: int, start: Position
                  ) -> Iterator[tuple[PackedRows, np.ndarray, Position]]:
    """Row numbers of one batch after another from `start` on, each with the position after it."""
    number, batch = start.pass_number, start.batch
    while True:
        rows = open_draw(work_dir, number % draws)
        order = np.random.default_rng([seed, number]).permutation(len(rows))
        n_batches = len(rows) // batch_rows
        if n_batches == 0:
            raise SystemExit(f"The corpus gives {len(rows)} rows, less than one batch of training.batchRows ({batch_rows}).")
        while batch < n_batches:
            batch += 1
            yield rows, order[(batch - 1) * batch_rows:batch * batch_rows], Position(number, batch)
        number, batch = number + 1, 0


@dataclass(frozen=True)
class MicroBatch:
    ids: torch.Tensor  # (rows, tokens) int64
    documents: torch.Tensor


def to_tensors(ids: np.ndarray, documents: np.ndarray, pin: bool) -> MicroBatch:
    tensors = [torch.from_numpy(part.astype(np.int64)) for part in (ids, documents)]
    return MicroBatch(*(tensor.pin_memory() if pin else tensor for tensor in tensors))


class Loader:
    """Reads ahead in a thread. `next()` gives the micro-batches of this rank and the position after them."""

    def __init__(self, work_dir: str, seed: int, draws: int, batch_rows: int, micro_rows: int, start: Position,
                 rank: int, world: int, pin: bool):
        self.queue: queue.Queue = queue.Queue(AHEAD_BATCHES)
        self.ended = threading.Event()
        source = batch_indices(work_dir, seed, draws, batch_rows, start)

        def read() -> None:
            try:
                for rows, indices, position in source:
                    mine = indices[rank::world]
                    parts = [to_tensors(*rows.take(mine[at:at + micro_rows]), pin) for at in range(0, len(mine), micro_rows)]
                    if not self.put((parts, position)):
                        return
            except BaseException as error:  # raised again in the thread that asks
                self.put(error)

        self.thread = threading.Thread(target=read, daemon=True)
        self.thread.start()

    def put(self, item: object) -> bool:
        while not self.ended.is_set():
            try:
                self.queue.put(item, timeout=0.2)
                return True
            except queue.Full:
                continue
        return False

    def next(self) -> tuple[list[MicroBatch], Position]:
        item = self.queue.get()
        if isinstance(item, BaseException):
            raise item
        return item

    def close(self) -> None:
        self.ended.set()
