"""The pictures of a task: where they are, as vectors, and how many are not to be had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from searchengine.datasets.dataset import CaptionedImage
from searchengine.datasets.images import find_images
from searchengine.embedding.files import embed_regions
from searchengine.embedding.outcomes import Observer
from searchengine.embedding.regions import Region
from searchengine.encoders.interface import Encoder
from searchengine.files import MAX_FILE_SIZE
from searchengine.images.decode import MAX_MEGAPIXELS
from searchengine.types import Vectors


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """What may be read, and by how many threads."""

    workers: int | None = None
    """None takes one a core."""
    max_megapixels: float = MAX_MEGAPIXELS
    max_file_size: int = MAX_FILE_SIZE


@dataclass(frozen=True, slots=True)
class EncodedRegions:
    """Vectors of the regions that could be read."""

    vectors: Vectors
    """Unit rows, shape (n, d)."""
    rows: dict[Region, int]
    """Which row is of which region."""


def find_files(names: Sequence[str], directory: Path | None, beside: Path) -> dict[str, Path]:
    """Where the images of a task are, of those that are there, as `find_images` looks for them."""
    asked = [CaptionedImage(name, name, (), None) for name in dict.fromkeys(names)]
    found = find_images(asked, directory, beside)
    return {image.file: path for image, path in zip(asked, found, strict=True) if path is not None}


def encode_regions(
    regions: Sequence[Region], encoder: Encoder, observer: Observer, options: ReadingOptions
) -> EncodedRegions:
    """Each different region once. Raises InputError where none can be read."""
    different = list(dict.fromkeys(regions))
    observer.planned(len(different))
    observer.started()
    vectors, broken = embed_regions(
        different,
        encoder,
        observer,
        workers=options.workers,
        max_megapixels=options.max_megapixels,
        max_file_size=options.max_file_size,
    )
    read = [region for region in different if region not in broken]
    return EncodedRegions(vectors, {region: row for row, region in enumerate(read)})


def encode_once(texts: Sequence[str], encoder: Encoder) -> tuple[Vectors, np.ndarray]:
    """Unit rows of the different texts, shape (n, d), and which is of each text, shape (texts,)."""
    numbers: dict[str, int] = {}
    which = np.array([numbers.setdefault(text, len(numbers)) for text in texts], dtype=np.int64)
    return encoder.encode_texts(list(numbers)), which
