"""Measures of ranked lists where a query has any number of right answers, graded or not.

A list ends where no measure looks further: the largest K or the most right answers of a query,
whichever is more. Wrong answers with the score of a right one go before it, as in `ranks`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from searchengine.measures.resampling import intervals
from searchengine.types import Vectors
from searchengine.vectors.file import Rows
from searchengine.vectors.pairs import pair_cosines
from searchengine.vectors.scan_torch import best_rows

CUT = 10
"""The K of nDCG@K and mAP@K."""

ANSWERS_AT_A_TIME = 2**16
"""Answers of a part of the queries, which are some thousands: 10 MB of vectors."""

Numbers = NDArray[np.integer[Any]]
"""Of 32 bits where there are millions."""
Shares = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Judgements:
    """Which answers are right for which queries; all arrays have shape (p,), no pair twice."""

    queries: Numbers
    """Ascending."""
    answers: Numbers
    """Rows of the gallery; a negative number for each right answer that is not there, which counts
    as never found, as trec_eval has it."""
    gains: NDArray[np.floating]
    """How right each is: above 0."""


@dataclass(frozen=True, slots=True)
class JudgedDirection:
    """One direction of retrieval, measured on judgements."""

    name: str
    """"image_retrieval" or "text_retrieval"."""
    queries: int
    """That have a right answer; the others are not asked."""
    gallery: int
    relevant: float
    """Mean number of right answers of a query."""
    metrics: dict[str, float]
    """In [0, 1], by name: "recall@K" (at least one right answer in the first K), "map@r",
    "r_precision", "map@10" and "ndcg@10"."""
    intervals: dict[str, tuple[float, float]]
    """Bootstrap 95 % intervals of the metrics, over `groups`."""


def judgements(queries: Numbers, answers: Numbers, gains: NDArray[np.floating]) -> Judgements:
    """Pairs in any order. Of one given twice the first counts; gains of 0 are dropped."""
    if _is_in_order(queries, answers) and (gains > 0).all():  # millions of pairs: no copies
        return Judgements(queries, answers, gains)
    order = np.lexsort((answers, queries))
    queries, answers, gains = queries[order], answers[order], gains[order]
    del order  # twice the size of a column
    if not (right := gains > 0).all():
        queries, answers, gains = queries[right], answers[right], gains[right]
    first = np.ones(len(queries), dtype=bool)
    first[1:] = (queries[1:] != queries[:-1]) | (answers[1:] != answers[:-1])
    if not first.all():
        queries, answers, gains = queries[first], answers[first], gains[first]
    return Judgements(queries, answers, gains)


def _is_in_order(queries: Numbers, answers: Numbers) -> bool:
    """Whether pairs go up, by query and then by answer, and none comes twice."""
    later = queries[1:] > queries[:-1]
    later |= (queries[1:] == queries[:-1]) & (answers[1:] > answers[:-1])
    return bool(later.all())


def measure_judged(
    name: str,
    asking: Vectors | Rows,
    gallery: Vectors | Rows,
    judged: Judgements,
    ks: Sequence[int],
    groups: NDArray[np.int64],
    *,
    device: str = "cpu",
) -> JudgedDirection:
    """Ask every judged query, a row of `asking` (q, d), for rows of `gallery` (n, d).

    `groups`, shape (q,), are resampled together for the intervals.
    """
    asked, counts = np.unique(judged.queries, return_counts=True)
    depth = max(*ks, CUT, int(counts.max()))
    # With so many more, wrong answers that tie with the last right one are in the list as well.
    length = min(depth + int(counts.max()) + 1, len(gallery))
    step = max(1, ANSWERS_AT_A_TIME // length)
    parts = [
        _measure(
            asking[asked[first : first + step]].astype(np.float32, copy=False),
            gallery,
            _part(judged, asked[first : first + step]),
            (*ks,),
            length,
            device,
        )
        for first in range(0, len(asked), step)
    ]
    values = np.concatenate(parts)
    names = metric_names(ks)
    bounds = intervals(values, groups[asked])
    return JudgedDirection(
        name=name,
        queries=len(asked),
        gallery=len(gallery),
        relevant=float(counts.mean()),
        metrics=dict(zip(names, values.mean(axis=0).tolist(), strict=True)),
        intervals=dict(zip(names, bounds, strict=True)),
    )


def metric_names(ks: Sequence[int]) -> list[str]:
    """The names of the columns that `list_measures` gives."""
    return [*(f"recall@{k}" for k in ks), "map@r", "r_precision", f"map@{CUT}", f"ndcg@{CUT}"]


def _part(judged: Judgements, asked: Numbers) -> Judgements:
    """The judgements of some of the queries, which count from 0 there."""
    part = slice(
        int(np.searchsorted(judged.queries, asked[0])),
        int(np.searchsorted(judged.queries, asked[-1], side="right")),
    )
    numbers = np.searchsorted(asked, judged.queries[part])
    return Judgements(numbers, judged.answers[part], judged.gains[part])


def _measure(
    asking: Vectors,
    gallery: Vectors | Rows,
    judged: Judgements,
    ks: tuple[int, ...],
    length: int,
    device: str,
) -> Shares:
    scores, rows = best_rows(gallery, asking, length, device=device)
    gains = _gains_of(rows, judged, len(gallery))
    exact = _told_apart(scores, rows, asking, gallery)
    order = np.lexsort((gains, -exact), axis=1)
    return list_measures(np.take_along_axis(gains, order, axis=1), judged, ks)


def _gains_of(rows: Numbers, judged: Judgements, gallery: int) -> Shares:
    """The gain of each answer, shape (q, length); 0 where it is wrong."""
    there = judged.answers >= 0
    keys = judged.queries[there].astype(np.int64) * gallery + judged.answers[there]
    if not len(keys):
        return np.zeros(rows.shape)
    known = judged.gains[there].astype(np.float64)
    wanted = (np.arange(len(rows))[:, np.newaxis] * gallery + rows).ravel()
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    found: Shares = np.where(keys[place] == wanted, known[place], 0.0).reshape(rows.shape)
    return found


def _told_apart(
    scores: NDArray[np.float32], rows: NDArray[np.int64], asking: Vectors, gallery: Vectors | Rows
) -> Shares:
    """The scores, in float64 where float32 has two answers of a query equal."""
    exact = scores.astype(np.float64)
    same = scores[:, 1:] == scores[:, :-1]
    line, place = np.nonzero(np.pad(same, ((0, 0), (1, 0))) | np.pad(same, ((0, 0), (0, 1))))
    exact[line, place] = pair_cosines(asking, gallery, line, rows[line, place])
    return exact


def list_measures(gains: Shares, judged: Judgements, ks: Sequence[int]) -> Shares:
    """The measures of ranked lists, a line a query: shape (q, len(metric_names(ks))).

    `gains`, shape (q, length), are of the answers in their order. mAP@R and R-Precision as in
    Musgrave, Belongie & Lim, A Metric Learning Reality Check, ECCV 2020; mAP@K divides by all right
    answers, and nDCG@K takes the gain itself and a logarithm of base 2, both as trec_eval does.
    """
    counts = np.bincount(judged.queries, minlength=len(gains))
    right = gains > 0
    place = np.arange(gains.shape[1])
    precision = np.cumsum(right, axis=1) / (place + 1)
    in_r = place < counts[:, np.newaxis]
    hits = np.where(right, precision, 0.0)
    discount = 1 / np.log2(np.arange(CUT) + 2)
    top = gains[:, :CUT]
    columns = [
        *(right[:, :k].any(axis=1) for k in ks),
        (hits * in_r).sum(axis=1) / counts,
        (right & in_r).sum(axis=1) / counts,
        hits[:, :CUT].sum(axis=1) / counts,
        (top @ discount[: top.shape[1]]) / (_ideal(judged, len(gains)) @ discount),
    ]
    return np.stack(columns, axis=1).astype(np.float64)


def _ideal(judged: Judgements, queries: int) -> Shares:
    """The largest gains of each query, best first, and 0 beyond: shape (queries, CUT)."""
    order = np.lexsort((-judged.gains, judged.queries))
    line = judged.queries[order]
    place = np.arange(len(line)) - np.searchsorted(line, line)
    table = np.zeros((queries, CUT))
    first = place < CUT
    table[line[first], place[first]] = judged.gains[order[first]]
    return table
