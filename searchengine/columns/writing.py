"""Writing columns: made anew beside the old ones, or brought from one state to the next in place.

Readers may be looking at the files meanwhile. What they look at is only added to; where a value
changes, the head goes first, and they go back to the catalog until there is the next.
"""

from __future__ import annotations

import os
import shutil
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from searchengine.catalog.columns.facts import RowFacts
from searchengine.columns.head import HEAD, Head, head_bytes, places
from searchengine.columns.layout import (
    ALIVE,
    BLOCK,
    CAMERAS,
    COLUMNS,
    DTYPES,
    FOLDERS,
    KIND,
    LABELLED,
    NAMES,
    SUMS,
    Cells,
    cells_of,
    checksum,
    values_of,
)
from searchengine.files import open_own, replacing, sync_directory

_SUM = np.dtype("<u4")


def make(directory: Path, state: str, parts: Iterable[RowFacts]) -> Head:
    """Write the columns of a space anew, in the directory of the space. Raises OSError."""
    place = directory / f"columns-{os.urandom(4).hex()}"
    place.mkdir()
    try:
        empty = Head(state, place.name, 0, 0, 0, 0, (0, 0, 0))
        head = bring(directory, empty, Names(), state, parts)
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise
    for other in places(directory):
        if other != place:
            shutil.rmtree(other, ignore_errors=True)
    return head


def forget(directory: Path) -> None:
    """Let there be no columns: what reads a filter asks the catalog. Raises OSError."""
    try:
        (directory / HEAD).unlink()
    except FileNotFoundError:
        return
    sync_directory(directory)


class DamagedColumnsError(Exception):
    """A block that is to be changed is not as it was written."""


@dataclass(slots=True)
class Names:
    """The numbers that names have in columns."""

    folders: dict[str, int]
    cameras: dict[str, int]
    labelled: dict[str, int]

    def __init__(
        self,
        folders: Sequence[str] = (),
        cameras: Sequence[str] = (),
        labelled: Sequence[str] = (),
    ) -> None:
        self.folders, self.cameras, self.labelled = (
            {name: number for number, name in enumerate(names)}
            for names in (folders, cameras, labelled)
        )


def bring(directory: Path, head: Head, names: Names, state: str, parts: Iterable[RowFacts]) -> Head:
    """Bring the columns of `head`, whose names are known, to a state of the catalog.

    `parts` are what changed and what is new; rows that are new come in their order. The caller
    holds the library's lock. Raises OSError and DamagedColumnsError.
    """
    place = directory / head.place
    with _Files(place) as files:
        for facts in parts:
            if facts.rows[0] < head.rows:
                forget(directory)
            cells = files.numbered(facts, names)
            head = files.put(cells, head)
        head = files.end(head)
    head = replace(head, state=state)
    with replacing(directory / HEAD) as beside:
        beside.write_bytes(head_bytes(head))
    return head


class _Files:
    """The files of columns, open to be written."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._open: dict[str, BinaryIO] = {}
        self._new: dict[str, list[bytes]] = {name: [] for name in NAMES}

    def __enter__(self) -> _Files:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._open.values():
            file.close()

    def numbered(self, facts: RowFacts, names: Names) -> Cells:
        """The cells of facts; names that are new get a number."""
        return cells_of(
            facts,
            self._numbers(FOLDERS, facts.folders, names.folders),
            self._numbers(CAMERAS, facts.cameras, names.cameras),
            self._numbers(LABELLED, facts.labelled, names.labelled),
        )

    def _numbers(self, file: str, said: Sequence[str], known: dict[str, int]) -> NDArray[np.int32]:
        for name in said:
            if name not in known:
                known[name] = len(known)
                self._new[file].append(name.encode() + b"\0")
        return np.array([known[name] for name in said], dtype=np.int32)

    def put(self, cells: Cells, head: Head) -> Head:
        """Write cells to the blocks they are of, and the checksums of those."""
        numbers = cells.rows // BLOCK
        for block in np.unique(numbers).tolist():
            inside = numbers == block
            start, rows = block * BLOCK, cells.rows[inside]
            before = min(max(0, head.rows - start), BLOCK)
            after = max(before, int(rows[-1]) + 1 - start)
            written = {}
            for name, values in cells.columns.items():
                written[name] = np.zeros(after, dtype=DTYPES[name])
                written[name][:before] = self._known(name, block, before)
                written[name][rows - start] = values[inside]
                self._write(name, start, written[name])
            written[ALIVE] = np.packbits(written[KIND] != 0, bitorder="little")
            self._write(ALIVE, start // 8, written[ALIVE])
            sums = [checksum(name, written[name], after) for name in COLUMNS]
            self._write(SUMS, len(COLUMNS) * block, np.array(sums, dtype=_SUM))
            head = replace(head, rows=max(head.rows, start + after))
        return head

    def _known(self, name: str, block: int, rows: int) -> NDArray[Any]:
        """The first `rows` rows of a block, which are as they were written."""
        there = self._read(name, block * BLOCK, rows, DTYPES[name])
        place = len(COLUMNS) * block + COLUMNS.index(name)
        if rows and [checksum(name, there, rows)] != self._read(SUMS, place, 1, _SUM).tolist():
            raise DamagedColumnsError(name)
        return there

    def _read(self, name: str, first: int, count: int, dtype: np.dtype[Any]) -> NDArray[Any]:
        file = self._file(name)
        file.seek(first * dtype.itemsize)
        data = file.read(count * dtype.itemsize)
        if len(data) < count * dtype.itemsize:
            raise DamagedColumnsError(name)
        return np.frombuffer(data, dtype=dtype)

    def _write(self, name: str, first: int, values: NDArray[Any]) -> None:
        file = self._file(name)
        file.seek(first * values.itemsize)
        file.write(values.tobytes())

    def _file(self, name: str) -> BinaryIO:
        if name not in self._open:
            self._open[name] = open_own(self._place / name)
        return self._open[name]

    def end(self, head: Head) -> Head:
        """Write the names that are new, and wait for the disk; returns what counts now."""
        lengths, crcs = [head.folders, head.cameras, head.labelled], list(head.crcs)
        for which, name in enumerate(NAMES):
            data = b"".join(self._new[name])
            self._file(name).seek(lengths[which])
            self._file(name).write(data)
            lengths[which] += len(data)
            crcs[which] = zlib.crc32(data, crcs[which])
        for name in (*COLUMNS, SUMS):  # an empty space has them too
            self._file(name)
        for file in self._open.values():
            file.flush()
            os.fsync(file.fileno())
        folders, cameras, labelled = lengths
        of_names = crcs[0], crcs[1], crcs[2]
        return replace(head, folders=folders, cameras=cameras, labelled=labelled, crcs=of_names)


def is_long_enough(place: Path, head: Head) -> bool:
    """Whether the files hold what the head says."""
    least = {name: DTYPES[name].itemsize * values_of(name, head.rows) for name in COLUMNS}
    least |= {FOLDERS: head.folders, CAMERAS: head.cameras, LABELLED: head.labelled}
    least[SUMS] = 4 * len(COLUMNS) * -(-head.rows // BLOCK)
    try:
        return all((place / name).stat().st_size >= size for name, size in least.items())
    except OSError:
        return False
