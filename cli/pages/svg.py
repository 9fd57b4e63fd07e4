"""A chart as values: shapes for `chart.svg` to draw, and the axes that place them.

Lengths are units of the viewBox, and y points down. Colours, strokes and type come from the classes
in the page's stylesheet, so that a chart follows its light or dark.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

WIDTH = 440
"""Of every chart. Type of 12.5 units stays readable where a phone shrinks this to 350 pixels."""

LETTER = 6.9
"""Mean width of a letter of that type, to keep labels apart."""


@dataclass(frozen=True, slots=True)
class Path:
    """A line, or several."""

    element: ClassVar = "path"
    kind: str
    """The classes: what this is, which chooses its look. So it is with every shape."""
    d: str
    """Path data."""


@dataclass(frozen=True, slots=True)
class Disc:
    """A circle around x, y."""

    element: ClassVar = "circle"
    kind: str
    x: float
    y: float
    radius: float


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle, from its upper left corner."""

    element: ClassVar = "rect"
    kind: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Text:
    """One line, `y` being its baseline; the classes say how it is anchored."""

    element: ClassVar = "text"
    kind: str
    x: float
    y: float
    text: str
    aside: str = ""
    """Said after it, less loudly."""
    is_upright: bool = False
    """Whether it reads upwards."""


@dataclass(frozen=True, slots=True)
class Group:
    """The shapes of one series; its class chooses their colour."""

    element: ClassVar = "g"
    kind: str
    shapes: tuple[Shape, ...]


Shape: TypeAlias = Path | Disc | Bar | Text | Group


@dataclass(frozen=True, slots=True)
class Chart:
    """One picture with what it says in words, for those who do not see it."""

    width: ClassVar = WIDTH
    name: str
    """Unique on the page."""
    title: str
    description: str
    height: float
    shapes: tuple[Shape, ...]


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

    @property
    def middle(self) -> float:
        """The place between both ends."""
        return (self.start + self.end) / 2


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


def line(kind: str, x1: float, y1: float, x2: float, y2: float) -> Path:
    """A straight line."""
    return Path(kind, f"M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}")


def polyline(kind: str, x: ArrayLike, y: ArrayLike) -> Path:
    """Straight lines from point to point; `x` and `y` of shape (n,)."""
    points = zip(np.asarray(x), np.asarray(y), strict=True)
    return Path(kind, f"M{'L'.join(f'{a:.1f} {b:.1f}' for a, b in points)}")


def axis_names(across: Axis, up: Axis, names: tuple[str, str]) -> tuple[Text, Text]:
    """The names of both axes, below the one and upwards beside the other."""
    return (
        Text("axis-name middle", across.middle, up.start + 39, names[0]),
        Text("axis-name middle", 13, up.middle, names[1], is_upright=True),
    )
