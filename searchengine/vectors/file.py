"""Exact vectors on disk: an append-only file of float16 rows, read through a memory map."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from searchengine.errors import LibraryDamagedError, StorageFullError
from searchengine.float16 import widened
from searchengine.types import Vectors

Rows = NDArray[np.float16]
"""Stored rows, shape (n, d), float16."""

KEPT_BYTES = 64_000_000
"""Rows as float32 that are kept in memory between queries: 30,000 of 512 numbers. Turning halves to
float32 takes five times as long as the scan itself."""


class VectorFile:
    """A headerless file of float16 rows of width `dim`, row after row.

    The file does not know how many of its rows count: the catalog does. Bytes past that are what a
    writer that died left behind, and the next `append` writes over them.
    """

    def __init__(self, path: Path, dim: int) -> None:
        self.path = path
        self.dim = dim
        self._kept = np.empty((0, dim), dtype=np.float32)

    @property
    def _row_bytes(self) -> int:
        return self.dim * np.dtype(np.float16).itemsize

    def append(self, vectors: Vectors, *, rows: int) -> None:
        """Write `vectors`, shape (n, d), behind the first `rows` rows and wait for the disk.

        Raises StorageFullError on a full disk and LibraryDamagedError when there are fewer than
        `rows` rows.
        """
        if vectors.shape[1] != self.dim:
            raise ValueError(f"vectors of width {vectors.shape[1]} in a file of width {self.dim}")
        self._require(rows)
        is_new = not self.path.exists()
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            with os.fdopen(descriptor, "r+b") as file:
                file.truncate(rows * self._row_bytes)
                file.seek(0, os.SEEK_END)
                file.write(np.ascontiguousarray(vectors, dtype=np.float16).tobytes())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise StorageFullError(self.path.parents[2]) from error
            raise
        if is_new:
            _sync_directory(self.path.parent)

    def read(self, rows: int) -> Rows:
        """The first `rows` rows, shape (rows, d), mapped from disk and read-only.

        Raises LibraryDamagedError when the file is shorter.
        """
        self._require(rows)
        if rows == 0:
            return np.empty((0, self.dim), dtype=np.float16)
        return np.memmap(self.path, dtype=np.float16, mode="r", shape=(rows, self.dim))

    def read_to_scan(self, rows: int) -> Rows | Vectors:
        """As `read`; where it is little, in float32 and kept, as rows that count never change."""
        if 2 * rows * self._row_bytes > KEPT_BYTES:
            return self.read(rows)
        kept = self._kept
        if len(kept) < rows:
            self._kept = kept = widened(self.read(rows))
        return kept[:rows]

    @property
    def bytes(self) -> int:
        """Size of the file in bytes; 0 where there is none."""
        return self.path.stat().st_size if self.path.exists() else 0

    def _require(self, rows: int) -> None:
        if self.bytes < rows * self._row_bytes:
            raise LibraryDamagedError(
                self.path.parents[2],
                f"{self.path.name} holds {self.bytes // self._row_bytes:,} rows, "
                f"the catalog lists {rows:,}",
            )


def _sync_directory(path: Path) -> None:
    """Make a new file's name last through a power cut, where the system lets us."""
    if os.name == "posix":
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
