"""Several crops of a picture in one vector: small things in large pictures are seen too.

The vector is that of the whole picture and of the mean of its crops, brought to length 1. It costs
as many encodings as there are parts, and nothing else: rows, index and text queries are as before.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from searchengine.encoders.interface import Encoder
from searchengine.errors import InputError
from searchengine.types import Pixels, Vectors

if TYPE_CHECKING:
    from PIL import Image

CHOICES = (1, 4)
"""Whole pictures alone, or with a crop from each corner."""

SHARE = 0.6
"""Of the width and of the height that each crop shows: neighbours overlap by a third."""

LONG = 2.5
"""Longer over shorter side from which on a picture is cut into squares along it instead: of a
panorama a corner is as squashed as the whole."""

MOST_TILES = 8


def with_crops(encoder: Encoder, crops: int) -> Encoder:
    """The encoder itself for 1, else one that puts so many crops into each vector.

    Raises InputError for another number than `CHOICES` has.
    """
    if crops not in CHOICES:
        raise InputError(f"pictures are encoded with 1 or 4 crops, not {crops}")
    return encoder if crops == 1 else CroppingEncoder(encoder)


def without_crops(encoder: Encoder) -> Encoder:
    """The encoder that was given to `with_crops`."""
    return encoder.plain if isinstance(encoder, CroppingEncoder) else encoder


def crops_of(encoder: Encoder) -> int:
    """How many crops the encoder puts into each vector."""
    return CHOICES[-1] if isinstance(encoder, CroppingEncoder) else 1


class CroppingEncoder:
    """A `searchengine.encoders.interface.Encoder` on another one, the same but for pictures."""

    def __init__(self, plain: Encoder) -> None:
        self.plain = plain
        self.name = plain.name
        self.dim = plain.dim
        self.fingerprint = plain.fingerprint
        self.device = plain.device
        self.precision = plain.precision
        self.logit_scale = plain.logit_scale

    @property
    def input_size(self) -> int:
        """Pixels of the longer side that pictures should have, so that crops fill the input."""
        return ceil(self.plain.input_size / SHARE)

    def preprocess(self, image: Image.Image) -> Pixels:
        """One picture to the whole and its crops, shape (1 + crops, h, w, 3), uint8.

        Raises UnreadableImageError.
        """
        parts = [image, *(image.crop(box) for box in boxes(image.size))]
        return np.stack([self.plain.preprocess(part) for part in parts])

    def encode_pixels(self, pixels: Sequence[Pixels]) -> Vectors:
        """Preprocessed pictures to unit rows, shape (n, d), float32."""
        rows = self.plain.encode_pixels([part for parts in pixels for part in parts])
        starts = np.cumsum([0, *(len(parts) for parts in pixels)])
        joined = [
            rows[first] + rows[first + 1 : last].mean(axis=0) for first, last in pairwise(starts)
        ]
        return _unit(np.stack(joined) if joined else rows)

    def encode_images(self, images: Sequence[Image.Image]) -> Vectors:
        """Pictures to unit rows, shape (n, d), float32."""
        return self.encode_pixels([self.preprocess(image) for image in images])

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Texts to unit rows, shape (n, d), float32."""
        return self.plain.encode_texts(texts)


def boxes(size: tuple[int, int]) -> list[tuple[int, int, int, int]]:
    """The crops of a picture of (width, height): left, top, right and bottom in pixels.

    >>> boxes((100, 50))
    [(0, 0, 60, 30), (40, 0, 100, 30), (0, 20, 60, 50), (40, 20, 100, 50)]
    >>> boxes((300, 100))
    [(0, 0, 100, 100), (100, 0, 200, 100), (200, 0, 300, 100)]
    """
    width, height = size
    short, long = min(size), max(size)
    if long >= LONG * short:
        count = min(ceil(long / short), MOST_TILES)
        side = max(short, ceil(long / count))
        starts = [round(place * (long - side) / (count - 1)) for place in range(count)]
        if width > height:
            return [(start, 0, start + side, height) for start in starts]
        return [(0, start, width, start + side) for start in starts]
    across, down = max(1, round(SHARE * width)), max(1, round(SHARE * height))
    return [
        (left, top, left + across, top + down)
        for top in (0, height - down)
        for left in (0, width - across)
    ]


def _unit(rows: NDArray[Any]) -> Vectors:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: Vectors = (rows / np.maximum(lengths, 1e-12)).astype(np.float32)
    return unit
