"""R@K over K in both directions, with each curve's name beside it.

Every series has a shape and its name beside it, not a colour alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cli.notation import DIRECTIONS, count, interval, percent
from cli.pages.svg import (
    LETTER,
    WIDTH,
    Axis,
    Bar,
    Box,
    Chart,
    Disc,
    Group,
    Path,
    Shape,
    Text,
    axis_names,
    line,
    polyline,
)
from searchengine.measures.recall import Direction, Ranks

CURVE_POINTS = 240
"""K at which a curve is computed, evenly on the log axis: about one every 1.6 units."""

_Curve: TypeAlias = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Places of a curve's points, x and y, each of shape (n,); y never grows, as it points down."""


def recall_at(ranks: Ranks, ks: ArrayLike) -> NDArray[np.float64]:
    """Share of `ranks`, shape (q,), that are at most each of `ks`, in [0, 1]; shape of `ks`."""
    places = np.searchsorted(np.sort(ranks), np.asarray(ks), side="right")
    return places / max(len(ranks), 1)


def curve_ks(gallery: int) -> NDArray[np.int64]:
    """Whole K from 1 to `gallery`, evenly on a log axis, without repeats; ascending."""
    return np.unique(np.geomspace(1, max(gallery, 1), CURVE_POINTS).round().astype(np.int64))


def recall_chart(directions: Sequence[Direction]) -> Chart:
    """R@K of each direction over K on a log axis, with its intervals as whiskers."""
    height, largest = 345, max(direction.gallery for direction in directions)
    across = Axis(1, max(2, largest), 46, WIDTH - 14, is_log=True)
    up = Axis(0, 1, height - 46, 32)  # room for a name above a curve that reaches 100 %
    curves: list[_Curve] = []
    shapes: list[Shape] = [*_axes(across, up)]
    for direction in directions:
        ks = curve_ks(direction.gallery)
        curves.append((across.at(ks), up.at(recall_at(direction.ranks, ks))))
        marks = _marks(direction, across, up)
        shapes.append(Group(direction.name, (polyline("curve", *curves[-1]), *marks)))
    frame = Box(across.start, 2, across.end, up.start)
    shapes.extend(_curve_names([direction.name for direction in directions], curves, frame))
    described = " ".join(f"{_described(direction)}." for direction in directions)
    return Chart("curves", "R@K over K, in both directions", described, height, tuple(shapes))


def _described(direction: Direction) -> str:
    said = []
    for k, share in sorted(direction.recall.items()):
        bounds = direction.intervals.get(k)
        said.append(f"R@{k} {percent(share)}" + (f" ({interval(bounds)})" if bounds else ""))
    return f"{DIRECTIONS[direction.name]}: {', '.join(said)}, of {count(direction.gallery)}"


def _axes(across: Axis, up: Axis) -> Iterator[Shape]:
    for share in (0, 0.2, 0.4, 0.6, 0.8, 1):
        y = up.place(share)
        yield line("grid" if share else "axis", across.start, y, across.end, y)
        yield Text("tick end", across.start - 7, y + 4, f"{100 * share:.0f}")
    for decade in range(math.floor(math.log10(across.high)) + 1):
        x = across.place(10**decade)
        yield line("axis", x, up.start, x, up.start + 5)
        yield Text("tick middle", x, up.start + 19, count(10**decade))
    yield from axis_names(across, up, ("K, log scale", "R@K in percent"))


def _marks(direction: Direction, across: Axis, up: Axis) -> Iterator[Shape]:
    for k, share in sorted(direction.recall.items()):
        if not 1 <= k <= across.high:
            continue
        x, y = across.place(k), up.place(share)
        if k in direction.intervals:
            low, high = (up.place(bound) for bound in direction.intervals[k])
            ends = f"M{x - 4:.1f} {low:.1f}h8M{x - 4:.1f} {high:.1f}h8"
            yield Path("whisker", f"M{x:.1f} {low:.1f}V{high:.1f}{ends}")
        yield _mark(direction.name, x, y)


def _mark(name: str, x: float, y: float) -> Shape:
    """A disc for text to image, a square for image to text."""
    if name == "image_retrieval":
        return Disc("mark", x, y, 3.4)
    return Bar("mark", x - 3.1, y - 3.1, 6.2, 6.2)


def _curve_names(names: Sequence[str], curves: Sequence[_Curve], frame: Box) -> Iterator[Shape]:
    """Each name, after its mark, beside its own curve; in a free corner where they run as one."""
    taken: list[Box] = []
    for name, curve in zip(names, curves, strict=True):
        width = len(DIRECTIONS[name]) * LETTER + 16
        others = [other for other in curves if other is not curve]
        box = _beside(curve, others, width, frame, taken) or _corner(curves, width, frame, taken)
        taken.append(box)
        text = Text("name", box.left + 14, box.bottom - 5, DIRECTIONS[name])
        yield Group(name, (_mark(name, box.left + 5, box.bottom - 9), text))


def _beside(
    curve: _Curve, others: Sequence[_Curve], width: float, frame: Box, taken: Sequence[Box]
) -> Box | None:
    """The place beside `curve` that is farthest from the others, if one is nearer to it alone."""
    best, farthest, height, gap = None, 0.0, 18, 8
    for x, y in zip(curve[0][::3], curve[1][::3], strict=True):
        for place in (
            Box(x - gap - width, y - gap - height, x - gap, y - gap),
            Box(x + gap, y + gap, x + gap + width, y + gap + height),
        ):
            if not frame.holds(place) or any(place.meets(other) for other in taken):
                continue
            distance = min(_clearance(place, other) for other in others)
            if distance > farthest and distance > _clearance(place, curve) + 4 > 8:
                best, farthest = place, distance
    return best


def _corner(curves: Sequence[_Curve], width: float, frame: Box, taken: Sequence[Box]) -> Box:
    """A place in the upper left or the lower right, whichever the curves leave more of."""
    corners = (
        (Box(frame.left + 8, frame.top + 40, frame.left + 8 + width, frame.top + 58), 20),
        (Box(frame.right - width, frame.bottom - 24, frame.right, frame.bottom - 6), -20),
    )
    box, step = max(corners, key=lambda corner: min(_clearance(corner[0], c) for c in curves))
    while any(box.meets(other) for other in taken):
        box = Box(box.left, box.top + step, box.right, box.bottom + step)
    return box


def _clearance(box: Box, curve: _Curve) -> float:
    """Vertical distance of `box` to a rising curve, negative where they meet."""
    left, right = (float(place) for place in np.interp((box.left, box.right), *curve))
    return max(right - box.bottom, box.top - left)
