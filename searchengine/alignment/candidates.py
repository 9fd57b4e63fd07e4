"""What may be learned from captions and vectors as they are: pure functions on unit rows.

Two kinds: a bias of each image against being near to everything, and maps of the query. Neither
touches a stored vector.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from searchengine.types import Vectors

NEAREST = 10
"""Captions that an image's bias is the mean of: k of CSLS."""

HUB_WEIGHT = 0.25
"""Of the bias in the score. With .5 the answers to everyday queries change too much (see guard)."""

RANK = 16
"""Of the map of low rank."""

IMAGES_AT_A_TIME = 1_024
"""Images that are compared with all captions together."""

Biases: TypeAlias = NDArray[np.float32]
"""One an image, shape (n,)."""

Map: TypeAlias = NDArray[np.float32]
"""What is added to a text's vector, as a matrix from the right: shape (d, d)."""

Fit: TypeAlias = Callable[[Vectors, Vectors], Map]
"""From captions and the vectors of their images, both of shape (m, d)."""


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """What was learned, as it is applied to a query and to the images' scores."""

    biases: Biases | None = None
    map: Map | None = None

    def scores(self, queries: Vectors, images: Vectors) -> NDArray[np.float32]:
        """Of images for queries, shape (q, n)."""
        asked = queries if self.map is None else mapped(queries, self.map)
        scores: NDArray[np.float32] = asked @ images.T
        if self.biases is not None:
            scores -= HUB_WEIGHT * self.biases
        return scores


def hub_bias(
    images: Vectors, owners: NDArray[np.int64], captions: Vectors, of: NDArray[np.int64]
) -> Biases:
    """The mean cosine of each image with the captions nearest to it, shape (n,), float32.

    An image's own captions are left out: `owners`, shape (n,), are the images' numbers, and `of`,
    shape (m,), the number of the image that each caption is of. The half of CSLS that is about what
    is searched: Conneau et al., 2018, "Word Translation Without Parallel Data", equation 4. With
    fewer captions than `NEAREST` the mean is over those; without any it is 0.
    """
    found = np.zeros(len(images), dtype=np.float32)
    for start in range(0, len(images), IMAGES_AT_A_TIME):
        part = slice(start, start + IMAGES_AT_A_TIME)
        cosines = images[part] @ captions.T
        cosines[owners[part, None] == of[None, :]] = -np.inf
        k = min(NEAREST, cosines.shape[1])
        if k:
            nearest = np.partition(cosines, cosines.shape[1] - k, axis=1)[:, -k:]
            there = np.isfinite(nearest)
            sums = np.where(there, nearest, 0).sum(axis=1)
            found[part] = sums / np.maximum(there.sum(axis=1), 1)
    return found


def ridge(strength: float) -> Fit:
    """The map that brings captions nearest to their images, by ridge regression.

    W of least |T W - (V - T)|² + `strength` m |W|²: with one caption of each of a few hundred
    photos much less than all that could be fitted.
    """

    def fit(captions: Vectors, images: Vectors) -> Map:
        d = captions.shape[1]
        square = (captions.T @ captions).astype(np.float64) + strength * len(captions) * np.eye(d)
        found: Map = np.linalg.solve(square, captions.T @ (images - captions)).astype(np.float32)
        return found

    return fit


def procrustes(captions: Vectors, images: Vectors) -> Map:
    """The rotation that brings captions nearest to their images, less the identity.

    Schönemann, 1966, "A generalized solution of the orthogonal Procrustes problem".
    """
    left, _, right = np.linalg.svd(captions.astype(np.float64).T @ images)
    found: Map = (left @ right - np.eye(captions.shape[1])).astype(np.float32)
    return found


def low_rank(captions: Vectors, images: Vectors) -> Map:
    """The ridge map of strength .01, of which the `RANK` strongest directions are taken."""
    left, strengths, right = np.linalg.svd(ridge(0.01)(captions, images))
    found: Map = ((left[:, :RANK] * strengths[:RANK]) @ right[:RANK]).astype(np.float32)
    return found


MAPS: Mapping[str, Mapping[str, Fit]] = MappingProxyType(
    {
        "ridge": {"ridge-0.1": ridge(0.1), "ridge-0.3": ridge(0.3)},
        "procrustes": {"procrustes": procrustes},
        "low-rank": {"low-rank": low_rank},
    }
)
"""The maps to try, by the word that asks for them."""

HUB = "hub"
"""The word that asks for the bias, and its name."""

USUAL = (HUB, "ridge")
"""What is tried where nothing is said."""


def mapped(queries: Vectors, by: Map) -> Vectors:
    """Queries moved by a map: unit rows, shape (n, d)."""
    moved = queries + queries @ by
    unit: Vectors = moved / np.linalg.norm(moved, axis=-1, keepdims=True)
    return unit
