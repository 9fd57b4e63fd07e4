"""Whether one look is of a part of the other's picture: of what a light crop leaves. Pure.

What is left of the picture is found roughly and then to half a hundredth of its side. Where it
sticks out, the camera has turned: a crop shows nothing that the picture does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from searchengine.looks.look import GREY_SIDE
from searchengine.looks.means import Grey, detail, detail_apart, means_of, standard

CUTS = (0.0, 0.02, 0.04, 0.06, 0.08, 0.1)
"""What a crop may have taken from each side, in shares of the width or height."""

MOST_CUT = 0.2
"""From both sides together."""

MOST_STRETCHED = 0.12
"""How much more a crop may have taken from the width than from the height."""

ROUGH_SIDE, ROUGH_CORRELATION = 12, 0.95
"""Means a side in which the place is found, and what it correlates at least."""

FINE_SIDE = 24
"""Means a side in which it is found exactly: of 32 those of a look itself show."""

UNIT = 0.005
"""Of the side: how exactly it is found."""

STEPS = (3, 2, 1)
"""Of so many units the place is moved for as long as that makes it fit better."""

MOST_OUTSIDE, MOST_INSIDE = -7, 25
"""In units: how far each side may be moved out of the picture and into it. A whole mean outside has
no value."""

UNSURE = 1
"""In units: how far out a crop may be found, and what is too little to be cut away."""

SAME_DETAIL = 0.7
"""The most that detail may differ in a sixteenth of a crop, as `same.SAME_DETAIL`: it comes from
pixels that lie otherwise. Chosen on photos of Flickr8k's dev split: 98 of 100 crops differ less,
and of crops in which something has moved 11; of shots that are shifted by a fiftieth or turned by a
degree and more, 98 of 100 stick out."""

Cuts = tuple[int, int, int, int]
"""Units cut away above and below, left and right."""

_NOWHERE = -1


def are_crops(whole: Grey, parts: Grey) -> NDArray[np.bool_]:
    """Which `parts`, shape (n, side, side), are `whole` with a little cut away."""
    fitted = standard(_cut(whole)).reshape(len(_PAIRS), -1)
    roughly = standard(_WINDOWS[0] @ parts @ _WINDOWS[0].T).reshape(len(parts), -1)
    products = roughly @ fitted.T
    best = products.argmax(axis=1)
    may_be = products.max(axis=1) >= ROUGH_CORRELATION
    found = np.zeros(len(parts), dtype=bool)
    for pair in np.unique(best[may_be]):
        numbers = np.flatnonzero(may_be & (best == pair))
        found[numbers] = _are_cut(whole, parts[numbers], _in_units(pair))
    return found


def _are_cut(whole: Grey, parts: Grey, rough: Cuts) -> NDArray[np.bool_]:
    """Which of some parts, from which nearly so much was cut away if anything was."""
    as_they_are = _fine_means(0, 0)
    shown: Grey = np.matmul(np.matmul(as_they_are, parts), as_they_are.T)
    found = np.zeros(len(parts), dtype=bool)
    for number, cuts in enumerate(_exactly(whole, _details(shown), rough)):
        if _are_a_crop(cuts):
            apart = detail_apart(_left(whole, [cuts]), shown[number : number + 1])
            found[number] = apart[0] <= SAME_DETAIL
    return found


def _are_a_crop(cuts: Cuts) -> bool:
    return min(cuts) >= -UNSURE and max(cuts) > UNSURE


def _cut(whole: Grey) -> Grey:
    """A picture, shape (side, side), with every little cut away, shape (cuts, side, side)."""
    windows = _WINDOWS.reshape(-1, GREY_SIDE)
    means = (windows @ whole @ windows.T).reshape(len(_WINDOWS), ROUGH_SIDE, -1, ROUGH_SIDE)
    fitted: Grey = means.transpose(0, 2, 1, 3)[_PAIRS[:, 0], _PAIRS[:, 1]]
    return fitted


def _in_units(pair: int) -> Cuts:
    down, across = (_ALL_CUTS[number] for number in _PAIRS[pair])
    above, below, left, right = (round(cut / UNIT) for cut in (*down, *across))
    return above, below, left, right


def _exactly(whole: Grey, wanted: NDArray[np.float32], rough: Cuts) -> list[Cuts]:
    """What was cut away of `whole` to show details, shape (n, places), near what was found.

    Each goes uphill by itself; of those that are at one place the next step is looked for at once.
    """
    best = (_details(_left(whole, [rough])) @ wanted.T)[0]
    ends = [rough] * len(wanted)
    climbing = {(rough, 0): np.arange(len(wanted))}
    while climbing:
        (cuts, step), numbers = climbing.popitem()
        if step == len(STEPS):
            for number in numbers:
                ends[number] = cuts
            continue
        near = list(_near(cuts, STEPS[step]))
        fits = _details(_left(whole, near)) @ wanted[numbers].T
        highest = fits.max(axis=0)
        following = np.where(highest > best[numbers], fits.argmax(axis=0), _NOWHERE)
        best[numbers] = np.maximum(best[numbers], highest)
        for place in np.unique(following):
            there = (cuts, step + 1) if place == _NOWHERE else (near[place], step)
            those = climbing.get(there, numbers[:0])
            climbing[there] = np.concatenate([those, numbers[following == place]])
    return ends


def _near(cuts: Cuts, step: int) -> Iterator[Cuts]:
    """With one side moved, or two sides alike."""
    for above, below, left, right in _MOVES:
        moved = (
            cuts[0] + step * above,
            cuts[1] + step * below,
            cuts[2] + step * left,
            cuts[3] + step * right,
        )
        if min(moved) >= MOST_OUTSIDE and max(moved) <= MOST_INSIDE:
            yield moved


def _details(grey: Grey) -> NDArray[np.float32]:
    """Of each picture a row of length 1, shape (n, places)."""
    return standard(detail(grey)).reshape(len(grey), -1)


def _left(grey: Grey, places: list[Cuts]) -> Grey:
    """What is left of a picture where so much is cut away, shape (n, FINE_SIDE, FINE_SIDE)."""
    lines = np.stack([_fine_means(above, below) for above, below, _, _ in places])
    columns = np.stack([_fine_means(left, right) for _, _, left, right in places])
    left_over: Grey = np.matmul(np.matmul(lines, grey), columns.transpose(0, 2, 1))
    return left_over


@lru_cache(maxsize=4096)
def _fine_means(before: int, after: int) -> Grey:
    return means_of(FINE_SIDE, UNIT * before, UNIT * after)


def _cuts() -> Iterator[tuple[float, float]]:
    """What may be cut away before and after, nothing first."""
    for before in CUTS:
        for after in CUTS:
            if before + after <= MOST_CUT:
                yield before, after


_ALL_CUTS = list(_cuts())
_WINDOWS = np.stack([means_of(ROUGH_SIDE, before, after) for before, after in _ALL_CUTS])
_PAIRS = np.array(
    [
        (line, column)
        for line, down in enumerate(_ALL_CUTS)
        for column, across in enumerate(_ALL_CUTS)
        if abs(sum(down) - sum(across)) <= MOST_STRETCHED
    ]
)
_ONE_AXIS = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, -1), (-1, 1))
_MOVES: list[Cuts] = [(*move, 0, 0) for move in _ONE_AXIS] + [(0, 0, *move) for move in _ONE_AXIS]
