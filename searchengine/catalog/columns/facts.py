"""What filters ask of the image whose vector a row holds, for many rows at once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from searchengine.types import Orientation, SpaceInfo

DEAD = 0
"""The shape of a row that is nobody's."""

SHAPES = {Orientation.LANDSCAPE: 1, Orientation.PORTRAIT: 2, Orientation.SQUARE: 3}

NONE = -1
"""In the place of a camera, or of labels, where there are none."""

UNLABELLED = "[]"

ROWS_AT_A_TIME = 16_384

_FACTS = """
SELECT e.row, i.path, i.taken_at, i.mtime_ns, i.camera, CASE
    WHEN i.id IS NULL THEN 0
    WHEN i.width > i.height THEN 1
    WHEN i.width < i.height THEN 2
    WHEN i.width = i.height THEN 3 END,
    (SELECT json_group_array(lower(name)) FROM labels WHERE image_id = i.id)
FROM embeddings AS e LEFT JOIN images AS i ON i.id = e.owner_id
WHERE e.space_id = ? AND e.row {which} ORDER BY e.row
"""
FROM_ROW_ON = ">= ?"
TOUCHED = "IN (SELECT row FROM temp.touched WHERE space_id = ?)"

_WRITTEN = np.frombuffer(b"0000-00-00 00:00:00.000000", dtype=np.uint8)
"""How the catalog writes a time: where all do, their order is that of the text."""


class UnfitError(Exception):
    """The catalog holds what a column cannot say, or not what this program writes."""


@dataclass(frozen=True, slots=True, eq=False)
class RowFacts:
    """What filters ask of the images of some rows; all arrays have shape (m,)."""

    rows: NDArray[np.int64]
    """Ascending."""
    shape: NDArray[np.uint8]
    """One of `SHAPES`, or `DEAD`."""
    dated: NDArray[np.bool_]
    """Whether `when` is the time of exposure."""
    when: NDArray[np.int64]
    """Microseconds of the local time of exposure since 1970, as if that were UTC; where there is
    none the modification time of the file, nanoseconds since 1970."""
    folder: NDArray[np.int32]
    """Places in `folders`."""
    camera: NDArray[np.int32]
    """Places in `cameras`, or `NONE`."""
    labels: NDArray[np.int32]
    """Places in `labelled`, or `NONE`."""
    folders: Sequence[str]
    """What paths begin with, up to their last separator."""
    cameras: Sequence[str]
    labelled: Sequence[str]
    """What labels images have together: names in lower case, as SQLite has it, a list in JSON."""


def read_facts(
    connection: sa.Connection, space: SpaceInfo, which: str, value: int
) -> Iterator[RowFacts]:
    """Of the rows `which` says of `value`: `FROM_ROW_ON`, or `TOUCHED` and the space's id."""
    found = connection.exec_driver_sql(_FACTS.format(which=which), (space.id, value))
    for part in found.partitions(ROWS_AT_A_TIME):
        yield _facts_of(*zip(*part, strict=True))


def _facts_of(
    rows: Sequence[Any],
    paths: Sequence[Any],
    taken: Sequence[Any],
    modified: Sequence[Any],
    cameras: Sequence[Any],
    shapes: Sequence[Any],
    names: Sequence[Any],
) -> RowFacts:
    if None in shapes or not all(type(path) is str for path in paths if path is not None):
        raise UnfitError("sizes or paths that are none")
    dated = np.array([each is not None for each in taken])
    when = np.zeros(len(rows), dtype=np.int64)
    by_file = np.array([each is not None for each in modified]) & ~dated
    when[by_file] = _integers([each for each, has in zip(modified, by_file, strict=True) if has])
    when[dated] = _microseconds([each for each in taken if each is not None])
    folder, folders = _numbered(None if p is None else p[: p.rfind(os.sep) + 1] for p in paths)
    camera, named = _numbered(cameras)
    labels, labelled = _numbered(None if each == UNLABELLED else each for each in names)
    return RowFacts(
        _integers(rows),
        np.array(shapes, dtype=np.uint8),
        dated,
        when,
        np.maximum(folder, 0),
        camera,
        labels,
        folders,
        named,
        labelled,
    )


def _numbered(values: Iterable[Any]) -> tuple[NDArray[np.int32], list[str]]:
    """The place of each text among the different ones, -1 for None, and those."""
    places: dict[Any, int] = {None: -1}
    numbers = np.array([places.setdefault(each, len(places) - 1) for each in values], np.int32)
    del places[None]
    if any(type(each) is not str or "\0" in each for each in places):
        raise UnfitError("a name that is none")
    return numbers, list(places)


def _integers(values: Sequence[Any]) -> NDArray[np.int64]:
    if not all(type(each) is int for each in values):
        raise UnfitError("a number that is none")
    return np.array(values, dtype=np.int64)


def _microseconds(written: Sequence[Any]) -> NDArray[np.int64]:
    """Since 1970, of times as the catalog writes them. Raises UnfitError for any other."""
    if not written:
        return np.empty(0, dtype=np.int64)
    try:
        texts = np.array([each.encode("ascii") for each in written])
        if texts.dtype.itemsize != len(_WRITTEN):
            raise UnfitError("a time of another length")
        digits = np.where(ord("0") == _WRITTEN, 10, 1).astype(np.uint8)
        signs = texts.view(np.uint8).reshape(len(texts), -1) - _WRITTEN  # wraps below
        if not (signs < digits).all():
            raise UnfitError("a time in another form")
        return texts.astype("M8[us]").astype(np.int64)
    except (AttributeError, ValueError) as error:
        raise UnfitError("a time that is none") from error
