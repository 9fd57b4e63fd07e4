"""The charts of a report as inline SVG: frozen values in, text out.

Every series has a shape and its name beside it, not a colour alone; what a chart shows is also in
its description, for those who do not see it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cli.notation import DIRECTIONS, count, decimal, interval, percent
from cli.pages.svg import LETTER, WIDTH, Axis, Box, chart, group, label, line, polyline, upright
from searchengine.evaluation.results import Projection
from searchengine.measures.recall import Direction, Ranks

CURVE_POINTS = 240
"""K at which a curve is computed, evenly on the log axis: about one every 1.6 units."""

PROJECTED_PAIRS = 1_000
"""Most pairs that are drawn: more only fill the plane with ink."""

JOINED_PAIRS = 40
"""Pairs whose image and caption a line joins: enough to see the direction they share."""

_Curve: TypeAlias = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Places of a curve's points, x and y, each of shape (n,); y never grows, as it points down."""


def recall_at(ranks: Ranks, ks: ArrayLike) -> NDArray[np.float64]:
    """Share of `ranks`, shape (q,), that are at most each of `ks`, in [0, 1]; shape of `ks`."""
    places = np.searchsorted(np.sort(ranks), np.asarray(ks), side="right")
    return places / max(len(ranks), 1)


def curve_ks(gallery: int) -> NDArray[np.int64]:
    """Whole K from 1 to `gallery`, evenly on a log axis, without repeats; ascending."""
    return np.unique(np.geomspace(1, max(gallery, 1), CURVE_POINTS).round().astype(np.int64))


def rank_bins(gallery: int, largest: int) -> list[tuple[int, int]]:
    """Ranks 1, 2-5, 6-10, 11-20, 21-50, 51-100, ... until `largest` is in; cut at `gallery`."""
    bins: list[tuple[int, int]] = []
    ends = _bin_ends()
    while not bins or bins[-1][1] < min(largest, gallery):
        low = bins[-1][1] + 1 if bins else 1
        bins.append((low, min(next(ends), gallery)))
    return bins


def _bin_ends() -> Iterator[int]:
    yield from (1, 5)
    decade = 10
    while True:
        yield from (decade, 2 * decade, 5 * decade)
        decade *= 10


def count_ranks(ranks: Ranks, bins: Sequence[tuple[int, int]]) -> list[int]:
    """How many of `ranks` fall into each of `bins`, both ends included."""
    return [int(np.count_nonzero((ranks >= low) & (ranks <= high))) for low, high in bins]


def name_bin(low: int, high: int) -> str:
    """A bin as 1 or 2-5, with an en dash."""
    return count(low) if low == high else f"{count(low)}\N{EN DASH}{count(high)}"


def recall_chart(directions: Sequence[Direction]) -> str:
    """R@K of each direction over K on a log axis, with its intervals as whiskers."""
    height, largest = 345, max(direction.gallery for direction in directions)
    across = Axis(1, max(2, largest), 46, WIDTH - 14, is_log=True)
    up = Axis(0, 1, height - 46, 32)  # room for a name above a curve that reaches 100 %
    curves: list[_Curve] = []
    body = [*_recall_axes(across, up)]
    for direction in directions:
        ks = curve_ks(direction.gallery)
        curves.append((across.at(ks), up.at(recall_at(direction.ranks, ks))))
        shapes = [polyline(*curves[-1], "curve"), *_recall_marks(direction, across, up)]
        body.append(group(direction.name, shapes))
    frame = Box(across.start, 2, across.end, up.start)
    body.extend(_curve_names([direction.name for direction in directions], curves, frame))
    described = " ".join(f"{_described_recall(direction)}." for direction in directions)
    return chart("curves", "R@K over K, in both directions", described, height, body)


def _described_recall(direction: Direction) -> str:
    said = []
    for k, share in sorted(direction.recall.items()):
        bounds = direction.intervals.get(k)
        said.append(f"R@{k} {percent(share)}" + (f" ({interval(bounds)})" if bounds else ""))
    return f"{DIRECTIONS[direction.name]}: {', '.join(said)}, of {count(direction.gallery)}"


def _recall_axes(across: Axis, up: Axis) -> Iterator[str]:
    for share in (0, 0.2, 0.4, 0.6, 0.8, 1):
        y = up.place(share)
        yield line(across.start, y, across.end, y, "grid" if share else "axis")
        yield label(across.start - 7, y + 4, f"{100 * share:.0f}", "tick end")
    for decade in range(math.floor(math.log10(across.high)) + 1):
        x = across.place(10**decade)
        yield line(x, up.start, x, up.start + 5, "axis")
        yield label(x, up.start + 19, count(10**decade), "tick middle")
    yield label((across.start + across.end) / 2, up.start + 39, "K, log scale", "axis-name middle")
    yield upright(13, (up.start + up.end) / 2, "R@K in percent", "axis-name middle")


