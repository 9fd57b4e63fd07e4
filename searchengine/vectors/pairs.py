"""Cosines of single pairs in float64: what decides where float32 products cannot tell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from searchengine.types import Vectors
from searchengine.vectors.file import Rows

UNSURE = 4e-6
"""Cosines that differ by less are compared in float64: float32 products of a thousand dimensions
are right to about 1e-6, and their last digits depend on where in a block a row stands."""

PAIRS_AT_A_TIME = 512
"""Pairs that are scored at a time: 2 MB for each side at 512 dimensions, which stay in a core's
cache. 4,096 at a time take three times as long."""


def pair_cosines(
    left: Vectors | Rows, right: Vectors | Rows, rows: NDArray[np.int64], columns: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Cosines of left[rows] with right[columns], pair by pair, in float64: shape (rows,).

    Each pair is computed by itself, so that equal vectors have equal cosines, wherever they stand.
    """
    out = np.empty(len(rows))
    for start in range(0, len(rows), PAIRS_AT_A_TIME):
        part = slice(start, start + PAIRS_AT_A_TIME)
        products = right.take(columns[part], axis=0).astype(np.float64)
        products *= left.take(rows[part], axis=0)
        out[part] = products.sum(axis=1)
    return out
