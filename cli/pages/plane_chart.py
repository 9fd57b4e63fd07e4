"""Images and captions on their two main axes: images as discs, captions as crosses."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from cli.notation import count, decimal, percent
from cli.pages.svg import LETTER, WIDTH, Axis, Chart, Group, Path, Shape, Text, axis_names, line
from searchengine.evaluation.results import Projection

PROJECTED_PAIRS = 1_000
"""Most pairs that are drawn: more only fill the plane with ink."""

JOINED_PAIRS = 40
"""Pairs whose image and caption a line joins: enough to see the direction they share."""


def plane_chart(projection: Projection) -> Chart:
    """The pairs of a projection, of which there is at least one, with both axes on one scale."""
    step = math.ceil(len(projection.images) / PROJECTED_PAIRS)
    images, captions = projection.images[::step], projection.captions[::step]
    across, up, height = _plane(np.concatenate([images, captions]))
    ix, iy = across.at(images[:, 0]), up.at(images[:, 1])
    cx, cy = across.at(captions[:, 0]), up.at(captions[:, 1])
    joined = range(0, len(images), math.ceil(len(images) / JOINED_PAIRS))
    shapes = (
        *_axes(across, up, projection.explained),
        Group("joins", tuple(line("join", ix[i], iy[i], cx[i], cy[i]) for i in joined)),
        Group("image", (_dots(ix, iy),)),
        Group("caption", (_crosses(cx, cy),)),
        *_names(float(ix.mean()), float(cx.mean())),
    )
    shares = [percent(share) for share in projection.explained]
    gap = projection.captions.mean(axis=0) - projection.images.mean(axis=0)
    described = (
        f"{count(len(images))} images and their captions. Axis 1 holds {shares[0]} of the "
        f"variance, axis 2 {shares[1]}. The mean caption lies {decimal(float(gap[0]), 2)} from the "
        f"mean image on axis 1 and {decimal(float(gap[1]), 2)} on axis 2."
    )
    title = "Images and captions on their two main axes"
    return Chart("plane", title, described, height, shapes)


def _dots(x: NDArray[np.float64], y: NDArray[np.float64]) -> Path:
    """A dot around each point, by its round line caps; `x` and `y` of shape (n,)."""
    return Path("dots", "".join(f"M{a:.1f} {b:.1f}h0" for a, b in zip(x, y, strict=True)))


def _crosses(x: NDArray[np.float64], y: NDArray[np.float64]) -> Path:
    """A cross around each point; `x` and `y` of shape (n,)."""
    corners = zip(x - 2.2, y - 2.2, strict=True)
    return Path("crosses", "".join(f"M{a:.1f} {b:.1f}l4.4 4.4m0-4.4l-4.4 4.4" for a, b in corners))


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


def _axes(across: Axis, up: Axis, explained: tuple[float, float]) -> Iterator[Shape]:
    yield line("axis", across.start, up.start, across.end, up.start)
    yield line("axis", across.start, up.start, across.start, up.end)
    step = _round_step((across.high - across.low) / 5)
    places = max(0, -math.floor(math.log10(step)))
    for tick in _ticks(across, step):
        x = across.place(tick)
        yield line("axis", x, up.start, x, up.start + 5)
        yield Text("tick middle", x, up.start + 19, decimal(tick, places))
    for tick in _ticks(up, step):
        y = up.place(tick)
        yield line("axis", across.start - 5, y, across.start, y)
        yield Text("tick end", across.start - 8, y + 4, decimal(tick, places))
    first, second = (f"Axis {n}: {percent(s)} of the variance" for n, s in enumerate(explained, 1))
    yield from axis_names(across, up, (first, second))


def _round_step(about: float) -> float:
    """The largest of 1, 2, 5 x 10^n that is at most `about`, which is positive."""
    decade = 10.0 ** math.floor(math.log10(about))
    return max(step for step in (1, 2, 5) if step * decade <= about * 1.0001) * decade


def _ticks(axis: Axis, step: float) -> list[float]:
    first, last = math.ceil(axis.low / step), math.floor(axis.high / step)
    return [tick * step for tick in range(first, last + 1)]


def _names(images: float, captions: float) -> Iterator[Shape]:
    """Both names over the plane, each over the middle of its cloud, and apart."""
    widths = {"image": 8 * LETTER + 14, "caption": 9 * LETTER + 14}
    middle, apart = (images + captions) / 2, (sum(widths.values()) / 2 + 16) / 2
    if abs(images - captions) < 2 * apart:
        sign = 1 if captions >= images else -1
        images, captions = middle - sign * apart, middle + sign * apart
    for name, text, x in (("image", "Images", images), ("caption", "Captions", captions)):
        left = min(max(x - widths[name] / 2, 58), WIDTH - 14 - widths[name])
        mark = _dots if name == "image" else _crosses
        point = np.array([left + 5]), np.array([13.0])
        yield Group(name, (mark(*point), Text("name", left + 14, 17, text)))
