"""Exact search: the whole truth by scanning rows, block by block, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from searchengine.float16 import widened
from searchengine.types import Vectors
from searchengine.vectors.file import Rows

BLOCK_ROWS = 16_384
"""Rows turned to float32 at a time: 32 MB at 512 dimensions."""

NO_ROW = -1
"""Fills places for which there is no row. FAISS says it the same way."""

Scores = NDArray[np.float32]
RowNumbers = NDArray[np.int64]


def scan(
    rows: Rows | Vectors, queries: Vectors, k: int, *, among: RowNumbers | None = None
) -> tuple[Scores, RowNumbers]:
    """The k best rows for each query by inner product.

    `rows` has shape (n, d), `queries` (q, d). `among` names the rows to look at, all when None.
    Returns scores and row numbers, both of shape (q, min(k, rows looked at)), best first; ties go
    to the lower row number.
    """
    candidates = len(rows) if among is None else len(among)
    k = min(k, candidates)
    best_scores = np.empty((len(queries), 0), dtype=np.float32)
    best_rows = np.empty((len(queries), 0), dtype=np.int64)
    for numbers, block in blocks(rows, among, BLOCK_ROWS) if k else ():
        scores = queries @ widened(block).T
        best_scores, best_rows = best_of(
            np.hstack([best_scores, scores]),
            np.hstack([best_rows, np.broadcast_to(numbers, scores.shape)]),
            k,
        )
    return best_scores, best_rows


def blocks(
    rows: Rows | Vectors, among: RowNumbers | None, size: int
) -> Iterator[tuple[RowNumbers, Rows | Vectors]]:
    """The numbers and the rows of `among`, or of all where it is None, `size` at a time."""
    candidates = len(rows) if among is None else len(among)
    for start in range(0, candidates, size):
        stop = min(start + size, candidates)
        if among is None:
            yield np.arange(start, stop), rows[start:stop]
        else:
            yield among[start:stop], rows[among[start:stop]]


def best_of(scores: Scores, rows: RowNumbers, k: int) -> tuple[Scores, RowNumbers]:
    """The k best columns of each line, best first, ties to the lower row. Both of shape (q, m)."""
    if scores.shape[1] > k:
        # Ties at the border may fall either way here; the lower row of those kept still leads.
        kept = np.argpartition(-scores, k - 1, axis=1)[:, :k]
        scores = np.take_along_axis(scores, kept, axis=1)
        rows = np.take_along_axis(rows, kept, axis=1)
    order = np.lexsort((rows, -scores), axis=1)
    return np.take_along_axis(scores, order, axis=1), np.take_along_axis(rows, order, axis=1)
