"""A filter on columns: which rows pass, as SQL says of the catalog."""

from __future__ import annotations

import os
import string
from bisect import bisect_left
from collections.abc import Callable
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from searchengine.catalog.columns.facts import SHAPES
from searchengine.catalog.filters import nanoseconds
from searchengine.columns.layout import BLOCK, CAMERA, DATED, FOLDER, KIND, LABELS, WHEN
from searchengine.columns.reading import Columns
from searchengine.paths import below
from searchengine.types import Filter
from searchengine.vectors.rowset import RowSet

ROWS_AT_A_TIME = 4 * BLOCK
"""Rows that are looked at together: their times are half a megabyte, which stays in a cache."""

Passing = NDArray[np.bool_]
Test = Callable[[slice], Passing]
"""Which rows of a run pass a part of a filter."""

_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
"""As SQLite does it: of ASCII alone."""


def passing(columns: Columns, where: Filter, root: int | None = None) -> RowSet:
    """The rows whose image passes all of the filter that columns know of: see `beyond_columns`.

    `root` is the row of the image that `where.under` is itself, where that is one. Raises
    TornColumnsError.
    """
    tests = [_of_kind(columns, where)]
    if where.after is not None:
        tests.append(_of_time(columns, where.after, np.greater_equal))
    if where.before is not None:
        tests.append(_of_time(columns, where.before, np.less))
    if where.camera is not None:
        tests.append(_of_camera(columns, where.camera))
    if where.label is not None:
        tests.append(_of_label(columns, where.label))
    if where.under is not None:
        tests.append(_of_folder(columns, str(where.under), root))
    rows = columns.head.rows
    bits = np.zeros((rows + 7) // 8, dtype=np.uint8)
    for start in range(0, rows, ROWS_AT_A_TIME):
        run = slice(start, min(start + ROWS_AT_A_TIME, rows))
        found = tests[0](run)
        for test in tests[1:]:
            found &= test(run)
        packed = np.packbits(found, bitorder="little")
        bits[start // 8 : start // 8 + len(packed)] = packed
    return RowSet(bits, rows)


def beyond_columns(where: Filter) -> Filter:
    """The part of a filter that only the catalog knows."""
    return Filter(near=where.near, place=where.place, album=where.album)


def _of_kind(columns: Columns, where: Filter) -> Test:
    """Alive, and of the shape and with the date that are asked for."""
    kind = columns.column(KIND)

    def test(run: slice) -> Passing:
        kinds = kind[run]
        found: Passing = kinds > 0
        if where.orientation is not None:
            found &= kinds & (DATED - 1) == SHAPES[where.orientation]
        if where.dated is not None:
            found &= (kinds >= DATED) == where.dated
        return found

    return test


def _of_time(
    columns: Columns, bound: datetime, is_right: Callable[[NDArray[np.int64], int], Passing]
) -> Test:
    since = bound.replace(tzinfo=None) - datetime(1970, 1, 1)
    by_camera, by_file = since // timedelta(microseconds=1), nanoseconds(bound)
    when, kind = columns.column(WHEN), columns.column(KIND)

    def test(run: slice) -> Passing:
        times, dated = when[run], kind[run] >= DATED
        return (dated & is_right(times, by_camera)) | (~dated & is_right(times, by_file))

    return test


def _of_camera(columns: Columns, text: str) -> Test:
    asked = text.translate(_LOWER)
    right = np.array([asked in name.translate(_LOWER) for name in columns.cameras] + [False])
    camera = columns.column(CAMERA)
    return lambda run: right.take(camera[run])  # of no camera the last is asked


def _of_label(columns: Columns, label: str) -> Test:
    right = np.zeros(len(columns.labelled) + 1, dtype=bool)
    right[columns.labels.get(label.translate(_LOWER), [])] = True
    labels = columns.column(LABELS)
    return lambda run: right.take(labels[run])  # of no label the last is asked


def _of_folder(columns: Columns, place: str, root: int | None) -> Test:
    names, numbers = columns.folders_in_order
    first = below(place)
    after_all_below = first[:-1] + chr(ord(os.sep) + 1)
    inside = slice(bisect_left(names, first), bisect_left(names, after_all_below))
    right = np.zeros(len(names) + 1, dtype=bool)
    right[numbers[inside]] = True
    folder = columns.column(FOLDER)

    def test(run: slice) -> Passing:
        found: Passing = right.take(folder[run])
        if root is not None and run.start <= root < run.stop:
            found[root - run.start] = True
        return found

    return test
