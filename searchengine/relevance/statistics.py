"""What a library's vectors say of any text: measured with nouns, and asked without a scan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from searchengine.relevance.bar import Bar, Spread, base_of
from searchengine.types import Vectors

LEAST_DEVIATION = 1e-6
"""Below it all nouns are the same to a library, and say nothing: it holds copies of a picture."""


@dataclass(frozen=True, slots=True, eq=False)
class Statistics:
    """Of a space, from when it was measured."""

    images: int
    """With a vector then."""
    nouns: Vectors
    """Unit rows, shape (n, d)."""
    mean: NDArray[np.float32]
    """Of the vectors of images, shape (d,)."""
    covariance: NDArray[np.float32]
    """Of them, shape (d, d)."""
    best: Spread
    """The cosines of nouns with the image nearest to each."""
    middle: Spread
    """The mean cosines of nouns with images."""
    width: Spread
    """How much images differ in their cosines with a noun, over how much other nouns do."""
    apart: Spread
    """How far the best cosines of nouns stand above their means, in their deviations."""

    def bar(self, query: NDArray[np.float32]) -> Bar:
        """For a unit text vector, shape (d,)."""
        mean = float(query @ self.mean)
        [deviation] = _deviations(query[np.newaxis], self.covariance)
        [width] = deviation / _among_nouns(query[np.newaxis], self.nouns)
        base = base_of(self.middle.standard(mean), self.width.standard(float(width)))
        return Bar(self.best, self.apart, self.middle.mean, mean, float(deviation), base)


def statistics_of(
    images: int, rows: Vectors, nouns: Vectors, best: NDArray[np.float32]
) -> Statistics | None:
    """From vectors of images, shape (m, d), and each noun's best cosine, shape (n,).

    None where they are too much the same.
    """
    mean = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
    off = rows - mean
    covariance = (off.T @ off) / np.float32(len(rows))
    middles, deviations = nouns @ mean, _deviations(nouns, covariance)
    widths = deviations / _among_nouns(nouns, nouns)
    apart = (best - middles) / deviations
    spreads = [_spread(each) for each in (best, middles, widths, apart)]
    if any(spread.deviation < LEAST_DEVIATION for spread in spreads):
        return None
    return Statistics(images, nouns, mean, covariance, *spreads)


def _deviations(queries: Vectors, covariance: Vectors) -> NDArray[np.float32]:
    """Of the cosines of each query with all images, shape (q,): above 0."""
    squares = np.einsum("qd,qd->q", queries @ covariance, queries)
    deviations: NDArray[np.float32] = np.sqrt(squares.clip(LEAST_DEVIATION**2))
    return deviations


def _among_nouns(queries: Vectors, nouns: Vectors) -> NDArray[np.float32]:
    """The deviation of the cosines of each query with all nouns, shape (q,): above 0."""
    deviations: NDArray[np.float32] = (queries @ nouns.T).std(axis=1).clip(LEAST_DEVIATION)
    return deviations


def _spread(values: NDArray[np.float32]) -> Spread:
    return Spread(float(values.mean()), float(values.std()))
