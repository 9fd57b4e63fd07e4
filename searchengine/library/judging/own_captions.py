"""The captions of a library as an evaluation: by its stored vectors, nothing is encoded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from searchengine.catalog.catalog import CatalogReads
from searchengine.datasets.dataset import Dataset
from searchengine.datasets.stored_vectors import StoredVectors
from searchengine.errors import InputError
from searchengine.evaluation.distractors import Distractors
from searchengine.evaluation.given import GivenVectors, dataset_of
from searchengine.library.library import Library
from searchengine.spaces.space import Space

FORMAT = "library"


def captions_of_people(
    space: Space, now: CatalogReads
) -> tuple[NDArray[np.int64], NDArray[np.int64], dict[int, str]]:
    """Rows of captions that no model made and those of their images, shape (m,); the texts."""
    of_captions, of_images = now.caption_owners(space.info)
    rows, texts = now.caption_texts(space.info)
    by_people = np.isin(of_captions, rows)
    said = dict(zip(rows.tolist(), texts, strict=True))
    return of_captions[by_people], of_images[by_people], said


def read_own_captions(
    library: Library, space: str | None = None
) -> tuple[Dataset, GivenVectors, Distractors]:
    """Images with captions, their vectors in a space, and the other images as wrong answers.

    Copies of a picture are one image, with the captions of all; those of models are left out.
    Raises InputError where no caption has a vector, NothingIndexedError and SpaceNotFoundError.
    """
    chosen = library.space(space)
    with library.catalog.snapshot() as now:
        rows, paths = now.embedded_images(chosen.info)
        content = {file.path: found for file, found in now.contents()}
        of_captions, of_images, text_of = captions_of_people(chosen, now)
        images = chosen.images.read(now.rows(chosen.info))
        captions = chosen.captions.read(now.caption_rows(chosen.info))
    if not len(of_captions):
        raise InputError(
            f"library {library.path} has no captions with vectors of {chosen.info.encoder}: add "
            "some with clipseek captions add FILE, or judge queries of your own with clipseek judge"
        )
    first: dict[bytes, int] = {}
    place = {
        int(row): first.setdefault(content[path], number)
        for number, (row, path) in enumerate(zip(rows.tolist(), paths, strict=True))
    }
    owners = np.array([place[row] for row in of_images.tolist()])
    captioned, numbers = np.unique(owners, return_inverse=True)
    order = np.argsort(numbers, kind="stable")
    stored = StoredVectors(
        images=tuple(paths[number] for number in captioned),
        image_rows=images[rows[captioned]].astype(np.float32),
        captions=tuple(text_of[row] for row in of_captions[order].tolist()),
        owners=numbers[order],
        caption_rows=captions[of_captions[order]].astype(np.float32),
        kind="float16",
    )
    others = np.setdiff1d(np.array(list(first.values())), captioned)
    info = chosen.info
    return (
        dataset_of(library.path, FORMAT, stored),
        GivenVectors(library.path, stored, info.encoder, info.fingerprint),
        Distractors([Path(paths[number]) for number in others], images[rows[others]]),
    )
