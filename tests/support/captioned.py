"""Vectors of captioned images for tests, and random ones that tie often."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Case(NamedTuple):
    """Images (n, d), captions (c, d) and the image row of each caption (c,)."""

    images: NDArray[np.floating]
    captions: NDArray[np.floating]
    owners: NDArray[np.int64]


def unit(rows: NDArray[np.floating]) -> NDArray[np.float32]:
    scaled: NDArray[np.float32] = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(
        np.float32
    )
    return scaled


def few_values(random: np.random.Generator, n: int, d: int = 3) -> NDArray[np.float32]:
    """Unit rows of small whole numbers: many are equal, and many more score the same."""
    rows = random.integers(-1, 2, size=(n, d)).astype(np.float64)
    rows[~rows.any(axis=1), 0] = 1
    return unit(rows)


def make(seed: int, n: int, most: int, d: int = 3) -> Case:
    """`n` images with 0 to `most` captions each, in mixed order; an image without is a distractor.

    Half of the captions are copies of image vectors, so wrong and right answers tie.
    """
    random = np.random.default_rng(seed)
    owners = np.repeat(np.arange(n), random.integers(0, most + 1, size=n))
    random.shuffle(owners)
    images = few_values(random, n, d)
    captions = few_values(random, len(owners), d)
    copied = random.random(len(owners)) < 0.5
    captions[copied] = images[random.integers(0, n, size=copied.sum())]
    return Case(images, captions, owners)
