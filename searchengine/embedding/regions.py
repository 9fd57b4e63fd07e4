"""A picture, or a part of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from PIL import Image

from searchengine.errors import UnreadableImageError

Box: TypeAlias = tuple[int, int, int, int]
"""Left, top, right and bottom of a part of an upright picture, in pixels."""


@dataclass(frozen=True, slots=True)
class Region:
    """A picture, or a part of it."""

    path: Path
    box: Box | None = None
    """None is the whole picture."""


def cut(image: Image.Image, box: Box) -> Image.Image:
    """What of a box lies in the picture. Raises UnreadableImageError where nothing does."""
    left, top, right, bottom = box
    inside = max(left, 0), max(top, 0), min(right, image.width), min(bottom, image.height)
    if inside[0] >= inside[2] or inside[1] >= inside[3]:
        raise UnreadableImageError(
            f"the box {box} lies outside of the picture, which is {image.width} x {image.height}"
        )
    return image.crop(inside)