def _recall_marks(direction: Direction, across: Axis, up: Axis) -> Iterator[str]:
    for k, share in sorted(direction.recall.items()):
        if not 1 <= k <= across.high:
            continue
        x, y = across.place(k), up.place(share)
        if k in direction.intervals:
            low, high = (up.place(bound) for bound in direction.intervals[k])
            yield (
                f'<path class="whisker" d="M{x:.1f} {low:.1f}V{high:.1f}'
                f'M{x - 4:.1f} {low:.1f}h8M{x - 4:.1f} {high:.1f}h8"/>'
            )
        yield _mark(direction.name, x, y)


def _mark(name: str, x: float, y: float) -> str:
    """A disc for text to image, a square for image to text."""
    if name == "image_retrieval":
        return f'<circle class="mark" cx="{x:.1f}" cy="{y:.1f}" r="3.4"/>'
    return f'<rect class="mark" x="{x - 3.1:.1f}" y="{y - 3.1:.1f}" width="6.2" height="6.2"/>'


def _curve_names(names: Sequence[str], curves: Sequence[_Curve], frame: Box) -> Iterator[str]:
    """Each name, after its mark, beside its own curve; in a free corner where they run as one."""
    taken: list[Box] = []
    for name, curve in zip(names, curves, strict=True):
        width = len(DIRECTIONS[name]) * LETTER + 16
        others = [other for other in curves if other is not curve]
        box = _beside(curve, others, width, frame, taken) or _corner(curves, width, frame, taken)
        taken.append(box)
        text = label(box.left + 14, box.bottom - 5, DIRECTIONS[name], "name")
        yield group(name, [_mark(name, box.left + 5, box.bottom - 9), text])


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


def rank_chart(directions: Sequence[Direction]) -> str:
    """Histogram of the ranks on log bins: one direction to the left of the bins, one to the right.

    Takes two directions. Lengths are shares of a direction's queries, on one scale.
    """
    gallery = max(direction.gallery for direction in directions)
    bins = rank_bins(gallery, max(int(direction.ranks.max(initial=1)) for direction in directions))
    names = [name_bin(*each) for each in bins]
    counts = [count_ranks(direction.ranks, bins) for direction in directions]
    longest = max(max(each) / max(sum(each), 1) for each in counts) or 1.0
    body = [label(WIDTH / 2, 14, "Rank", "axis-name middle")]
    body += [label(WIDTH / 2, 42 + 24 * row, name, "tick middle") for row, name in enumerate(names)]
    described = []
    for side, direction, own in zip((-1, 1), directions, counts, strict=True):
        body.append(group(direction.name, _bars(direction.name, own, longest, side)))
        listed = ", ".join(f"{name}: {count(n)}" for name, n in zip(names, own, strict=True))
        described.append(f"{DIRECTIONS[direction.name]}, queries by rank: {listed}.")
    title = "Ranks of the first relevant answer, in both directions"
    return chart("ranks", title, " ".join(described), 34 + 24 * len(bins), body)


def _bars(name: str, counts: Sequence[int], longest: float, side: int) -> Iterator[str]:
    """Bars from the middle to `side` (-1 or 1), each with its count and share at its end."""
    inner, anchor = WIDTH / 2 + 52 * side, "end" if side < 0 else "start"
    yield label(inner, 14, DIRECTIONS[name], f"name {anchor}")
    yield line(inner, 26, inner, 28 + 24 * len(counts), "axis")
    for row, number in enumerate(counts):
        share = number / max(sum(counts), 1)
        length = share / longest * 72
        top = 28 + 24 * row
        left = inner if side > 0 else inner - length
        yield f'<rect class="bar" x="{left:.1f}" y="{top}" width="{length:.1f}" height="19"/>'
        said = f' <tspan class="share" dx="3">{percent(share)}</tspan>' if number else ""
        outer = inner + side * (length + 6)
        yield (
            f'<text class="value {anchor}" x="{outer:.1f}" y="{top + 14}">{count(number)}{said}'
            "</text>"
        )


