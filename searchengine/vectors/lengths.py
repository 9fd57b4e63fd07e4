"""Rows of a length that no row was written with: what damage on the disk looks like."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from searchengine.float16 import widened

TOLERANCE = 0.01
"""How far the length of a stored row may be from 1. Rounding to float16 moves it by 0.0005."""

ROWS_AT_A_TIME = 1_024
"""Rows that are looked at together: 2 MB in float32 at 512 dimensions."""


def impossible_rows(rows: NDArray[Any]) -> NDArray[np.int64]:
    """Numbers of the rows, shape (n, d), whose length is not 1 or not finite, ascending."""
    found = [
        start + np.flatnonzero(_is_impossible(rows[start : start + ROWS_AT_A_TIME]))
        for start in range(0, len(rows), ROWS_AT_A_TIME)
    ]
    return np.concatenate(found) if found else np.empty(0, dtype=np.int64)


def _is_impossible(rows: NDArray[Any]) -> NDArray[np.bool_]:
    wide = widened(rows)
    with np.errstate(invalid="ignore", over="ignore"):
        lengths = np.sqrt(np.einsum("ij,ij->i", wide, wide))
        impossible: NDArray[np.bool_] = ~(np.abs(lengths - 1) <= TOLERANCE)  # NaN is not within
    return impossible
