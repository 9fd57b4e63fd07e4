"""How a report writes numbers: one notation in its tables, charts and sentences. All plain text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from searchengine.types import ImageRecord

ABSENT = "\N{EN DASH}"
"""Stands where there is no number."""

_PERCENT = "\N{NARROW NO-BREAK SPACE}%"
_MINUS = "\N{MINUS SIGN}"

DIRECTIONS = {
    "image_retrieval": "Text \N{RIGHTWARDS ARROW} image",
    "text_retrieval": "Image \N{RIGHTWARDS ARROW} text",
}
"""By CLIP_benchmark's name of a direction: what asks, and what is found."""


def decimal(value: float, places: int) -> str:
    """A number with this many places and a true minus sign."""
    if not math.isfinite(value):
        return ABSENT
    text = f"{value:,.{places}f}"
    is_zero = not text.strip("-0.,")  # -0.0001 is written 0.00
    return text.lstrip("-") if is_zero else text.replace("-", _MINUS)


def count(value: float) -> str:
    """A whole number."""
    return decimal(value, 0)


def hundredths(share: float, places: int = 1) -> str:
    """A share in [0, 1] as percent without its sign, for columns that say so."""
    return decimal(100 * share, places)


def percent(share: float, places: int = 1) -> str:
    """A share in [0, 1] as percent."""
    return hundredths(share, places) + _PERCENT if math.isfinite(share) else ABSENT


def interval(bounds: tuple[float, float] | None) -> str:
    """Two shares in [0, 1] as percent without its sign; None is no interval."""
    if bounds is None:
        return ABSENT
    return "\N{EN DASH}".join(hundredths(bound) for bound in bounds)


def points(difference: float) -> str:
    """A difference of two shares in percentage points, signed, with two places."""
    text = hundredths(difference, 2)
    return f"+{text}" if difference > 0 and text != "0.00" else text


def half(value: float) -> str:
    """A median of whole numbers: whole, or with its half."""
    return decimal(value, 0 if value == round(value) else 1) if math.isfinite(value) else ABSENT


def plural(number: int, one: str, many: str = "") -> str:
    """A number with its noun: 1 caption, 5,000 captions."""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


def date_of(image: ImageRecord) -> str:
    """The day that a filter by date goes by; of the file, after a ~, where no camera wrote one."""
    taken = image.facts.taken_at
    return f"{taken:%Y-%m-%d}" if taken else f"~{image.modified_at:%Y-%m-%d}"
