"""Sets of rows as bits, eight to the byte: what FAISS takes as it is, and fifty million in 6 MB."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

RowNumbers = NDArray[np.int64]


class RowSet:
    """Some of the rows 0 to `count` - 1. It does not change."""

    def __init__(self, bits: NDArray[np.uint8], count: int) -> None:
        """Row r is in it where bit r % 8 of byte r // 8 is set; no bit from `count` on is."""
        self.bits = bits
        self.count = count

    @staticmethod
    def every(count: int) -> RowSet:
        """All of so many rows."""
        return RowSet.up_to(np.full((count + 7) // 8, 0xFF, dtype=np.uint8), count)

    @staticmethod
    def up_to(bits: NDArray[np.uint8], count: int) -> RowSet:
        """Those of the first `count` rows that are set in `bits`, which may hold more of them."""
        bits = np.array(bits[: (count + 7) // 8])
        if count % 8:
            bits[-1] &= 0xFF >> (8 - count % 8)
        return RowSet(bits, count)

    @staticmethod
    def of(rows: RowNumbers, count: int) -> RowSet:
        """These of so many rows, in any order."""
        return RowSet.of_mask(_mask(rows, count))

    @staticmethod
    def of_mask(mask: NDArray[np.bool_]) -> RowSet:
        """The rows where a mask of shape (n,) is true."""
        return RowSet(np.packbits(mask, bitorder="little"), len(mask))

    def __getitem__(self, rows: RowNumbers) -> NDArray[np.bool_]:
        """Whether each of these rows, all below `count`, is in it, shape (m,)."""
        bits: NDArray[np.bool_] = (self.bits[rows >> 3] >> (rows & 7).astype(np.uint8) & 1).astype(
            bool
        )
        return bits

    def __and__(self, other: RowSet) -> RowSet:
        """Those that are in both, of as many rows."""
        return RowSet(self.bits & other.bits, self.count)

    def without(self, rows: RowNumbers) -> RowSet:
        """All but these rows, which are below `count`."""
        if len(rows) == 0:
            return self
        bits = np.array(self.bits)
        removed = (1 << (rows & 7)).astype(np.uint8)
        np.bitwise_and.at(bits, rows >> 3, ~removed)
        return RowSet(bits, self.count)

    def below(self, count: int) -> int:
        """How many of the first `count` rows are in it."""
        whole, rest = divmod(min(count, self.count), 8)
        first = self.size if count >= self.count else _number_of_bits(self.bits[:whole])
        if count >= self.count or rest == 0:
            return first
        return first + int(self.bits[whole] & 0xFF >> (8 - rest)).bit_count()

    @cached_property
    def size(self) -> int:
        """How many rows are in it."""
        return _number_of_bits(self.bits)

    @property
    def is_every(self) -> bool:
        """Whether all rows are."""
        return self.size == self.count

    def numbers(self) -> RowNumbers:
        """The rows in it, ascending."""
        return np.flatnonzero(np.unpackbits(self.bits, count=self.count, bitorder="little"))


def _mask(rows: RowNumbers, count: int) -> NDArray[np.bool_]:
    mask = np.zeros(count, dtype=bool)
    mask[rows] = True
    return mask


def _number_of_bits(bits: NDArray[Any]) -> int:
    words = len(bits) // 8 * 8
    counted = np.bitwise_count(bits[:words].view(np.uint64)), np.bitwise_count(bits[words:])
    return sum(int(part.sum(dtype=np.int64)) for part in counted)
