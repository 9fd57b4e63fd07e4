"""Vectors as CLIP makes them, from a generator: clouds of images, and texts beside them.

What matters to an index is kept: images and texts lie in two narrow cones apart from each other
(the modality gap of Liang et al., "Mind the Gap", 2022: here a cosine of about 0.25 between a text
and its own image, and about 0.5 between any two images), images form clouds of uneven size, and
within a cloud they vary along few directions (`INNER` of them) and a little along all.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

INNER = 32
"""Directions along which the images of a cloud vary: the intrinsic dimension."""

CONE = 1.0
"""Length of the mean of all images against the spread around it: cosine 0.5 between any two."""

GAP = 1.3
"""Length of the mean of all texts, at right angles to that of the images, against what a text
shares with its image."""

NOISE = 0.6
"""Of a text, against what it shares with its image: it says less than the image shows."""

ROWS_AT_A_TIME = 50_000

Rows = NDArray[np.float16]
Queries = NDArray[np.float32]


class Clouds:
    """A fixed world to draw images and texts from."""

    def __init__(self, d: int, clouds: int = 2_000, seed: int = 0) -> None:
        random = np.random.default_rng(seed)
        self._d = d
        self._centres = _unit(random.normal(size=(clouds, d)))
        inner = min(INNER, d)
        self._directions = random.normal(size=(16, inner, d)).astype(np.float32) / np.sqrt(d)
        self._shares = random.dirichlet(np.full(clouds, 0.5))
        means = np.linalg.qr(random.normal(size=(d, 2)))[0].T.astype(np.float32)
        self._image_mean, self._text_mean = CONE * means[0], GAP * means[1]

    def images(self, n: int, seed: int = 1) -> Rows:
        """Image vectors, unit rows, shape (n, d), float16."""
        random = np.random.default_rng(seed)
        rows = np.empty((n, self._d), dtype=np.float16)
        for start in range(0, n, ROWS_AT_A_TIME):
            stop = min(start + ROWS_AT_A_TIME, n)
            rows[start:stop] = _unit(self._content(random, stop - start) + self._image_mean)
        return rows

    def texts(self, q: int, seed: int = 2) -> Queries:
        """Text vectors, unit rows, shape (q, d), float32: each of an image that is not there."""
        random = np.random.default_rng(seed)
        noise = NOISE * _unit(random.normal(size=(q, self._d)))
        return _unit(self._content(random, q) + noise + self._text_mean)

    def _content(self, random: np.random.Generator, n: int) -> NDArray[np.float32]:
        """What a picture shows, in rows of length about 1."""
        cloud = random.choice(len(self._centres), n, p=self._shares)
        within = random.normal(size=(n, self._directions.shape[1])).astype(np.float32)
        content: NDArray[np.float32] = self._centres[cloud].copy()
        for number, directions in enumerate(self._directions):
            own = cloud % len(self._directions) == number
            content[own] += within[own] @ directions / np.sqrt(len(directions))
        content += (0.5 / np.sqrt(self._d)) * random.standard_normal(
            size=content.shape, dtype=np.float32
        )
        content /= np.sqrt(np.float32(2.25))
        return content


def _unit(rows: NDArray[np.floating]) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(
        np.float32
    )
    return unit
