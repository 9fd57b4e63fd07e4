"""What the catalog says of the images of a space that decides what they are stacked with."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from searchengine.catalog.catalog import CatalogReads
from searchengine.stacks.best import is_raw, quality_of_format, quality_of_name
from searchengine.types import SpaceInfo

_PUT_BEHIND = re.compile(
    r"(?:[ ._-]*(?:\(\d+\)|~\d+|copy(?: ?\d+)?|edit(?:ed)?|effects|bw|crop(?:ped)?|resized))+$"
)
"""What programs and people put behind the name of a picture that they have changed. No bare
numbers: those count pictures."""

_APPLE_EDIT = re.compile(r"^img_e(\d{4,})$")
"""IMG_E1234.JPG is what a phone made of IMG_1234.HEIC."""


_BEGINNING = datetime(1970, 1, 1)


def stem_of(name: str) -> str:
    """The name of a file without its suffix and without what edits put to it.

    >>> stem_of("IMG_1234-edit (1).JPG"), stem_of("IMG_E1234.JPG"), stem_of("beach-2.jpg")
    ('img_1234', 'img_1234', 'beach-2')
    """
    stem = os.path.splitext(name)[0].casefold()
    stem = _APPLE_EDIT.sub(r"img_\1", stem)
    return _PUT_BEHIND.sub("", stem) or stem


def _seconds(taken_at: datetime | None, taken_from: str | None) -> float:
    """Since `_BEGINNING`; NaN for what is no time to the second, as a day in a name is none."""
    if taken_at is None or (taken_from != "exif" and taken_at.second == 0):
        return float("nan")
    return (taken_at - _BEGINNING).total_seconds()


def _folder_and_stem(path: str) -> tuple[str, str]:
    folder, name = os.path.split(path)
    return folder, stem_of(name)


@dataclass(frozen=True, slots=True, eq=False)
class Pictured:
    """Arrays of shape (n,), one place for each image that has a vector, by row."""

    rows: NDArray[np.int64]
    contents: NDArray[np.int64]
    """Equal numbers for equal files."""
    times: NDArray[np.float64]
    """Of exposure, in seconds; NaN where no camera wrote one."""
    cameras: NDArray[np.int64]
    """Equal numbers for equal names; 0 for none."""
    stems: NDArray[np.int64]
    """Equal numbers for names in one folder that are the same but for what edits put to them."""
    raw: NDArray[np.bool_]
    """Whether it is a camera's RAW."""
    qualities: NDArray[np.int64]
    """Pixels, quality of format and of name, as in `searchengine.stacks.best`, shape (3, n)."""


def read_pictured(space: SpaceInfo, now: CatalogReads) -> Pictured:
    """As of a moment."""
    numbers: dict[object, int] = {None: 0}
    listed = [
        (
            row,
            numbers.setdefault(content, len(numbers)),
            _seconds(taken_at, taken_from),
            numbers.setdefault((camera,), len(numbers)) if camera else 0,
            numbers.setdefault(_folder_and_stem(path), len(numbers)),
            is_raw(kind),
            width * height,
            quality_of_format(kind),
            quality_of_name(path),
        )
        for row, path, content, width, height, kind, taken_at, taken_from, camera in now.pictured(
            space
        )
    ]
    rows, contents, times, cameras, stems, raw, *qualities = (
        zip(*listed, strict=True) if listed else ((),) * 9
    )
    return Pictured(
        np.array(rows, dtype=np.int64),
        np.array(contents, dtype=np.int64),
        np.array(times, dtype=np.float64),
        np.array(cameras, dtype=np.int64),
        np.array(stems, dtype=np.int64),
        np.array(raw, dtype=bool),
        np.array(qualities, dtype=np.int64).reshape(3, len(rows)),
    )
