"""Whether two pictures look the same, whatever their files, sizes and formats."""

from __future__ import annotations

import numpy as np
from PIL import Image

SAME_BITS = 10
"""Two hashes that differ in so many of 64 bits or fewer are of one picture: saved anew, scaled or
slightly retouched. Of different photos about half of the bits differ."""

_SIDE = 8


def difference_hash(picture: Image.Image) -> int:
    """64 bits: whether each pixel of a 9 x 8 grey reduction is darker than its right neighbour.

    Neal Krawetz, Kind of Like That, 2013 ("dHash").
    """
    grey = picture.convert("L").resize((_SIDE + 1, _SIDE), Image.Resampling.LANCZOS)
    values = np.asarray(grey, dtype=np.int16)
    bits = np.packbits(values[:, :-1] < values[:, 1:])
    return int.from_bytes(bits.tobytes(), "big")


def look_the_same(one: int, other: int) -> bool:
    """Whether two hashes are of one picture."""
    return (one ^ other).bit_count() <= SAME_BITS
