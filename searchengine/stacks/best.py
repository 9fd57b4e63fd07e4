"""Which of several files of one picture, or of one moment, is the best. Pure.

More pixels first, then sharper ones, then the better format, then the name that looks like an
original's.
"""

from __future__ import annotations

import os
import re

from searchengine.images.formats import RAW_SUFFIXES

_QUALITY = {
    kind: quality
    for quality, kinds in enumerate(
        (
            ("GIF",),
            ("WEBP",),
            ("JPEG", "MPO", "JPEG2000"),
            ("HEIF", "AVIF"),
            ("BMP", "DIB", "PPM", "TGA"),
            ("PNG",),
            ("TIFF",),
        )
    )
    for kind in kinds
}
_RAW = len(_QUALITY)

_RAW_NAMES = frozenset(suffix[1:].upper() for suffix in RAW_SUFFIXES) | {"RAW"}

_COPY = re.compile(r"(?:\(\d+\)|~\d+|[ _-]copy(?: ?\d+)?)$|^copy of ", re.IGNORECASE)

MOST_DEEP, LONGEST = 999, 99_999


def is_raw(kind: str) -> bool:
    """Whether a format, as the catalog has it, is a camera's RAW."""
    return kind in _RAW_NAMES


def quality_of_format(kind: str) -> int:
    """Higher for formats that lose less; RAW is the highest."""
    return _RAW if is_raw(kind) else _QUALITY.get(kind, 0)


def quality_of_name(path: str) -> int:
    """Higher for paths that look like an original's: no "copy" or "(1)", few folders, short."""
    stem = os.path.splitext(os.path.basename(path))[0]
    depth, length = min(path.count(os.sep), MOST_DEEP), min(len(path), LONGEST)
    is_copy = _COPY.search(stem) is not None
    return -(length + (LONGEST + 1) * (depth + (MOST_DEEP + 1) * is_copy))


def quality(pixels: int, sharpness: float, kind: str, path: str) -> tuple[float, ...]:
    """What files are compared by; the best has the greatest."""
    return pixels, sharpness, quality_of_format(kind), quality_of_name(path)
