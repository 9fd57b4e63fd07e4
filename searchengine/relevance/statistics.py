"""What a library's vectors say of any text: measured with nouns, and asked without a scan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from searchengine.relevance.bar import Bar, Spread, bar_of
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
    """As `_width` of nouns."""

    def bar(self, query: NDArray[np.float32]) -> Bar:
        """For a unit text vector, shape (d,)."""
        middle, width = self.standing(query)
        return bar_of(self.best, middle=middle, width=width)

    def standing(self, query: NDArray[np.float32]) -> tuple[float, float]:
        """The middle and the width of a unit vector, in deviations above the nouns' means."""
        [width] = _widths(query[np.newaxis], self.covariance, self.nouns)
        middle = float(query @ self.mean)
        return self.middle.standard(middle), self.width.standard(float(width))


def statistics_of(
    images: int, rows: Vectors, nouns: Vectors, best: NDArray[np.float32]
) -> Statistics | None:
    """From vectors of images, shape (m, d), and each noun's best cosine, shape (n,).

    None where they are too much the same.
    """
    mean = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
    apart = rows - mean
    covariance = (apart.T @ apart) / np.float32(len(rows))
    spreads = [_spread(each) for each in (best, nouns @ mean, _widths(nouns, covariance, nouns))]
    if any(spread.deviation < LEAST_DEVIATION for spread in spreads):
        return None
    return Statistics(images, nouns, mean, covariance, *spreads)


def _widths(queries: Vectors, covariance: Vectors, nouns: Vectors) -> NDArray[np.float32]:
    """How much images differ in their cosines with a query, over how much nouns do: shape (q,)."""
    of_images = np.sqrt(np.einsum("qd,qd->q", queries @ covariance, queries).clip(0))
    of_nouns: NDArray[np.float32] = (queries @ nouns.T).std(axis=1)
    widths: NDArray[np.float32] = of_images / of_nouns.clip(LEAST_DEVIATION)
    return widths


def _spread(values: NDArray[np.float32]) -> Spread:
    return Spread(float(values.mean()), float(values.std()))
