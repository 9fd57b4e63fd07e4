"""Pictures that are painted: each of its own colour, and of shades that no other one has."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
from PIL import Image

SHADES, BLOCK = 6, 4
"""Shades a side, and pixels a side of each."""


def paint(path: Path, chance: random.Random) -> None:
    """Save one that is no copy of another: runs need not compare the two at length."""
    colour = np.frombuffer(chance.randbytes(3), dtype=np.uint8)
    shades = np.frombuffer(chance.randbytes(SHADES**2), dtype=np.uint8).reshape(SHADES, SHADES, 1)
    picture = (colour * (0.5 + shades / 510)).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture.repeat(BLOCK, axis=0).repeat(BLOCK, axis=1)).save(path)


def save_again(path: Path) -> None:
    """Save a picture once more, beside it and in another form: a copy."""
    with Image.open(path) as picture:
        picture.save(path.with_suffix(".bmp"))
