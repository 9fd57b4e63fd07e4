"""A name learned from examples: pure functions on unit rows.

A logistic regression pulled to the word: with few examples it is the word's own vector with a line
to pass, and each example moves it from there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from searchengine.types import Vectors

PULL = 0.1
"""Of the squared distance from the word, beside the summed loss of the examples: chosen of 0.01 to
3 on words of Flickr8k's dev split, where 0.03 to 0.3 are alike."""

LEAST = 5
"""Examples of each kind: of fewer nothing can be said of how well they teach."""

FOLDS = 5
SEED = 0
"""Of the deal of examples into folds: two runs say the same."""

FREE = 1e-6
"""The pull of the line to pass, which is nowhere by itself."""

STEPS, ENOUGH = 50, 1e-4
"""Of Newton's method, and the length of a step after which it is done: logits of 0.0001."""

Right = NDArray[np.bool_]
"""Whether each row shows what is taught, shape (n,)."""


@dataclass(frozen=True, slots=True, eq=False)
class Taught:
    """What was learned: a line to pass along a direction."""

    direction: NDArray[np.float64]
    """Shape (d,)."""
    offset: float

    def probabilities(self, rows: Vectors) -> NDArray[np.float64]:
        """That each row shows what was taught, shape (n,), in [0, 1]."""
        return _sigmoid(rows @ self.direction + self.offset)


@dataclass(frozen=True, slots=True)
class Trial:
    """How well examples teach, by cross-validation on themselves."""

    yes: int
    no: int
    found: int
    """Of the `yes`, those that are found by what the others teach."""
    wrong: int
    """Of the `no`, those that are found too."""

    @property
    def recall(self) -> float:
        """Share of the right ones that are found, in [0, 1]."""
        return self.found / self.yes

    @property
    def precision(self) -> float | None:
        """Share of those found that are right, among the examples; None where none is found."""
        return self.found / (self.found + self.wrong) if self.found + self.wrong else None

    def mistakes(self, labelled: int, images: int) -> float:
        """How many of `labelled` labels on `images` images are wrong, as far as this can tell.

        The images that show it are as many as would be labelled so often with this recall and this
        share of wrong ones: Rogan and Gladen, 1978, "Estimating prevalence from the results of a
        screening test". Each share is counted with one example more of either kind, as "none of
        five" is not "never". It holds where the examples are like the images.
        """
        finds = (self.found + 1) / (self.yes + 2)
        errs = (self.wrong + 1) / (self.no + 2)
        if finds <= errs:
            return float(labelled)
        showing = (labelled - errs * images) / (finds - errs)
        return min(errs * (images - min(max(showing, 0), images)), float(labelled))


def learn(word: NDArray[np.float32], scale: float, rows: Vectors, right: Right) -> Taught:
    """Learn from rows, shape (n, d), and from the word's vector, shape (d,).

    `scale` is what the encoder multiplies cosines by. The minimum of the summed logistic loss and
    of `PULL` / 2 times the squared distance of the direction from `scale` times the word, by
    Newton's method with halved steps: it is convex.
    """
    start = scale * word.astype(np.float64)
    wide = rows.astype(np.float64)
    # It leaves the word along the examples alone, so that is where it is looked for.
    axes = np.linalg.svd(wide, full_matrices=False)[2]
    x = np.column_stack([wide @ axes.T, np.ones(len(wide))])
    plain = wide @ start
    signs = np.where(right, 1.0, -1.0)
    pull = np.r_[np.full(len(axes), PULL), FREE]

    def loss(w: NDArray[np.float64]) -> float:
        logits = plain + x @ w
        return float(np.logaddexp(0, -signs * logits).sum() + 0.5 * (pull * np.square(w)).sum())

    w = np.r_[np.zeros(len(axes)), -np.median(plain)]
    for _ in range(STEPS):
        p = _sigmoid(plain + x @ w)
        slope = x.T @ (p - right) + pull * w
        bend = (x * (p * (1 - p))[:, np.newaxis]).T @ x + np.diag(pull)
        step, now, size = np.linalg.solve(bend, slope), loss(w), 1.0
        while loss(w - size * step) > now and size > ENOUGH:
            size /= 2
        w = w - size * step
        if np.abs(size * step).max() < ENOUGH:
            break
    return Taught(start + w[:-1] @ axes, float(w[-1]))


def tried(
    word: NDArray[np.float32], scale: float, rows: Vectors, right: Right, threshold: float
) -> Trial:
    """Each example asked for by what the examples of the other folds teach.

    Takes `LEAST` rows of either kind.
    """
    fold = np.empty(len(rows), dtype=np.int64)
    random = np.random.default_rng(SEED)
    for kind in (right, ~right):
        fold[kind] = random.permutation(np.arange(np.count_nonzero(kind)) % FOLDS)
    found = np.zeros(len(rows), dtype=bool)
    for number in range(FOLDS):
        here = fold == number
        taught = learn(word, scale, rows[~here], right[~here])
        found[here] = taught.probabilities(rows[here]) >= threshold
    return Trial(
        yes=int(right.sum()),
        no=int((~right).sum()),
        found=int((found & right).sum()),
        wrong=int((found & ~right).sum()),
    )


def _sigmoid(z: NDArray[np.floating]) -> NDArray[np.float64]:
    result: NDArray[np.float64] = 0.5 * (1 + np.tanh(0.5 * z.astype(np.float64)))
    return result
