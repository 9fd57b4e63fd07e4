"""What a picture looks like, in a kilobyte: enough to tell a copy of it from another shot."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL import Image

GREY_SIDE, COLOUR_SIDE = 32, 8
"""Means of brightness a side, and of the two channels of colour."""

LEAST_INPUT = 112
"""The `input_size` that pictures are decoded for, at least: of fewer pixels than that gives, what
they were reduced by shows in the means."""

LOOK = np.dtype(
    [
        ("grey", "u1", (GREY_SIDE, GREY_SIDE)),
        ("colour", "u1", (COLOUR_SIDE, COLOUR_SIDE, 2)),
        ("sharpness", "<f4"),
        ("crc", "<u4"),
    ]
)
"""A look as it is kept. `grey` is luma and `colour` Cb and Cr (ITU-R BT.601), each 0 to 255, over
the whole picture whatever its shape. `crc` is CRC-32 of what is before it."""

FINER = 3
"""Times the means of brightness a side: what pictures are reduced to at least, by whole numbers of
pixels, before means are made of that. Nearly those of all pixels, at a third of the cost."""

STRIP, ADDED = 256, 64
"""Lines that are looked at together, and those whose squares are added in single precision: with
other numbers sharpness would differ in its last bit from what libraries hold."""

Looks: TypeAlias = NDArray[np.void]
"""Of dtype `LOOK`, of any shape."""

_CHECKED = LOOK.fields["crc"][1] if LOOK.fields else 0


def look_of(picture: Image.Image) -> Looks:
    """The look of an RGB picture, shape ().

    Sharpness is Brenner's: the mean square of differences of brightness two pixels apart (Brenner
    et al., 1976). It compares pictures that were decoded at the same size, no others.
    """
    step = max(1, min(picture.size) // (FINER * GREY_SIDE))
    small, whole = picture.reduce(step), (picture.width / step, picture.height / step)
    look = np.zeros((), dtype=LOOK)
    look["grey"] = np.asarray(_means(small.convert("L"), GREY_SIDE, whole))
    look["colour"] = np.asarray(_means(small, COLOUR_SIDE, whole).convert("YCbCr"))[..., 1:]
    look["sharpness"] = _sharpness(picture.convert("L"))
    look["crc"] = _crc(look)
    return look


def known_looks(looks: Looks) -> NDArray[np.bool_]:
    """Which of the looks, shape (n,), are as they were made; zeros stand for none."""
    return np.fromiter((_crc(look) == look["crc"] for look in looks), dtype=bool, count=len(looks))


def _crc(look: Looks) -> int:
    return zlib.crc32(look.tobytes()[:_CHECKED])


def _means(picture: Image.Image, side: int, size: tuple[float, float]) -> Image.Image:
    """Of what is inside `size`, a width and height that may end within the last pixels."""
    from PIL import Image  # late: a search by words, which imports this room, needs no pictures

    return picture.resize(
        (side, side), Image.Resampling.BILINEAR, box=(0, 0, *size), reducing_gap=FINER
    )


def _sharpness(luma: Image.Image) -> float:
    """Of every second line and column: all of them say little more, at ten times the cost.

    By strips that stay in the processor's cache. Every second column is the lower half of two
    bytes that are read as one number.
    """
    width, height = luma.size
    across = down = 0.0
    for top in range(0, height, STRIP):
        bottom = min(top + STRIP + 2, height)
        strip = np.asarray(luma.crop((0, top, width + width % 2, bottom)))
        lines = strip[:STRIP:2, :width].astype(np.int16)
        columns = strip.view("<i2") & np.int16(255)
        across += _squares(lines[:, 2:] - lines[:, :-2], ADDED // 2)
        down += _squares(columns[2:] - columns[:-2], ADDED)
    pairs_across = -(-height // 2) * max(0, width - 2)
    pairs_down = max(0, height - 2) * -(-width // 2)
    return across / max(1, pairs_across) + down / max(1, pairs_down)


def _squares(differences: NDArray[np.int16], lines: int) -> float:
    values = differences.astype(np.float32)
    parts = (values[first : first + lines].ravel() for first in range(0, len(values), lines))
    return sum(float(part @ part) for part in parts)
