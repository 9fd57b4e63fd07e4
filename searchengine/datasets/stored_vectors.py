"""Vectors in files, in the layout of clip-retrieval: written and read.

    DIR/img_emb/img_emb_0.npy       rows of images, float16 or float32, shape (n, d)
    DIR/text_emb/text_emb_0.npy     rows of their captions, one for each row of images
    DIR/metadata/metadata_0.parquet with image_path and caption, a row each

An image with several captions has several equal rows. More files of each kind are numbered on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from searchengine.datasets import parquet
from searchengine.errors import CaptionFileError, InputError, reason_of
from searchengine.types import Vectors

IMAGES, TEXTS, METADATA = "img_emb", "text_emb", "metadata"

PATH_COLUMNS = ("image_path", "url", "key")
"""What an image is called: the first that is there."""

NOT_UNIT = 1e-2
"""How far a length may be from 1: float16 rows are a thousandth off."""

_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class StoredVectors:
    """Images and captions with their vectors."""

    images: tuple[str, ...]
    """Each once, in the order of the files."""
    image_rows: Vectors
    """Unit rows, shape (n, d)."""
    captions: tuple[str, ...]
    owners: NDArray[np.int64]
    """The image of each caption, shape (c,)."""
    caption_rows: Vectors
    """Unit rows, shape (c, d)."""
    kind: str
    """Of the numbers in the files: "float16" or "float32"."""


def is_stored(path: Path) -> bool:
    """Whether a directory has this layout."""
    return (path / IMAGES).is_dir() and (path / TEXTS).is_dir() and (path / METADATA).is_dir()


def write_vectors(
    directory: Path,
    images: Vectors,
    texts: Vectors,
    owners: NDArray[np.int64],
    paths: Sequence[Path],
    captions: Sequence[str],
) -> None:
    """Write float16 rows of captions (c, d) and of their images, which are `images[owners]`.

    Raises InputError where a file cannot be written, MissingExtraError without pyarrow.
    """
    try:
        for name, rows in ((IMAGES, images[owners]), (TEXTS, texts)):
            (directory / name).mkdir(parents=True, exist_ok=True)
            np.save(directory / name / f"{name}_0.npy", rows.astype(np.float16))
        (directory / METADATA).mkdir(exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot write {directory}: {reason_of(error)}") from error
    columns = {
        "image_path": [str(paths[owner]) for owner in owners.tolist()],
        "caption": list(captions),
    }
    parquet.write_rows(directory / METADATA / f"{METADATA}_0.parquet", columns)


def read_vectors(directory: Path) -> StoredVectors:
    """Read what `write_vectors` or clip-retrieval wrote. Rows are made unit rows.

    Raises CaptionFileError where the files do not belong together or hold no vectors, and
    MissingExtraError without pyarrow.
    """
    images, texts = (_rows(directory / name) for name in (IMAGES, TEXTS))
    rows = [
        row
        for file in numbered(directory / METADATA, "parquet")
        for row in parquet.read_rows(file, (*PATH_COLUMNS, "caption"))
    ]
    if not len(images) == len(texts) == len(rows) or not rows or images.shape != texts.shape:
        raise CaptionFileError(
            f"{directory}: {len(images):,} rows of images, {len(texts):,} of texts and "
            f"{len(rows):,} of metadata; it needs as many of each"
        )
    column = next((name for name in PATH_COLUMNS if name in rows[0]), None)
    if column is None or "caption" not in rows[0]:
        raise CaptionFileError(f"{directory}: its metadata need image_path and caption")
    numbers: dict[str, int] = {}
    owners = np.array([numbers.setdefault(str(row[column]), len(numbers)) for row in rows])
    _, first = np.unique(owners, return_index=True)
    return StoredVectors(
        images=tuple(numbers),
        image_rows=_unit(directory, images[first]),
        captions=tuple(str(row["caption"] or "").strip() for row in rows),
        owners=owners,
        caption_rows=_unit(directory, texts),
        kind=str(images.dtype),
    )


def _rows(directory: Path) -> NDArray[np.floating]:
    files = numbered(directory, "npy")
    try:
        parts = [np.load(file, allow_pickle=False) for file in files]
        rows: NDArray[np.floating] = np.concatenate(parts)
    except (ValueError, OSError, EOFError) as error:
        raise CaptionFileError(f"{directory}: no rows of vectors in it: {error}") from error
    if rows.ndim != 2 or rows.dtype.kind != "f":
        raise CaptionFileError(f"{directory}: not rows of numbers, but {rows.dtype} {rows.shape}")
    return rows


def numbered(directory: Path, ending: str) -> list[Path]:
    """Files in the order of the numbers in their names: 10 after 9.

    Raises CaptionFileError where there are none.
    """
    files = list(directory.glob(f"*.{ending}"))
    if not files:
        raise CaptionFileError(f"{directory}: no *.{ending} in it")
    return sorted(files, key=lambda file: ([int(n) for n in _NUMBER.findall(file.stem)], file.name))


def _unit(directory: Path, rows: NDArray[np.floating]) -> Vectors:
    wide = rows.astype(np.float32)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    if not (np.abs(lengths - 1) < NOT_UNIT).all():
        raise CaptionFileError(f"{directory}: rows whose length is not 1; write normalised vectors")
    unit: Vectors = wide / lengths
    return unit
