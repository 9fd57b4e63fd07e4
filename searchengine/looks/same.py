"""Whether two looks are of one picture: saved anew, scaled, in other tones, lightly cropped. Pure.

Another shot of the same scene is none: where the camera or something in the picture has moved, a
part of it differs, however alike the whole is. So it is the worst part that decides. Of whole
pictures detail is compared: how each place stands out from those around it. What is done to tones
makes it weaker or stronger, here more and there less, and leaves it where it is; a camera that has
turned by a hundredth does not.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from searchengine.looks.crops import are_crops
from searchengine.looks.look import GREY_SIDE, Looks
from searchengine.looks.means import Grey, detail_apart, standard

SAME_DETAIL = 0.35
"""The most that detail may differ in a sixteenth of the picture, in root mean squares over that of
the whole. Chosen on 200 photos of Flickr8k's dev split: of copies saved anew, scaled, made grey,
and edited in brightness, contrast, saturation or gamma by up to two fifths 99.6 in 100 differ
less; of shots in which something has moved 2.5 in 100, of those
shifted by a fiftieth of the width none."""

SAME_COLOUR, SAME_COLOUR_PALER = 14.0, 9.0
"""The most that colours may differ: the root mean square of Cb and Cr, of 255; and the most that
they may where the richer ones are made as pale as the others, down to black and white."""

SAME_BRIGHTNESS = 8.0
"""The most that brightness may differ, in root mean square of 255, where colours are paler: without
it a drawing on white would be the same one on yellow."""

GREYEST = 2.0
"""The strength of colours, as `SAME_COLOUR`, up to which a picture is black and white."""

GREY_POINT = 128
"""Of Cb and Cr."""

FLATTEST = 2.0
"""Standard deviation of brightness, of 255, below which there is too little to compare."""

COARSE_SIDE, COARSE_CORRELATION = 8, 0.5
"""Pairs that correlate less at so many means a side are no copies of each other."""

AT_A_TIME = 256
"""Pairs."""

Numbers = NDArray[np.int64]

Pairs = NDArray[np.int64]
"""Of numbers, shape (p, 2)."""


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


def made_grey(one: Looks, other: Looks) -> NDArray[np.bool_]:
    """Which pairs of looks, shape (n,) each, are of a black and white and of a coloured picture."""
    left, right = (_strength(_centred_colour(each)) for each in (one, other))
    differ: NDArray[np.bool_] = (left <= GREYEST) != (right <= GREYEST)
    return differ


def _same(one: Looks, other: Looks) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which pairs are the same as they are, and which of the others may be once one is cut."""
    left, right = (each["grey"].astype(np.float32) for each in (one, other))
    flattest = np.minimum(left.std(axis=(1, 2)), right.std(axis=(1, 2)))
    coloured = _colours_agree(one, other, left - right)
    may_be: NDArray[np.bool_] = (flattest > FLATTEST) & coloured & _coarsely_alike(left, right)
    apart = detail_apart(left, right)
    return may_be & (apart <= SAME_DETAIL), may_be & (apart > SAME_DETAIL)


def _are_crops(
    wholes: Numbers, parts: Numbers, read: Callable[[Numbers], Looks]
) -> NDArray[np.bool_]:
    """Which of `parts` are the whole in the same place with a little cut away, shape (n,) each.

    Each whole is cut once, whatever the number of its parts: that is most of the work.
    """
    found = np.zeros(len(wholes), dtype=bool)
    order = np.argsort(wholes, kind="stable")
    _, starts = np.unique(wholes[order], return_index=True)
    for places in np.split(order, starts[1:]) if len(order) else ():
        [whole] = read(wholes[places[:1]])["grey"].astype(np.float32)
        for start in range(0, len(places), AT_A_TIME):
            part = places[start : start + AT_A_TIME]
            found[part] = are_crops(whole, read(parts[part])["grey"].astype(np.float32))
    return found


def _coarsely_alike(one: Grey, other: Grey) -> NDArray[np.bool_]:
    block = GREY_SIDE // COARSE_SIDE
    left, right = (
        standard(each.reshape(-1, COARSE_SIDE, block, COARSE_SIDE, block).mean(axis=(2, 4)))
        for each in (one, other)
    )
    alike: NDArray[np.bool_] = (left * right).sum(axis=(1, 2)) >= COARSE_CORRELATION
    return alike


def _colours_agree(one: Looks, other: Looks, brighter: Grey) -> NDArray[np.bool_]:
    left, right = _centred_colour(one), _centred_colour(other)
    is_richer = (_strength(left) > _strength(right))[:, None, None, None]
    richer, paler = np.where(is_richer, left, right), np.where(is_richer, right, left)
    products = (richer * paler).mean(axis=(1, 2, 3))
    share = np.clip(products / np.maximum(np.square(_strength(richer)), 1e-6), 0, 1)
    is_paler = _strength(paler - share[:, None, None, None] * richer) <= SAME_COLOUR_PALER
    is_as_bright = np.sqrt(np.square(brighter).mean(axis=(1, 2))) <= SAME_BRIGHTNESS
    is_same = _strength(left - right) <= SAME_COLOUR
    agree: NDArray[np.bool_] = is_same | (is_paler & is_as_bright)
    return agree


def _centred_colour(looks: Looks) -> NDArray[np.float32]:
    colour: NDArray[np.float32] = looks["colour"].astype(np.float32) - GREY_POINT
    return colour


def _strength(colour: NDArray[np.float32]) -> NDArray[np.float32]:
    strength: NDArray[np.float32] = np.sqrt(np.square(colour).mean(axis=(1, 2, 3)))
    return strength
