"""What colours a photo shows, read from its pixels: texts such as "a red background" for free.

People's captions seldom name a background, and labels never name a colour. A pixel is given one of
the eleven basic colour terms (Berlin and Kay, 1969) by its hue, saturation and value; the frame of
the photo stands for its background, and what the middle has more of for its subject.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from corpus import Photo
from numpy.typing import NDArray
from PIL import Image

COLOURS = (
    "black",
    "white",
    "gray",
    "red",
    "orange",
    "yellow",
    "green",
    "blue",
    "purple",
    "pink",
    "brown",
)
BACKGROUNDS = (
    "a {} background",
    "a photo with a {} background",
    "something in front of a {} background",
)
SIDE = 32  # pixels of the thumbnail that is read
FRAME = 5  # pixels of it that count as background, on each side
MIDDLE = 8  # pixels of it outside the middle, on each side
SURE = 0.02  # share of the middle that a subject's colours need beyond the background's

Shares = NDArray[np.float32]


def background_texts() -> list[str]:
    """Every template with every colour, template by template."""
    return [template.format(colour) for template in BACKGROUNDS for colour in COLOURS]


def subject_texts(label: str) -> list[str]:
    """The label in each colour."""
    return [f"{'an' if colour == 'orange' else 'a'} {colour} {label}" for colour in COLOURS]


def cache_colours(photos: list[Photo], out: Path) -> None:
    """Write (N, 2, 11) float32 to `out`: shares of background and of subject, each summing to 1.

    A subject that is no other colour than its background has zeros.
    """
    if out.exists():
        return
    with ThreadPoolExecutor(2) as pool:
        np.save(out, np.stack(list(pool.map(measure, [photo.path for photo in photos]))))


def measure(path: Path) -> Shares:
    """Colour shares (2, 11) of the background and of the subject of one photo."""
    with Image.open(path) as opened:
        small = opened.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX)
    named = name_pixels(np.asarray(small.convert("HSV"), dtype=np.float32))
    framed = np.ones((SIDE, SIDE), dtype=bool)
    framed[FRAME:-FRAME, FRAME:-FRAME] = False
    background = shares(named[framed])
    more = np.maximum(shares(named[MIDDLE:-MIDDLE, MIDDLE:-MIDDLE]) - background, 0)
    subject = more / more.sum() if more.sum() > SURE else np.zeros_like(more)
    return np.stack([background, subject])


def shares(named: NDArray[np.int64]) -> Shares:
    """How much of the pixels has each colour (11,)."""
    return np.bincount(named.ravel(), minlength=len(COLOURS)).astype(np.float32) / named.size


def name_pixels(pixels: NDArray[np.float32]) -> NDArray[np.int64]:
    """The number of the colour term of each pixel, from Pillow's HSV (..., 3) in [0, 255]."""
    hue, saturation, value = pixels[..., 0] * 360 / 255, pixels[..., 1] / 255, pixels[..., 2] / 255
    dull = saturation < 0.5
    dark = value < 0.6
    rules = [
        (value < 0.2, "black"),
        ((saturation < 0.12) & (value > 0.8), "white"),
        (saturation < 0.15, "gray"),
        ((hue < 15) & dull & ~dark, "pink"),
        (hue < 15, "red"),
        ((hue < 42) & (dark | dull), "brown"),
        (hue < 42, "orange"),
        ((hue < 68) & (value < 0.45), "brown"),
        (hue < 68, "yellow"),
        (hue < 165, "green"),
        (hue < 258, "blue"),
        (hue < 300, "purple"),
        ((hue < 345) & dark, "purple"),
        (hue < 345, "pink"),
        (dull & ~dark, "pink"),
    ]
    conditions = [condition for condition, _ in rules]
    return np.select(
        conditions, [COLOURS.index(name) for _, name in rules], default=COLOURS.index("red")
    )
