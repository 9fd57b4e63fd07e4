"""Whether two looks are of one picture: saved anew, scaled, lightly cropped or brightened. Pure.

Another shot of the same scene is none: where the camera or something in the picture has moved, a
part of it differs, however alike the whole is. So it is the worst part that decides.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from searchengine.looks.look import GREY_SIDE, Looks

COMPARED_SIDE = 12
"""Means a side of what is compared: those of a cropped picture come from pixels that lie otherwise,
and at the 32 of a look that alone makes a difference."""

CUTS = (0.0, 0.02, 0.04, 0.06, 0.08, 0.1)
"""What a crop may have taken from each side, in shares of the width or height."""

MOST_CUT = 0.2
"""From both sides together."""

MOST_STRETCHED = 0.12
"""How much more a crop may have taken from the width than from the height."""

SAME_PART, SAME_PART_CROPPED = 0.06, 0.28
"""The most that a sixteenth of the picture may differ, in root mean squares of brightness over the
standard deviation of the whole. Chosen on photos of Flickr8k's dev split: copies of whole pictures
differ by up to 0.05, crops by 0.28 (99 of 100); shots in which something has moved by 0.10 or more
in 95 of 100, and those of a camera that has turned are no crops of each other."""

LEAST_CORRELATION = 0.98

SAME_COLOUR = 14.0
"""The most that colours may differ: the root mean square of Cb and Cr, of 255."""

FADED, FADED_LEAST = 0.3, 2.0
"""The share of its colour, and the least, by which a picture may be paler than the other: crops
are by a quarter; one made black and white is no copy but an edit."""

GREY_POINT = 128
"""Of Cb and Cr."""

FLATTEST = 2.0
"""Standard deviation of brightness, of 255, below which there is too little to compare."""

COARSE_SIDE, COARSE_CORRELATION = 8, 0.5
"""Pairs that correlate less at so many means a side are not cropped copies of each other."""

_PARTS = 4
"""A side: sixteen parts."""

AT_A_TIME = 256
"""Pairs."""

Grey = NDArray[np.float32]
"""Brightness of pictures, shape (n, side, side)."""


def same_picture(one: Looks, other: Looks) -> NDArray[np.bool_]:
    """Which pairs of looks, shape (n,) each, are of one picture; unknown looks are of none."""
    found = np.zeros(len(one), dtype=bool)
    for start in range(0, len(one), AT_A_TIME):
        part = slice(start, start + AT_A_TIME)
        found[part] = _same(one[part], other[part])
    return found


def _same(one: Looks, other: Looks) -> NDArray[np.bool_]:
    left, right = (each["grey"].astype(np.float32) for each in (one, other))
    found = _agree(_whole(left), _whole(right), SAME_PART)
    coloured = _colours_agree(one, other)
    rest = np.flatnonzero(~found & coloured & _coarsely_alike(left, right))
    for pair in rest:
        found[pair] = _is_crop(left[pair], right[pair]) or _is_crop(right[pair], left[pair])
    return found & coloured


def _is_crop(whole: Grey, part: Grey) -> bool:
    """Whether `part`, shape (side, side), is `whole` with a little cut away."""
    shown = _whole(part[np.newaxis])
    lines = np.matmul(_WINDOWS, whole)
    fitted = np.matmul(lines[_PAIRS[:, 0]], _WINDOWS[_PAIRS[:, 1]].transpose(0, 2, 1))
    products = _standard(fitted).reshape(len(fitted), -1) @ _standard(shown).ravel()
    best = int(np.argmax(products))
    if best == 0:  # nothing is cut away: it is another shot
        return False
    return bool(_agree(fitted[best : best + 1], shown, SAME_PART_CROPPED)[0])


def _agree(one: Grey, other: Grey, limit: float) -> NDArray[np.bool_]:
    """Which pairs are the same in every part, but for brightness and contrast."""
    left, right = _centred(one), _centred(other)
    squares = np.square(left).sum(axis=(1, 2), keepdims=True)
    gain = (left * right).sum(axis=(1, 2), keepdims=True) / np.maximum(squares, 1e-6)
    deviation = np.sqrt(np.square(right).mean(axis=(1, 2)))
    side = one.shape[1] // _PARTS
    differences = np.square(right - gain * left).reshape(-1, _PARTS, side, _PARTS, side)
    worst = np.sqrt(differences.mean(axis=(2, 4)).reshape(len(one), -1).max(axis=1, initial=0.0))
    correlation = (_standard(one) * _standard(other)).sum(axis=(1, 2))
    has_detail = np.minimum(deviation, np.sqrt(np.square(left).mean(axis=(1, 2)))) > FLATTEST
    agree: NDArray[np.bool_] = (
        has_detail & (correlation >= LEAST_CORRELATION) & (worst <= limit * deviation)
    )
    return agree


def _coarsely_alike(one: Grey, other: Grey) -> NDArray[np.bool_]:
    block = GREY_SIDE // COARSE_SIDE
    left, right = (
        _standard(each.reshape(-1, COARSE_SIDE, block, COARSE_SIDE, block).mean(axis=(2, 4)))
        for each in (one, other)
    )
    alike: NDArray[np.bool_] = (left * right).sum(axis=(1, 2)) >= COARSE_CORRELATION
    return alike


def _colours_agree(one: Looks, other: Looks) -> NDArray[np.bool_]:
    left, right = (each["colour"].astype(np.float32) - GREY_POINT for each in (one, other))
    paler, richer = np.sort([_strength(left), _strength(right)], axis=0)
    agree: NDArray[np.bool_] = (_strength(left - right) <= SAME_COLOUR) & (
        richer - paler <= FADED_LEAST + FADED * richer
    )
    return agree


def _strength(colour: Grey) -> NDArray[np.float32]:
    strength: NDArray[np.float32] = np.sqrt(np.square(colour).mean(axis=(1, 2, 3)))
    return strength


def _centred(grey: Grey) -> Grey:
    centred: Grey = grey - grey.mean(axis=(1, 2), keepdims=True)
    return centred


def _standard(grey: Grey) -> Grey:
    """Of mean 0 and length 1."""
    centred = _centred(grey)
    lengths = np.sqrt(np.square(centred).sum(axis=(1, 2), keepdims=True))
    standard: Grey = centred / np.maximum(lengths, 1e-3)
    return standard


def _whole(grey: Grey) -> Grey:
    """Whole pictures as means of `COMPARED_SIDE` a side."""
    means = _WINDOWS[0]
    shown: Grey = means @ grey @ means.T
    return shown


def means_of(number: int, before: float = 0, after: float = 0) -> Grey:
    """The matrix that takes a line of a look to so many means of what is left, (number, side)."""
    edges = np.linspace(before, 1 - after, number + 1) * GREY_SIDE
    cells = np.arange(GREY_SIDE)
    overlap = np.minimum(edges[1:, None], cells + 1) - np.maximum(edges[:-1, None], cells)
    overlap = overlap.clip(min=0)
    means: Grey = (overlap / overlap.sum(axis=1, keepdims=True)).astype(np.float32)
    return means


def _cuts() -> Iterator[tuple[float, float]]:
    """What may be cut away before and after, nothing first."""
    for before in CUTS:
        for after in CUTS:
            if before + after <= MOST_CUT:
                yield before, after


_ALL_CUTS = list(_cuts())
_WINDOWS = np.stack([means_of(COMPARED_SIDE, before, after) for before, after in _ALL_CUTS])
_PAIRS = np.array(
    [
        (line, column)
        for line, down in enumerate(_ALL_CUTS)
        for column, across in enumerate(_ALL_CUTS)
        if abs(sum(down) - sum(across)) <= MOST_STRETCHED
    ]
)
