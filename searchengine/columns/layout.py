"""What the files of columns hold: a value a row in each, with a checksum of every block of rows."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from searchengine.catalog.columns.facts import DEAD, NONE, RowFacts

BLOCK = 16_384
"""Rows that one checksum is of; a multiple of 8. A commit writes the blocks that it changes anew,
350 KB each."""

WHEN, FOLDER, CAMERA, LABELS = "when.i8", "folder.i4", "camera.i4", "labels.i4"
KIND, ALIVE = "kind.u1", "alive.bits"
COLUMNS = (WHEN, FOLDER, CAMERA, LABELS, KIND, ALIVE)
"""The names of the files. `ALIVE` has eight rows to a byte, the others a number each."""

DTYPES: dict[str, np.dtype[Any]] = {
    WHEN: np.dtype("<i8"),
    FOLDER: np.dtype("<i4"),
    CAMERA: np.dtype("<i4"),
    LABELS: np.dtype("<i4"),
    KIND: np.dtype("u1"),
    ALIVE: np.dtype("u1"),
}

SUMS = "sums.u4"
"""CRC-32 of each block of each of `COLUMNS`, little-endian, all columns of a block together."""

FOLDERS, CAMERAS, LABELLED = "folders.txt", "cameras.txt", "labelled.txt"
NAMES = (FOLDERS, CAMERAS, LABELLED)
"""Names in UTF-8, each with a NUL behind it; a number in a column is a place among them."""

DATED = 8
"""The bit of `KIND` that says that `WHEN` is a time of exposure. Below it is the shape, 0 for a
row that is nobody's."""


def values_of(column: str, rows: int) -> int:
    """How many numbers a file has for so many rows."""
    return (rows + 7) // 8 if column == ALIVE else rows


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Values of all columns but `ALIVE` for some rows, shape (m,) each."""

    rows: NDArray[np.int64]
    columns: dict[str, NDArray[Any]]


def cells_of(
    facts: RowFacts,
    folders: NDArray[np.int32],
    cameras: NDArray[np.int32],
    labelled: NDArray[np.int32],
) -> Cells:
    """The cells of facts, whose names have these numbers in the files of names."""
    camera = np.append(cameras, np.int32(NONE))[facts.camera]
    labels = np.append(labelled, np.int32(NONE))[facts.labels]
    folder = folders[facts.folder] if len(folders) else np.zeros_like(facts.folder)
    kind = facts.shape | np.where(facts.dated, DATED, 0).astype(np.uint8)
    kind[facts.shape == DEAD] = 0
    columns: dict[str, NDArray[Any]] = {
        WHEN: facts.when,
        FOLDER: folder,
        CAMERA: camera,
        LABELS: labels,
        KIND: kind,
    }
    return Cells(facts.rows, columns)


def checksum(column: str, block: NDArray[Any], rows: int) -> int:
    """CRC-32 of the values of the `rows` rows of one block."""
    values = np.array(block[: values_of(column, rows)])
    if column == ALIVE and rows % 8:
        values[-1] &= 0xFF >> (8 - rows % 8)
    return zlib.crc32(values.tobytes())