def projection_chart(projection: Projection) -> str:
    """Images as discs and captions as crosses on one plane, both axes on one scale."""
    step = math.ceil(len(projection.images) / PROJECTED_PAIRS)
    images, captions = projection.images[::step], projection.captions[::step]
    across, up, height = _plane(np.concatenate([images, captions]))
    ix, iy, cx, cy = (
        across.at(images[:, 0]),
        up.at(images[:, 1]),
        across.at(captions[:, 0]),
        up.at(captions[:, 1]),
    )
    joined = range(0, len(images), math.ceil(len(images) / JOINED_PAIRS))
    body = [*_plane_axes(across, up, projection.explained)]
    body.append(group("joins", (line(ix[i], iy[i], cx[i], cy[i], "join") for i in joined)))
    dots = "".join(f"M{x:.1f} {y:.1f}h0" for x, y in zip(ix, iy, strict=True))
    crosses = "".join(
        f"M{x - 2.2:.1f} {y - 2.2:.1f}l4.4 4.4m0-4.4l-4.4 4.4" for x, y in zip(cx, cy, strict=True)
    )
    body.append(group("image", [f'<path class="dots" d="{dots}"/>']))
    body.append(group("caption", [f'<path class="crosses" d="{crosses}"/>']))
    body.extend(_cloud_names(float(ix.mean()), float(cx.mean())))
    shares = [percent(share) for share in projection.explained]
    gap = projection.captions.mean(axis=0) - projection.images.mean(axis=0)
    described = (
        f"{count(len(images))} images and their captions. Axis 1 holds {shares[0]} of the "
        f"variance, axis 2 {shares[1]}. The mean caption lies {decimal(float(gap[0]), 2)} from the "
        f"mean image on axis 1 and {decimal(float(gap[1]), 2)} on axis 2."
    )
    return chart("plane", "Images and captions on their two main axes", described, height, body)


def _plane(points: NDArray[np.float32]) -> tuple[Axis, Axis, float]:
    """Two axes of one scale that hold `points`, shape (n, 2), and the height of the chart."""
    low, high = points.min(axis=0), points.max(axis=0)
    span = np.maximum(high - low, 0.1)  # of a point or a line: vectors are of length 1
    left, right, top, room = 58.0, WIDTH - 14.0, 34.0, (190.0, 330.0)
    inner = 10.0  # marks at the border stay inside the frame
    scale = min((right - left - 2 * inner) / span[0], (room[1] - 2 * inner) / span[1])
    tall = float(np.clip(span[1] * scale + 2 * inner, *room))
    middle = (low + high) / 2
    half = np.array([right - left, tall]) / 2 / scale
    across = Axis(float(middle[0] - half[0]), float(middle[0] + half[0]), left, right)
    up = Axis(float(middle[1] - half[1]), float(middle[1] + half[1]), top + tall, top)
    return across, up, top + tall + 46


def _plane_axes(across: Axis, up: Axis, explained: tuple[float, float]) -> Iterator[str]:
    yield line(across.start, up.start, across.end, up.start, "axis")
    yield line(across.start, up.start, across.start, up.end, "axis")
    step = _round_step((across.high - across.low) / 5)
    places = max(0, -math.floor(math.log10(step)))
    for tick in _ticks(across, step):
        x = across.place(tick)
        yield line(x, up.start, x, up.start + 5, "axis")
        yield label(x, up.start + 19, decimal(tick, places), "tick middle")
    for tick in _ticks(up, step):
        y = up.place(tick)
        yield line(across.start - 5, y, across.start, y, "axis")
        yield label(across.start - 8, y + 4, decimal(tick, places), "tick end")
    of_variance = [f"Axis {n}: {percent(s)} of the variance" for n, s in enumerate(explained, 1)]
    yield label((across.start + across.end) / 2, up.start + 39, of_variance[0], "axis-name middle")
    yield upright(13, (up.start + up.end) / 2, of_variance[1], "axis-name middle")


def _round_step(about: float) -> float:
    """The largest of 1, 2, 5 x 10^n that is at most `about`, which is positive."""
    decade = 10.0 ** math.floor(math.log10(about))
    return max(step for step in (1, 2, 5) if step * decade <= about * 1.0001) * decade


def _ticks(axis: Axis, step: float) -> list[float]:
    first, last = math.ceil(axis.low / step), math.floor(axis.high / step)
    return [tick * step for tick in range(first, last + 1)]


def _cloud_names(images: float, captions: float) -> Iterator[str]:
    """Both names over the plane, each over the middle of its cloud, and apart."""
    widths = {"image": 8 * LETTER + 14, "caption": 9 * LETTER + 14}
    middle, apart = (images + captions) / 2, (sum(widths.values()) / 2 + 16) / 2
    if abs(images - captions) < 2 * apart:
        sign = 1 if captions >= images else -1
        images, captions = middle - sign * apart, middle + sign * apart
    for name, text, x in (("image", "Images", images), ("caption", "Captions", captions)):
        left = min(max(x - widths[name] / 2, 58), WIDTH - 14 - widths[name])
        mark = (
            f'<path class="dots" d="M{left + 5:.1f} 13h0"/>'
            if name == "image"
            else f'<path class="crosses" d="M{left + 2.8:.1f} 10.8l4.4 4.4m0-4.4l-4.4 4.4"/>'
        )
        yield group(name, [mark, label(left + 14, 17, text, "name")])
