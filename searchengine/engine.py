"""Ranking: from a query vector to hits, exact or through the index, filtered, always fresh."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from searchengine.ann import AnnIndex
from searchengine.exact import RowNumbers, scan
from searchengine.space import Space
from searchengine.types import Filter, SearchHit, TextHit, Vectors
from searchengine.vectors import Rows


def rank_images(
    space: Space,
    query: NDArray[np.float32],
    *,
    k: int,
    offset: int = 0,
    where: Filter | None = None,
    min_score: float | None = None,
    exact: bool = False,
) -> list[SearchHit]:
    """The images at ranks offset + 1 to offset + k for a unit query of shape (d,).

    There are k hits whenever k images pass the filter and `min_score`. Without `exact`, a library
    large enough to have an index answers through it: its shortlist is re-scored with the exact
    rows, and the rows it does not cover are scanned.
    """
    count = space.catalog.rows(space.info)
    rows = space.images.read(count)
    wanted = offset + k
    if where is not None and where != Filter():
        among: RowNumbers | None = space.catalog.rows_matching(space.info, where)
    else:
        dead = space.catalog.dead_rows(space.info)
        index = None if exact else space.index(count)
        among = _alive(count, dead)
        if index is not None:
            likely = np.setdiff1d(_candidates(index, query, wanted, count), dead)
            among = likely if len(likely) >= wanted else among
    ranked = _scored(rows, query, wanted, among)[offset:]
    if min_score is not None:
        ranked = [(row, score) for row, score in ranked if score >= min_score]
    return space.catalog.hits(space.info, ranked, first_rank=offset + 1)


def _scored(
    rows: Rows, query: NDArray[np.float32], k: int, among: RowNumbers | None
) -> list[tuple[int, float]]:
    scores, numbers = scan(rows, query[np.newaxis], k, among=among)
    return list(zip(numbers[0].tolist(), scores[0].tolist(), strict=True))


def _alive(count: int, dead: RowNumbers) -> RowNumbers | None:
    """Every row but the dead ones; None, which means all, where none is dead."""
    if len(dead) == 0:
        return None
    alive = np.ones(count, dtype=bool)
    alive[dead[dead < count]] = False
    return np.flatnonzero(alive)


def _candidates(index: AnnIndex, query: NDArray[np.float32], wanted: int, count: int) -> RowNumbers:
    """The index's shortlist and every row it does not cover."""
    [likely] = index.shortlist(query[np.newaxis], wanted)
    return np.concatenate([likely, np.arange(index.covered, count)])


def rank_texts(
    image: NDArray[np.float32], texts: Sequence[str], vectors: Vectors | Rows, *, k: int
) -> list[TextHit]:
    """The k best different texts for an image vector of shape (d,); `vectors` has shape (n, d)."""
    scores, numbers = scan(vectors, image[np.newaxis], len(texts))
    best: dict[str, float] = {}
    for number, score in zip(numbers[0].tolist(), scores[0].tolist(), strict=True):
        best.setdefault(texts[number], score)
        if len(best) == k:
            break
    return [TextHit(rank, score, text) for rank, (text, score) in enumerate(best.items(), start=1)]
