"""An evaluation of vectors that somebody else made: in the place of an encoder."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from searchengine.datasets.dataset import CaptionedImage, Dataset
from searchengine.datasets.stored_vectors import StoredVectors, read_vectors
from searchengine.errors import InputError
from searchengine.types import Vectors

FORMAT = "vectors"


class GivenVectors:
    """What an evaluation asks of an encoder, from files: nothing is decoded or encoded."""

    device = "cpu"

    def __init__(self, directory: Path, stored: StoredVectors, name: str, fingerprint: str) -> None:
        self.name = name
        self.precision = stored.kind
        self.fingerprint = fingerprint
        self.dim = stored.image_rows.shape[1]
        self._directory = directory
        self._images = {Path(name): row for row, name in enumerate(stored.images)}
        self._image_rows = stored.image_rows
        self._texts = {text: row for row, text in reversed(list(enumerate(stored.captions)))}
        self._caption_rows = stored.caption_rows

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """The rows of captions, shape (n, d). Raises InputError for other texts."""
        other = next((text for text in texts if text not in self._texts), None)
        if other is not None:
            raise InputError(f"{self._directory} has no vector of {other!r}: leave --prompt away")
        rows: Vectors = self._caption_rows[[self._texts[text] for text in texts]]
        return rows

    def rows_of(self, files: Sequence[Path]) -> Vectors:
        """The rows of images, shape (n, d)."""
        if not files:
            return np.empty((0, self.dim), dtype=np.float32)
        rows: Vectors = self._image_rows[[self._images[file] for file in files]]
        return rows


def read_given(directory: Path) -> tuple[Dataset, GivenVectors]:
    """The images and captions of a directory in clip-retrieval's layout, and their vectors.

    Their fingerprint is of the numbers themselves. Raises as `read_vectors`.
    """
    stored = read_vectors(directory)
    digest = hashlib.sha256(stored.image_rows.tobytes() + stored.caption_rows.tobytes())
    given = GivenVectors(directory, stored, FORMAT, digest.hexdigest()[:16])
    return dataset_of(directory, FORMAT, stored), given


def dataset_of(path: Path, form: str, stored: StoredVectors) -> Dataset:
    """Stored images with their captions, as a caption file would say it."""
    captions: list[list[str]] = [[] for _ in stored.images]
    for text, owner in zip(stored.captions, stored.owners.tolist(), strict=True):
        captions[owner].append(text)
    return Dataset(
        path=path,
        format=form,
        name=None,
        images=tuple(
            CaptionedImage(name, name, tuple(own), None)
            for name, own in zip(stored.images, captions, strict=True)
        ),
        splits={},
        duplicate_images=0,
        duplicate_captions=0,
        empty_captions=0,
        images_without_captions=0,
        stray_captions=0,
        mended_lines=0,
    )
