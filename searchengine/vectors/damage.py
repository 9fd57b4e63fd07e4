"""Which rows of a vector file may no longer be what was written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from searchengine.types import BlockChecksum
from searchengine.vectors.checksums import BLOCK_ROWS, blocks_of
from searchengine.vectors.file import VectorFile
from searchengine.vectors.lengths import impossible_rows


@dataclass(frozen=True, slots=True, eq=False)
class BadBlock:
    """A block of rows in which some are wrong, and somebody's."""

    block: int
    rows: int
    """Rows of it that count."""
    is_as_written: bool
    """Whether its checksum fits: what is wrong then was written so, or before there was one."""
    doubtful: NDArray[np.int64]
    """Living rows that may be wrong: all of the block where its checksum does not fit."""
    impossible: NDArray[np.int64]
    """Those of them whose length is not 1."""

    def __str__(self) -> str:
        first = self.block * BLOCK_ROWS
        where = f"rows {first:,} to {first + self.rows - 1:,}"
        if self.is_as_written:
            return f"{len(self.impossible):,} of {where} are not of length 1"
        return f"{where} are not as they were written ({len(self.doubtful):,} of them in use)"


def bad_blocks(
    file: VectorFile, rows: int, living: NDArray[np.int64], known: Mapping[int, BlockChecksum]
) -> Iterator[BadBlock]:
    """The bad blocks of a file of `rows` rows, of which those in `living`, ascending, are in use.

    `known` are the checksums by block; a block without one is judged by its lengths alone, and a
    block in which no row is in use not at all. Raises LibraryDamagedError for a shorter file.
    """
    stored = file.read(rows)
    for block, size in blocks_of(rows):
        first = block * BLOCK_ROWS
        start, stop = np.searchsorted(living, (first, first + size))
        inside = living[start:stop]
        if len(inside) == 0:
            continue
        [found] = file.checksums(rows, [block])
        fits = known.get(block, found) == found
        impossible = np.intersect1d(first + impossible_rows(stored[first : first + size]), inside)
        if not fits or len(impossible):
            yield BadBlock(block, size, fits, impossible if fits else inside, impossible)
