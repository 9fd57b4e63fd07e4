"""Files to vectors, all at once: what an evaluation asks of the stream."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from searchengine.embedding.outcomes import Encoded, Failed, Observer
from searchengine.embedding.regions import Region
from searchengine.embedding.stream import ImageStream
from searchengine.encoders.interface import Encoder
from searchengine.errors import InputError
from searchengine.files import MAX_FILE_SIZE
from searchengine.images.decode import MAX_MEGAPIXELS
from searchengine.types import Vectors


def embed_regions(
    regions: Sequence[Region],
    encoder: Encoder,
    observer: Observer,
    *,
    workers: int | None = None,
    max_megapixels: float = MAX_MEGAPIXELS,
    max_file_size: int = MAX_FILE_SIZE,
) -> tuple[Vectors, dict[Region, str]]:
    """Unit rows of the regions that can be read, shape (n, d), in order, and why others cannot.

    `workers`, `max_megapixels` and `max_file_size` are those of an `ImageStream`. Raises InputError
    where no file can be read.
    """
    stream: ImageStream[Region, None, None] = ImageStream(
        lambda: encoder,
        path_of=lambda region: region.path,
        box_of=lambda region: region.box,
        identify=lambda _region, _data: None,
        workers=workers,
        max_megapixels=max_megapixels,
        max_file_size=max_file_size,
    )
    broken: dict[Region, str] = {}
    rows: list[NDArray[np.float32]] = []
    with stream.outcomes(regions) as outcomes:
        for outcome in outcomes:
            if isinstance(outcome, Encoded):
                rows.append(outcome.vector)
            elif isinstance(outcome, Failed):
                broken[outcome.job] = outcome.reason
                observer.skipped(str(outcome.job.path), outcome.reason)
            observer.advanced()
    if not rows:
        first = f", the first being {regions[0].path}: {broken[regions[0]]}" if broken else ""
        raise InputError(f"none of the {len(regions):,} images can be read{first}")
    return np.stack(rows), broken


def embed_files(
    paths: Sequence[Path],
    encoder: Encoder,
    observer: Observer,
    *,
    workers: int | None = None,
    max_megapixels: float = MAX_MEGAPIXELS,
    max_file_size: int = MAX_FILE_SIZE,
) -> tuple[Vectors, dict[Path, str]]:
    """As `embed_regions`, of whole files."""
    rows, broken = embed_regions(
        [Region(path) for path in paths],
        encoder,
        observer,
        workers=workers,
        max_megapixels=max_megapixels,
        max_file_size=max_file_size,
    )
    return rows, {region.path: reason for region, reason in broken.items()}
