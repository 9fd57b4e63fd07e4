"""From a query to one unit vector: the weighted sum of its sources, moved by likes and dislikes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from searchengine.catalog.catalog import CatalogReads
from searchengine.errors import InputError, QueryError
from searchengine.retrieval.query import Kind, Mark, Query, Source
from searchengine.spaces.encoders import SpaceEncoders
from searchengine.spaces.space import Space

if TYPE_CHECKING:
    from searchengine.retrieval.pictures import ReadPicture

MORE, LESS = 0.75, 0.5
"""How far liked and disliked images move a query of length 1, whatever their number: Rocchio's
relevance feedback (Manning et al., Introduction to Information Retrieval, section 9.1). The book's
weight for what is disliked, 0.15, moves a cosine too little to be seen."""

NOTHING = 1e-6
"""A sum of unit vectors shorter than this has no direction."""

Vector = NDArray[np.float32]


def read_part(query: Query) -> list[ReadPicture]:
    """What of the query is to be read: its pictures, from files and the web, before any encoder.

    Raises PathNotFoundError, and QueryError for addresses.
    """
    if not query.pictures:
        return []
    from searchengine.retrieval.pictures import read_pictures  # a query of texts needs no PIL

    return read_pictures(query.pictures)


def encoded_part(
    query: Query, pictures: Sequence[ReadPicture], space: Space, encoders: SpaceEncoders
) -> Vector:
    """The weighted sum, shape (d,), of what needs no catalog: texts, pictures and vectors.

    `pictures` are those of the query, read. An encoder is asked for only where a source needs it;
    that may take long. Raises InputError for a vector of another length, what is wrong with a
    picture, and the encoder's errors.
    """
    total = np.zeros(space.info.dim, dtype=np.float32)
    texts = [source for source in query.sources if source.kind is Kind.TEXT]
    if texts:
        encoder = encoders.for_texts(space)
        total += _weights(texts) @ encoder.encode_texts([source.value for source in texts])
    if pictures:
        for each in pictures:
            each.picture(input_size=1)  # what is none loads no encoder
        whole = encoders.whole(space)
        vectors = whole.encode_images([each.picture(whole.input_size) for each in pictures])
        total += _weights(query.pictures) @ vectors
    for source in query.sources:
        if source.kind is Kind.VECTOR:
            if source.value.shape != total.shape:
                raise InputError(
                    f"a vector of shape {source.value.shape} in a space of {len(total)} "
                    "dimensions; encode it with the encoder of the space"
                )
            total += np.float32(source.weight) * source.value
    return total


def listed_part(query: Query, space: Space, now: CatalogReads) -> Vector:
    """The part, shape (d,), that images of the library have in a query: sources and marks.

    Raises NotListedError for an image that has no vector in the space.
    """
    total = np.zeros(space.info.dim, dtype=np.float32)
    listed = [source for source in query.sources if source.kind is Kind.LISTED]
    if listed:
        ids = [source.value for source in listed]
        total += _weights(listed) @ space.vectors_of_images(now, ids)
    for marks, share in ((query.like, MORE), (query.unlike, -LESS)):
        if marks:
            vectors = space.vectors_of_images(now, [mark.id for mark in marks])
            weights = _weights(marks)
            total += np.float32(share) * (weights @ vectors / weights.sum())
    return total


def unit(total: Vector) -> Vector:
    """A sum of weighted unit vectors, shape (d,), at length 1.

    Raises QueryError where its sources cancel each other out, or one of them is no number.
    """
    length = float(np.linalg.norm(total))
    if not math.isfinite(length):
        raise QueryError("a vector or a weight of the query is no number, or too large a one")
    if length < NOTHING:
        raise QueryError("the terms cancel each other out; remove one, or change a weight")
    return total / np.float32(length)


def _weights(weighted: Sequence[Source] | Sequence[Mark]) -> Vector:
    return np.array([each.weight for each in weighted], dtype=np.float32)
