"""What chance would do to a mean: bootstrap intervals, of one measurement and of a difference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1_000
"""Bootstrap resamples: the ends of a 95 % interval then move by some hundredths of its width."""

SEED = 20_21
"""Any; fixed so that two runs print the same intervals."""

BOUNDS = (2.5, 97.5)
"""Percentiles that hold 95 %."""

Values = NDArray[np.floating]
Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Difference:
    """The mean of paired differences, B minus A."""

    mean: float
    low: float
    high: float
    """Ends of the 95 % interval."""
    p: float
    """Share of resamples on the other side of 0 or on it, twice: a two-sided bootstrap p-value, in
    (0, 1]."""

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.low > 0 or self.high < 0


def resampled_means(values: Values, groups: Numbers) -> Values:
    """Means of `values`, shape (q, m), in each of `RESAMPLES` resamples: shape (RESAMPLES, m).

    `groups`, shape (q,), says which values come and go together, as those of one image's captions,
    which are not independent. Groups are drawn with replacement. Efron & Tibshirani, An
    Introduction to the Bootstrap, 1993, ch. 13.
    """
    _, group = np.unique(groups, return_inverse=True)
    sizes = np.bincount(group)
    sums = np.stack([np.bincount(group, weights=column) for column in values.T])
    random = np.random.default_rng(SEED)
    means = np.empty((RESAMPLES, values.shape[1]))
    for number in range(RESAMPLES):
        times = np.bincount(random.integers(len(sizes), size=len(sizes)), minlength=len(sizes))
        means[number] = sums @ times / (sizes @ times)
    return means


def intervals(values: Values, groups: Numbers) -> list[tuple[float, float]]:
    """95 % percentile intervals of the mean of each column of `values`, shape (q, m)."""
    low, high = np.percentile(resampled_means(values, groups), BOUNDS, axis=0)
    return list(zip(low.tolist(), high.tolist(), strict=True))


def paired_difference(first: Values, second: Values, groups: Numbers) -> Difference:
    """How much more the second has than the first on the same queries, all of shape (q,).

    Both are resampled together, query by query: a paired bootstrap. Koehn, Statistical Significance
    Tests for Machine Translation Evaluation, EMNLP 2004.
    """
    change = np.asarray(second, dtype=np.float64) - first
    means = resampled_means(change[:, np.newaxis], groups)[:, 0]
    low, high = np.percentile(means, BOUNDS)
    beyond = min(np.count_nonzero(means <= 0), np.count_nonzero(means >= 0))
    p = min(1.0, 2 * (beyond + 1) / (RESAMPLES + 1))
    return Difference(float(change.mean()), float(low), float(high), p)
