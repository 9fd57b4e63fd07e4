"""Pieces of inline SVG: axes, lines, text. Lengths are units of the viewBox, and y points down.

Colours, strokes and type come from the classes in the page's stylesheet, so that a chart follows
its light or dark.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import ArrayLike, NDArray

WIDTH = 440
"""Of every chart. Type of 12.5 units stays readable where a phone shrinks this to 350 pixels."""

LETTER = 6.9
"""Mean width of a letter of that type, to keep labels apart."""


@dataclass(frozen=True, slots=True)
class Axis:
    """From values to places along one axis; log where `is_log`."""

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False

    def at(self, values: ArrayLike) -> NDArray[np.float64]:
        """Places of `values`, of the same shape."""
        low, high, array = self.low, self.high, np.asarray(values, dtype=np.float64)
        if self.is_log:
            low, high, array = math.log(low), math.log(high), np.log(array)
        return self.start + (array - low) / (high - low) * (self.end - self.start)

    def place(self, value: float) -> float:
        """Place of one value."""
        return float(self.at(value))


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle: a frame, or the space that a label takes."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box) -> bool:
        """Whether the two have an area in common."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )

    def holds(self, other: Box) -> bool:
        """Whether `other` is inside."""
        return (
            self.left <= other.left
            and other.right <= self.right
            and self.top <= other.top
            and other.bottom <= self.bottom
        )


def chart(name: str, title: str, description: str, height: float, body: Iterable[str]) -> str:
    """An SVG that a screen reader takes as one image; `name` is unique on the page."""
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {height:g}" role="img" '
        f'aria-labelledby="{name}-title {name}-desc">\n'
        f'<title id="{name}-title">{escape(title)}</title>'
        f'<desc id="{name}-desc">{escape(description)}</desc>\n{"".join(body)}\n</svg>\n'
    )


def group(kind: str, body: Iterable[str]) -> str:
    """Shapes of one series; its class chooses their colour."""
    return f'<g class="{kind}">{"".join(body)}</g>\n'


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """A straight line."""
    return f'<path class="{kind}" d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}"/>'


def polyline(x: ArrayLike, y: ArrayLike, kind: str) -> str:
    """Straight lines from point to point; `x` and `y` of shape (n,)."""
    points = zip(np.asarray(x), np.asarray(y), strict=True)
    return f'<path class="{kind}" d="M{"L".join(f"{a:.1f} {b:.1f}" for a, b in points)}"/>'


def label(x: float, y: float, text: str, kind: str) -> str:
    """One line of plain text, `y` being its baseline; the classes say how it is anchored."""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>'


def upright(x: float, y: float, text: str, kind: str) -> str:
    """A line of plain text that reads upwards."""
    return (
        f'<text class="{kind}" transform="translate({x:.1f} {y:.1f}) rotate(-90)">'
        f"{escape(text)}</text>"
    )
