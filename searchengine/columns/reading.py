"""Columns as they lie on the disk, mapped; each is held against its checksums once."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from searchengine.columns.head import Head
from searchengine.columns.layout import (
    ALIVE,
    BLOCK,
    CAMERAS,
    COLUMNS,
    DTYPES,
    FOLDERS,
    LABELLED,
    SUMS,
    checksum,
    values_of,
)
from searchengine.files import open_ordinary
from searchengine.vectors.rowset import RowSet


class TornColumnsError(Exception):
    """A file is shorter than the head says, or not as it was written."""


class Columns:
    """The columns of one state. Any thread may ask; everything raises TornColumnsError."""

    def __init__(self, directory: Path, head: Head, before: Columns | None = None) -> None:
        """`before` are those of an earlier state: what was held against checksums is not again."""
        self.head = head
        self._place = directory / head.place
        is_same = before is not None and before.head.place == head.place
        self._sound: set[str] = before._sound if before is not None and is_same else set()
        self._mapped: dict[str, NDArray[Any]] = {}

    def column(self, name: str) -> NDArray[Any]:
        """The values of one of `COLUMNS`; of `ALIVE` bytes of eight rows each."""
        if name not in self._mapped:
            values = self._map(name, values_of(name, self.head.rows), DTYPES[name])
            if name not in self._sound:
                self._hold_against_checksums(name, values)
                self._sound.add(name)
            self._mapped[name] = values
        return self._mapped[name]

    @cached_property
    def living(self) -> RowSet:
        """The rows that are an image's, copied: it stays what it is."""
        return RowSet.up_to(self.column(ALIVE), self.head.rows)

    @cached_property
    def folders(self) -> Sequence[str]:
        """The names of folders, by number."""
        return self._names(FOLDERS, self.head.folders, self.head.crcs[0])

    @cached_property
    def cameras(self) -> Sequence[str]:
        """The names of cameras, by number."""
        return self._names(CAMERAS, self.head.cameras, self.head.crcs[1])

    @cached_property
    def labelled(self) -> Sequence[str]:
        """What labels images have together, by number: each a list of names in JSON."""
        return self._names(LABELLED, self.head.labelled, self.head.crcs[2])

    @cached_property
    def labels(self) -> Mapping[str, Sequence[int]]:
        """The numbers of what has a label, by its name in lower case."""
        found: dict[str, list[int]] = {}
        try:
            for number, names in enumerate(self.labelled):
                for name in set(json.loads(names)):
                    found.setdefault(name, []).append(number)
        except (ValueError, TypeError, RecursionError) as error:
            raise TornColumnsError(LABELLED) from error
        return found

    @cached_property
    def folders_in_order(self) -> tuple[list[str], NDArray[np.int64]]:
        """The names of folders, ascending, and their numbers."""
        order = sorted(range(len(self.folders)), key=self.folders.__getitem__)
        return [self.folders[number] for number in order], np.array(order, dtype=np.int64)

    def _names(self, name: str, size: int, crc: int) -> Sequence[str]:
        data = self._map(name, size, np.dtype(np.uint8)).tobytes()
        if zlib.crc32(data) != crc:
            raise TornColumnsError(name)
        return data.decode().split("\0")[:-1]

    def _map(self, name: str, count: int, dtype: np.dtype[Any]) -> NDArray[Any]:
        if count == 0:
            return np.empty(0, dtype=dtype)
        try:
            with open_ordinary(self._place / name) as file:
                return np.memmap(file, dtype=dtype, mode="r", shape=(count,)).view(np.ndarray)
        except (OSError, ValueError) as error:
            raise TornColumnsError(name) from error

    def _hold_against_checksums(self, name: str, values: NDArray[Any]) -> None:
        blocks = -(-self.head.rows // BLOCK)
        sums = self._map(SUMS, blocks * len(COLUMNS), np.dtype("<u4"))
        said = sums[COLUMNS.index(name) :: len(COLUMNS)].tolist()
        size = values_of(name, BLOCK)
        for block, crc in enumerate(said):
            rows = min(BLOCK, self.head.rows - block * BLOCK)
            if checksum(name, values[block * size : (block + 1) * size], rows) != crc:
                raise TornColumnsError(name)
