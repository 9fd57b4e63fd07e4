"""Measures of choosing a class: accuracy, its mean over classes, calibration, confusions.

Classes that score the same go in their order, as `argmax` has it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 15
"""Of confidence, of equal width: Guo et al., On Calibration of Modern Neural Networks, ICML
2017."""

AT_A_TIME = 2**22
"""Scores at a time: 32 MB in float64."""

Numbers = NDArray[np.int64]
Shares = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was chosen for each of n images; all arrays have shape (n,)."""

    ranks: Numbers
    """Of the right class among all, from 1."""
    first: Numbers
    """The class that scores highest."""
    confidence: Shares
    """Its probability, in (0, 1]."""


def choose(
    images: NDArray[np.float32], classes: NDArray[np.float32], truth: Numbers, scale: float
) -> Chosen:
    """Score images (n, d) with classes (c, d), all unit rows; `truth`, shape (n,), is of `classes`.

    The probabilities are a softmax over `scale` x cosine.
    """
    step = max(1, AT_A_TIME // len(classes))
    columns = classes.astype(np.float64).T
    parts = [
        _choose(
            images[first : first + step].astype(np.float64) @ columns,
            truth[first : first + step],
            scale,
        )
        for first in range(0, len(images), step)
    ]
    return Chosen(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def _choose(scores: Shares, truth: Numbers, scale: float) -> tuple[Numbers, Numbers, Shares]:
    own = np.take_along_axis(scores, truth[:, np.newaxis], axis=1)
    earlier = np.arange(scores.shape[1]) < truth[:, np.newaxis]
    before = (scores > own) | ((scores == own) & earlier)
    first = scores.argmax(axis=1)
    highest = scores.max(axis=1, keepdims=True)
    confidence = 1 / np.exp(scale * (scores - highest)).sum(axis=1)
    return 1 + before.sum(axis=1), first, confidence


def per_class(right: NDArray[np.bool_], truth: Numbers, classes: int) -> Shares:
    """The share of right answers of each class, shape (classes,); NaN for one without images."""
    sizes = np.bincount(truth, minlength=classes)
    hits = np.bincount(truth, weights=right, minlength=classes)
    with np.errstate(invalid="ignore"):
        shares: Shares = hits / sizes
    return shares


def expected_calibration_error(confidence: Shares, right: NDArray[np.bool_]) -> float:
    """How far confidence is from accuracy, in [0, 1], in the mean over `BINS` of confidence."""
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = np.bincount(bins, weights=confidence - right, minlength=BINS)
    return float(np.abs(gaps).sum() / len(confidence))


def confusions(first: Numbers, truth: Numbers, most: int) -> list[tuple[int, int, int]]:
    """The pairs of a class and what its images were taken for most often: both, and how often."""
    wrong = first != truth
    pairs, times = np.unique(np.stack([truth[wrong], first[wrong]]), axis=1, return_counts=True)
    order = np.argsort(-times, kind="stable")[:most]
    return [(int(pairs[0, n]), int(pairs[1, n]), int(times[n])) for n in order]
