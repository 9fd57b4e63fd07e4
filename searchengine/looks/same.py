"""Whether two looks are of one picture: saved anew, scaled, lightly cropped or brightened. Pure.

Another shot of the same scene is none: where the camera or something in the picture has moved, a
part of it differs, however alike the whole is. So it is the worst part that decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

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

Numbers = NDArray[np.int64]

Pairs = NDArray[np.int64]
"""Of numbers, shape (p, 2)."""

Grey = NDArray[np.float32]
"""Brightness of pictures, shape (n, side, side)."""


def same_picture(one: Looks, other: Looks) -> NDArray[np.bool_]:
    """Which pairs of looks, shape (n,) each, are of one picture; unknown looks are of none."""
    both, count = np.concatenate([one, other]), len(one)
    pairs = np.stack([np.arange(count), np.arange(count) + count], axis=1)
    return same_pictures(pairs, both.__getitem__)


def same_pictures(pairs: Pairs, read: Callable[[Numbers], Looks]) -> NDArray[np.bool_]:
    """Which pairs of numbers, shape (p, 2), are of one picture; `read` gives looks by number."""
    found, may_be = np.zeros(len(pairs), dtype=bool), np.zeros(len(pairs), dtype=bool)
    for start in range(0, len(pairs), AT_A_TIME):
        part = slice(start, start + AT_A_TIME)
        found[part], may_be[part] = _same(read(pairs[part, 0]), read(pairs[part, 1]))
    left = np.flatnonzero(may_be)
    for whole, cut in ((0, 1), (1, 0)):
        left = left[~found[left]]
        found[left] = _are_crops(pairs[left, whole], pairs[left, cut], read)
    return found


def _same(one: Looks, other: Looks) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which pairs are the same as they are, and which of the others may be once one is cut."""
    left, right = (each["grey"].astype(np.float32) for each in (one, other))
    coloured = _colours_agree(one, other)
    found = _agree(_whole(left), _whole(right), SAME_PART) & coloured
    return found, ~found & coloured & _coarsely_alike(left, right)


def _are_crops(
    wholes: Numbers, parts: Numbers, read: Callable[[Numbers], Looks]
) -> NDArray[np.bool_]:
    """Which of `parts` are the whole in the same place with a little cut away, shape (n,) each.

    Each whole is cut once, whatever the number of its parts: that is nearly all of the work.
    """
    found = np.zeros(len(wholes), dtype=bool)
    order = np.argsort(wholes, kind="stable")
    _, starts = np.unique(wholes[order], return_index=True)
    for places in np.split(order, starts[1:]) if len(order) else ():
        [whole] = read(wholes[places[:1]])["grey"].astype(np.float32)
        fitted = _cut(whole)
        standard = _standard(fitted).reshape(len(fitted), -1)
        for start in range(0, len(places), AT_A_TIME):
            part = places[start : start + AT_A_TIME]
            shown = _whole(read(parts[part])["grey"].astype(np.float32))
            best = np.argmax(_standard(shown).reshape(len(part), -1) @ standard.T, axis=1)
            is_cut = best != 0  # where nothing is cut away it is another shot
            found[part] = is_cut & _agree(fitted[best], shown, SAME_PART_CROPPED)
    return found


def _cut(whole: Grey) -> Grey:
    """A picture, shape (side, side), with every little cut away, shape (cuts, side, side)."""
    windows = _WINDOWS.reshape(-1, GREY_SIDE)
    means = (windows @ whole @ windows.T).reshape(len(_WINDOWS), COMPARED_SIDE, -1, COMPARED_SIDE)
    fitted: Grey = means.transpose(0, 2, 1, 3)[_PAIRS[:, 0], _PAIRS[:, 1]]
    return fitted


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
