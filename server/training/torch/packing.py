"""Pack tokenised documents into rows of one length.

A row holds several documents one after the other; `documents` gives for each token the number of its
document in the row, from 1, and 0 for padding, so that attention and loss stay inside a document.
"""

from __future__ import annotations

import numpy as np


def pack_rows(lengths: list[int], row_tokens: int) -> list[list[int]]:
    """Best-fit decreasing; returns the indices of the documents of each row."""
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    rows: list[list[int]] = []
    with_room: dict[int, list[int]] = {}
    rooms = 0  # bit r is set when some row has r tokens of room
    for i in order:
        need = lengths[i]
        fitting = rooms >> need
        if fitting == 0:
            rows.append([])
            row, room = len(rows) - 1, row_tokens
        else:
            room = need + (fitting & -fitting).bit_length() - 1
            row = with_room[room].pop()
            if not with_room[room]:
                rooms &= ~(1 << room)
        rows[row].append(i)
        left = room - need
        with_room.setdefault(left, []).append(row)
        rooms |= 1 << left
    return rows


def fill_rows(documents: list[list[int]], row_tokens: int, pad: int) -> tuple[np.ndarray, np.ndarray]:
    """Token ids and document numbers, both (rows, row_tokens) uint16, of documents no longer than a row."""
    members = pack_rows([len(ids) for ids in documents], row_tokens)
    rows = np.full((len(members), row_tokens), pad, dtype=np.uint16)
    numbers = np.zeros((len(members), row_tokens), dtype=np.uint16)
    for row, indices in enumerate(members):
        at = 0
        for number, index in enumerate(indices, start=1):
            ids = documents[index]
            rows[row, at:at + len(ids)] = ids
            numbers[row, at:at + len(ids)] = number
            at += len(ids)
    return rows, numbers
