"""Exact vectors on disk: an append-only file of float16 rows, read through a memory map."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from searchengine.errors import LibraryDamagedError, LibraryUnusableError, reason_of
from searchengine.files import open_own, sync_directory, unwritable
from searchengine.float16 import widened
from searchengine.types import BlockChecksum, Vectors
from searchengine.vectors.checksums import BLOCK_ROWS, continued
from searchengine.vectors.lengths import impossible_rows

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
        self.impossible = np.empty(0, dtype=np.int64)
        """Rows found so far whose length is not 1, ascending: damaged, and no answer to anything.
        `look_through` finds them all."""
        self._looked = 0
        self._kept = np.empty((0, dim), dtype=np.float32)

    @property
    def _row_bytes(self) -> int:
        return self.dim * np.dtype(np.float16).itemsize

    def append(
        self, vectors: Vectors, *, rows: int, last: BlockChecksum | None = None
    ) -> list[BlockChecksum]:
        """Write `vectors`, shape (n, d), behind the first `rows` rows and wait for the disk.

        Returns the checksums of the blocks they lie in. `last` is that of the block they begin in,
        where it is known; else the rows before them in it are read.
        Raises StorageFullError on a full disk, and LibraryDamagedError where there are fewer than
        `rows` rows and where the file is a link to another one.
        """
        if vectors.shape[1] != self.dim:
            raise ValueError(f"vectors of width {vectors.shape[1]} in a file of width {self.dim}")
        self._require(rows)
        is_new = not self.path.exists()
        data = np.ascontiguousarray(vectors, dtype=np.float16).tobytes()
        before = rows % BLOCK_ROWS
        if last is None or (last.block, last.rows) != (rows // BLOCK_ROWS, before):
            crc = zlib.crc32(self.read(rows)[rows - before :].tobytes())
        else:
            crc = last.crc
        with self._opened_to_write() as file:
            file.truncate(rows * self._row_bytes)
            file.seek(0, os.SEEK_END)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if is_new:
            sync_directory(self.path.parent)
        return list(continued(data, self._row_bytes, rows, crc))

    def lengthen(self, rows: int) -> None:
        """Fill up with zeros, which are no vectors, what is missing of `rows` rows.

        Raises as `append`.
        """
        if self.bytes < rows * self._row_bytes:
            with self._opened_to_write() as file:
                file.truncate(rows * self._row_bytes)

    @contextmanager
    def _opened_to_write(self) -> Iterator[BinaryIO]:
        try:
            with open_own(self.path) as file:
                yield file
        except OSError as error:
            if (strange := self._what_it_is_instead()) is not None:
                raise strange from error
            raise unwritable(self.path.parents[2], self.path.name, error) from error

    def read(self, rows: int) -> Rows:
        """The first `rows` rows, shape (rows, d), mapped from disk and read-only.

        Raises LibraryDamagedError when the file is shorter, and LibraryUnusableError where it may
        not be read.
        """
        self._require(rows)
        if rows == 0:
            return np.empty((0, self.dim), dtype=np.float16)
        try:
            return np.memmap(self.path, dtype=np.float16, mode="r", shape=(rows, self.dim))
        except OSError as error:
            why = f"{self.path.name}: {reason_of(error)}"
            raise LibraryUnusableError(self.path.parents[2], why) from error

    def read_to_scan(self, rows: int) -> Rows | Vectors:
        """As `read`; where it is little, in float32, looked through and kept.

        Rows that count never change.
        """
        if not self.is_little(rows):
            return self.read(rows)
        kept = self._kept
        if len(kept) < rows:
            self._kept = kept = widened(self.read(rows))
            self._note_impossible(kept)
        return kept[:rows]

    def is_little(self, rows: int) -> bool:
        """Whether so many rows are kept in memory once they are read."""
        return 2 * rows * self._row_bytes <= KEPT_BYTES

    def look_through(self, rows: int) -> NDArray[np.int64]:
        """Those of the first `rows` rows whose length is not 1, ascending; each is read once."""
        if self._looked < rows:
            self._note_impossible(self.read(rows))
        return self.impossible[: np.searchsorted(self.impossible, rows)]

    def _note_impossible(self, rows: NDArray[Any]) -> None:
        seen = self._looked
        fresh = seen + impossible_rows(rows[seen:])
        if len(fresh):
            self.impossible = np.union1d(self.impossible, fresh)  # two threads may find the same
        self._looked = max(seen, len(rows))

    def checksums(self, rows: int, blocks: Iterable[int]) -> Iterator[BlockChecksum]:
        """The checksums of these blocks as the file holds them now, where `rows` rows count."""
        stored = self.read(rows)
        for block in blocks:
            first = block * BLOCK_ROWS
            data = stored[first : first + BLOCK_ROWS].tobytes()
            yield from continued(data, self._row_bytes, first)

    @property
    def bytes(self) -> int:
        """Size of the file in bytes; 0 where there is none."""
        return self.path.stat().st_size if self.path.is_file() else 0

    def _what_it_is_instead(self) -> LibraryDamagedError | None:
        """The error where a link or no ordinary file is in its place, which we do not take away."""
        library = self.path.parents[2]
        if self.path.is_symlink():
            why = (
                f"is a link to {os.readlink(self.path)}, which is left as it is: put the file "
                "itself in its place, or remove the link"
            )
        elif self.path.exists() and not self.path.is_file():
            why = "is no ordinary file: remove it"
        else:
            return None
        then = f"then mend it with: clipseek check --repair --library {library}"
        return LibraryDamagedError(library, f"{self.path.name} {why}", then)

    def _require(self, rows: int) -> None:
        if self.bytes < rows * self._row_bytes:
            strange = self._what_it_is_instead()
            if strange is not None:
                raise strange
            raise LibraryDamagedError(
                self.path.parents[2],
                f"{self.path.name} holds {self.bytes // self._row_bytes:,} rows, "
                f"the catalog lists {rows:,}",
            )
