"""Brightness of pictures as means of their places, and how far the detail of two is apart. Pure."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from searchengine.looks.look import GREY_SIDE

Grey: TypeAlias = NDArray[np.float32]
"""Brightness of pictures, shape (n, side, side)."""

PARTS = 4
"""A side: sixteen parts."""

LEAST_DETAIL = 0.5
"""Root mean square, of 255, below which a picture has none: rounding alone makes 0.3."""


def means_of(number: int, before: float = 0, after: float = 0) -> Grey:
    """The matrix that takes a line of a look to so many means of what is left, (number, side).

    What is cut away may be less than nothing, up to half a mean: there is no more than there is.
    """
    edges = np.linspace(before, 1 - after, number + 1) * GREY_SIDE
    cells = np.arange(GREY_SIDE)
    overlap = np.minimum(edges[1:, None], cells + 1) - np.maximum(edges[:-1, None], cells)
    overlap = overlap.clip(min=0)
    means: Grey = (overlap / overlap.sum(axis=1, keepdims=True)).astype(np.float32)
    return means


def standard(grey: Grey) -> Grey:
    """Of mean 0 and length 1."""
    centred = grey - grey.mean(axis=(1, 2), keepdims=True)
    lengths = np.sqrt(np.square(centred).sum(axis=(1, 2), keepdims=True))
    scaled: Grey = centred / np.maximum(lengths, 1e-3)
    return scaled


def detail(grey: Grey) -> Grey:
    """What each place has more of than its four neighbours, without the rim."""
    around = grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1] + grey[:, 1:-1, :-2] + grey[:, 1:-1, 2:]
    return grey[:, 1:-1, 1:-1] - around / np.float32(4)


def detail_apart(one: Grey, other: Grey) -> NDArray[np.float32]:
    """How far the detail of pairs is apart in its worst part, shape (n,), from 0.

    In root mean squares over that of the whole, where in each part the detail of one is made as
    strong as the other's. The less of both ways round: what is burnt out in one picture is missing
    from it. Infinite where one of them has no detail: blank pages are no copies of each other.
    """
    left, right = _by_parts(detail(one)), _by_parts(detail(other))
    products = np.square(np.maximum((left * right).sum(axis=2), 0))
    own, others = np.square(left).sum(axis=2), np.square(right).sum(axis=2)
    left_over = [
        (wanted - products / np.maximum(known, 1e-6)).max(axis=1)
        / np.maximum(wanted.mean(axis=1), 1e-6)
        for known, wanted in ((own, others), (others, own))
    ]
    apart: NDArray[np.float32] = np.sqrt(np.minimum(*left_over).clip(min=0))
    faintest = np.minimum(own.sum(axis=1), others.sum(axis=1)) / left[0].size
    apart[faintest < LEAST_DETAIL**2] = np.inf
    return apart


def _by_parts(grey: Grey) -> Grey:
    """Shape (n, parts, places); what is left over at the rim is left out."""
    side = grey.shape[1] // PARTS
    rim = grey.shape[1] % PARTS // 2
    inner = grey[:, rim : rim + PARTS * side, rim : rim + PARTS * side]
    parts = inner.reshape(-1, PARTS, side, PARTS, side).swapaxes(2, 3)
    return parts.reshape(len(grey), PARTS**2, side**2)
