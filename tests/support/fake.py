"""An encoder without weights: mean colours for pictures, colour words for texts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from searchengine.types import Pixels, Vectors

COLOURS = {
    "black": (0, 0, 0),
    "white": (255, 255, 255),
    "red": (255, 0, 0),
    "green": (0, 128, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
    "cyan": (0, 255, 255),
    "magenta": (255, 0, 255),
    "grey": (128, 128, 128),
}


class FakeEncoder:
    """Vectors are how near a colour is to each corner of the RGB cube, as unit rows (n, 8)."""

    name = "fake"
    dim = 8
    device = "cpu"
    precision = "float32"
    input_size = 8
    logit_scale = 20.0
    fingerprint = "fake"

    def preprocess(self, image: Image.Image) -> Pixels:
        return np.asarray(image.convert("RGB").resize((8, 8)), dtype=np.uint8)

    def encode_pixels(self, pixels: Sequence[Pixels]) -> Vectors:
        return _encode([p.reshape(-1, 3).mean(axis=0) for p in pixels])

    def encode_images(self, images: Sequence[Image.Image]) -> Vectors:
        return self.encode_pixels([self.preprocess(image) for image in images])

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        return _encode([_colour_of(text) for text in texts])


class CountingEncoder(FakeEncoder):
    """Counts the pictures that it encodes."""

    def __init__(self) -> None:
        self.pictures = 0

    def encode_pixels(self, pixels: Sequence[Pixels]) -> Vectors:
        self.pictures += len(pixels)
        return super().encode_pixels(pixels)


def _colour_of(text: str) -> np.ndarray:
    """Mean of the colours named in a text; grey where it names none."""
    named = [COLOURS[word] for word in text.lower().split() if word in COLOURS]
    mean: np.ndarray = np.mean(named or [COLOURS["grey"]], axis=0)
    return mean


def _encode(colours: list[np.ndarray]) -> Vectors:
    rgb = np.asarray(colours, dtype=np.float32).reshape(-1, 1, 3)
    corners = np.array([[r, g, b] for r in (0, 255) for g in (0, 255) for b in (0, 255)])
    near = np.exp(-np.square((rgb - corners) / 128).sum(axis=2))
    unit = near / np.linalg.norm(near, axis=1, keepdims=True)
    return np.ascontiguousarray(unit, dtype=np.float32)
