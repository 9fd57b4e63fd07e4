"""A library's images as the wrong answers of an evaluation."""

from __future__ import annotations

from searchengine.encoders.interface import Encoder
from searchengine.evaluation.distractors import Distractors
from searchengine.library.library import Library


def read_distractors(library: Library, encoder: Encoder) -> Distractors:
    """All images, by the vectors that the library stores in the encoder's space.

    Raises NothingIndexedError, SpaceNotFoundError, and EncoderMismatchError for other weights.
    """
    library.use_encoder(encoder)
    paths, rows = library.stored_vectors(encoder.name)
    contents = {file.path: content for file, content in library.catalog.contents()}
    return Distractors(paths, rows, [contents.get(str(path), b"") for path in paths])
