"""Whether some are served worse than others: recall by what a column says of each caption."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from searchengine.errors import InputError
from searchengine.measures.recall import success
from searchengine.measures.resampling import intervals

MOST_GROUPS = 50
"""Different values: more are no groups but captions themselves."""

Ranks = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One group of queries."""

    value: str
    """Of the column."""
    direction: str
    """Which queries were asked: "image_retrieval" or "text_retrieval"."""
    queries: int
    recall: dict[int, float]
    """By K, in [0, 1], among the answers of all groups."""
    intervals: dict[int, tuple[float, float]]
    """By K: bootstrap 95 % interval, over images."""


@dataclass(frozen=True, slots=True)
class Gap:
    """How far the group that is served worst is behind the one that is served best."""

    direction: str
    k: int
    best: str
    worst: str
    difference: float
    """Of their R@K, in [0, 1]."""
    low: float
    high: float
    """Ends of its 95 % interval, as of two groups that were chosen before. The two that differ most
    of several differ by more than nothing even where all are served alike."""


@dataclass(frozen=True, slots=True)
class Groups:
    """An evaluation by a column."""

    column: str
    rows: tuple[GroupRow, ...]
    gaps: tuple[Gap, ...]
    """Of each direction, by K; none where there is but one group."""
    left_out: int
    """Captions of which the column says nothing."""


def measure_groups(
    column: str,
    values: Sequence[str | None],
    owners: NDArray[np.int64],
    ranks: tuple[Ranks, Ranks],
    ks: Sequence[int],
) -> Groups:
    """Recall of the captions of each value, and of the images all of whose captions have one.

    `values` and `owners`, the number of its image, are of the captions, shape (c,); `ranks` those
    of captions, shape (c,), and of images, shape (n,). Raises InputError for too many values.
    """
    names = sorted({value for value in values if value is not None})
    if len(names) > MOST_GROUPS:
        raise InputError(
            f"{column} has {len(names):,} different values, over the limit of {MOST_GROUPS}; "
            "choose a column that puts captions into groups"
        )
    number = {name: place for place, name in enumerate(names)}
    of_caption = np.array([-1 if v is None else number[v] for v in values], dtype=np.int64)
    n = len(ranks[1])
    lowest, highest = np.full(n, len(names)), np.full(n, -2)
    np.minimum.at(lowest, owners, of_caption)
    np.maximum.at(highest, owners, of_caption)
    of_image = np.where(lowest == highest, lowest, -1)
    asked = (
        ("image_retrieval", ranks[0], of_caption, owners),
        ("text_retrieval", ranks[1], of_image, np.arange(n)),
    )
    rows = tuple(
        _row(name, direction, found[of == number[name]], images[of == number[name]], ks)
        for direction, found, of, images in asked
        for name in names
        if (of == number[name]).any()
    )
    gaps = tuple(
        gap
        for direction, *_ in asked
        for k in ks
        if (gap := _gap([row for row in rows if row.direction == direction], k)) is not None
    )
    return Groups(column, rows, gaps, int((of_caption < 0).sum()))


def _row(
    value: str, direction: str, ranks: Ranks, images: NDArray[np.int64], ks: Sequence[int]
) -> GroupRow:
    hits = np.stack([(ranks <= k).astype(np.float64) for k in ks], axis=1)
    return GroupRow(
        value,
        direction,
        len(ranks),
        success(ranks, ks),
        dict(zip(ks, intervals(hits, images), strict=True)),
    )


def _gap(rows: Sequence[GroupRow], k: int) -> Gap | None:
    """Between the best and the worst of one direction; None of fewer than two.

    The interval of a difference from those of its two shares: Newcombe, 1998, method 10, as Zou and
    Donner, 2008, "Construction of confidence limits about effect measures", carry it over.
    """
    if len(rows) < 2:
        return None
    best = max(rows, key=lambda row: row.recall[k])
    worst = min(rows, key=lambda row: row.recall[k])
    difference = best.recall[k] - worst.recall[k]
    below = math.hypot(
        best.recall[k] - best.intervals[k][0], worst.intervals[k][1] - worst.recall[k]
    )
    above = math.hypot(
        best.intervals[k][1] - best.recall[k], worst.recall[k] - worst.intervals[k][0]
    )
    return Gap(
        rows[0].direction, k, best.value, worst.value, difference,
        difference - below, difference + above,
    )  # fmt: skip
