"""What vectors hold about classes: nearest neighbours, and a linear classifier on top."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NEIGHBOURS = 20
TEMPERATURE = 0.07
"""Neighbours that vote, and how steeply by cosine: Wu et al., Unsupervised Feature Learning via
Non-Parametric Instance Discrimination, CVPR 2018; 20 is the better value of DINO."""

PENALTIES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5)
"""Weight decays that are tried, for vectors of length sqrt(d)."""

STEPS = 200
"""Of the optimiser at most."""

HELD_OUT = 5
"""One in so many training images chooses the penalty, which is then fitted on all of them."""

FOLDS = 5

SEED = 11

AT_A_TIME = 4_096
"""Images compared with the training images at a time."""

Numbers = NDArray[np.int64]
Rows = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Probed:
    """What both say of n images, as numbers of classes, shape (n,)."""

    neighbours: Numbers
    linear: Numbers
    penalty: float
    """That was chosen."""


def probe(train: Rows, truth: Numbers, test: Rows, classes: int) -> Probed:
    """Learn from unit rows (m, d) with their classes (m,), and name test rows (n, d)."""
    shuffled = np.random.default_rng(SEED).permutation(len(train))
    held = np.zeros(len(train), dtype=bool)
    held[shuffled[::HELD_OUT]] = len(train) >= 2 * HELD_OUT
    penalty = PENALTIES[2]
    if held.any():
        hits = {
            each: np.mean(
                linear(train[~held], truth[~held], train[held], classes, each) == truth[held]
            )
            for each in PENALTIES
        }
        penalty = max(hits, key=lambda each: (hits[each], each))
    return Probed(
        neighbours(train, truth, test, classes),
        linear(train, truth, test, classes, penalty),
        penalty,
    )


def folds(truth: Numbers) -> Iterator[tuple[Numbers, Numbers]]:
    """`FOLDS` splits of images into those to learn from and those to name, class by class."""
    order = np.random.default_rng(SEED).permutation(len(truth))
    order = order[np.argsort(truth[order], kind="stable")]
    fold = np.empty(len(truth), dtype=np.int64)
    fold[order] = np.arange(len(truth)) % FOLDS
    for number in range(FOLDS):
        yield np.flatnonzero(fold != number), np.flatnonzero(fold == number)


def neighbours(train: Rows, truth: Numbers, test: Rows, classes: int) -> Numbers:
    """The class with the most votes of the `NEIGHBOURS` nearest training images."""
    most = min(NEIGHBOURS, len(train))
    named = np.empty(len(test), dtype=np.int64)
    for first in range(0, len(test), AT_A_TIME):
        scores = test[first : first + AT_A_TIME] @ train.T
        nearest = np.argpartition(-scores, most - 1, axis=1)[:, :most]
        votes = np.exp((np.take_along_axis(scores, nearest, axis=1) - 1) / TEMPERATURE)
        table = np.zeros((len(scores), classes))
        np.add.at(table, (np.arange(len(scores))[:, np.newaxis], truth[nearest]), votes)
        named[first : first + len(scores)] = table.argmax(axis=1)
    return named


def linear(train: Rows, truth: Numbers, test: Rows, classes: int, penalty: float) -> Numbers:
    """A multinomial logistic regression fitted to the training images: the likeliest class."""
    weights = fit(train, truth, classes, penalty)
    named: Numbers = (_with_one(test) @ weights).argmax(axis=1)
    return named


def fit(train: Rows, truth: Numbers, classes: int, penalty: float) -> NDArray[np.float32]:
    """The weights of a multinomial logistic regression, (d + 1, classes): offsets in the last row.

    They make the mean cross entropy plus penalty / 2 x the squares of the weights, without the
    offsets, smallest: accelerated gradients (Beck & Teboulle, FISTA, 2009), begun anew where they
    run uphill (O'Donoghue & Candes, 2015), with a step from the largest eigenvalue.
    """
    rows = _with_one(train)
    target = np.zeros((len(rows), classes), dtype=np.float32)
    target[np.arange(len(rows)), truth] = 1
    decay = np.full((rows.shape[1], 1), penalty, dtype=np.float32)
    decay[-1] = 0
    curve = np.linalg.eigvalsh((rows.T @ rows).astype(np.float64))[-1] / len(rows) / 2 + penalty
    weights = np.zeros((rows.shape[1], classes), dtype=np.float32)
    ahead, momentum = weights, 1.0
    for _ in range(STEPS):
        logits = rows @ ahead
        logits -= logits.max(axis=1, keepdims=True)
        shares = np.exp(logits)
        shares /= shares.sum(axis=1, keepdims=True)
        slope = rows.T @ (shares - target) / len(rows) + decay * ahead
        following = ahead - (slope / curve).astype(np.float32)
        if np.vdot(slope, following - weights) > 0:
            momentum = 1.0
        further = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
        ahead = following + (following - weights) * np.float32((momentum - 1) / further)
        weights, momentum = following, further
    return weights


def _with_one(rows: Rows) -> Rows:
    """Rows of length sqrt(d), and a 1 for the offset."""
    scaled = rows * np.float32(rows.shape[1] ** 0.5)
    ones = np.ones((len(rows), 1), dtype=np.float32)
    return np.concatenate([scaled, ones], axis=1)
