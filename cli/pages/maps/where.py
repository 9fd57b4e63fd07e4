"""Pictures with a map over them of where a text is seen, as one HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from PIL import Image

from cli.pages.page import render, write_page
from searchengine.embedding.heat import Heat
from searchengine.images.thumbnails import data_uri, make_thumbnail

SIDE = 640
"""Pixels of the longer side of a picture."""

GLOW = (255, 64, 0)
MOST_OPAQUE = 0.65
"""Of the glow where a text is seen most."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """A picture of the page."""

    name: str
    plain: str
    """The address of the picture, and that of the one with the map."""
    mapped: str
    width: int
    height: int


def write_where(path: Path, text: str, maps: Sequence[tuple[Path, Image.Image, Heat]]) -> None:
    """Write the pictures, each beside itself with its map, at `path`. Raises InputError."""
    pictures = [_mapped(*each) for each in maps]
    today = date.today().isoformat()
    lines = render("where.html", title=text, text=text, pictures=pictures, today=today)
    write_page(path, lines, "where.html")


def _mapped(path: Path, picture: Image.Image, heat: Heat) -> Mapped:
    small = make_thumbnail(picture, SIDE)
    glowing = make_thumbnail(glow(picture, heat), SIDE)
    return Mapped(
        path.name, data_uri(small.jpeg), data_uri(glowing.jpeg), small.width, small.height
    )


def glow(picture: Image.Image, heat: Heat) -> Image.Image:
    """The picture with the places where the text is seen glowing."""
    mask = Image.fromarray((255 * MOST_OPAQUE * heat.strength).astype(np.uint8))
    mask = mask.resize(picture.size, Image.Resampling.BICUBIC)
    return Image.composite(Image.new("RGB", picture.size, GLOW), picture, mask)
