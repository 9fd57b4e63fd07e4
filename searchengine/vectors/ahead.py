"""Rows that lie scattered over a file, asked of the disk all at once before they are looked at.

A mapped row that is not in memory is waited for when it is touched, one after the other, and each
time the system reads what lies around it as well. Asked for ahead, the disk brings many together.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from mmap import PAGESIZE, mmap

import numpy as np
from numpy.typing import NDArray

from searchengine.types import Vectors
from searchengine.vectors.file import Rows

LEAST_ROWS = 64
"""Fewer are not worth a question."""

SAMPLED = 32
"""Rows that say whether the others are in memory: asking for what is there is as dear as taking it,
and of a sample it takes some microseconds."""


def ask_ahead(rows: Rows | Vectors, numbers: NDArray[np.int64]) -> None:
    """Have the system read the rows of these ascending numbers, where it has to and can be asked.

    `rows`, shape (n, d), are a whole mapped file, or in memory. Returns at once.
    """
    path = _file_of(rows)
    if len(numbers) < LEAST_ROWS or path is None:
        return
    with suppress(OSError):  # it is only a hint
        file = os.open(path, os.O_RDONLY)
        try:
            if _is_somewhere_else(file, rows, numbers):
                for start, stop in stretches(numbers, rows.strides[0]):
                    os.posix_fadvise(file, start, stop - start, os.POSIX_FADV_WILLNEED)
        finally:
            os.close(file)


def stretches(numbers: NDArray[np.int64], row_bytes: int) -> Iterator[tuple[int, int]]:
    """Where the pages of rows of ascending numbers begin and end in a file, in bytes."""
    first = numbers * row_bytes // PAGESIZE
    behind = -(-(numbers + 1) * row_bytes // PAGESIZE)
    apart = np.flatnonzero(first[1:] > behind[:-1]) + 1
    starts, stops = first[np.r_[0, apart]], behind[np.r_[apart - 1, len(numbers) - 1]]
    return zip((starts * PAGESIZE).tolist(), (stops * PAGESIZE).tolist(), strict=True)


def _file_of(rows: Rows | Vectors) -> str | None:
    """The file that the rows are the whole of, on a system that has both questions."""
    if not hasattr(os, "posix_fadvise") or not hasattr(os, "RWF_NOWAIT"):
        return None
    if not isinstance(rows, np.memmap) or not isinstance(rows.base, mmap) or rows.offset:
        return None
    return rows.filename


def _is_somewhere_else(file: int, rows: Rows | Vectors, numbers: NDArray[np.int64]) -> bool:
    """Whether any of a sample of the rows is not in memory, or the file system cannot tell."""
    row_bytes, first = rows.strides[0], bytearray(1)
    try:
        for number in numbers[:: max(1, len(numbers) // SAMPLED)].tolist():
            os.preadv(file, [first], number * row_bytes, os.RWF_NOWAIT)
    except OSError:
        return True
    return False
