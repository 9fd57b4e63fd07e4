"""From a query to one unit vector: the weighted sum of its sources, moved by likes and dislikes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from searchengine.errors import InputError, QueryError
from searchengine.retrieval.query import Kind, Mark, Query, Source
from searchengine.types import Vectors

MORE, LESS = 0.75, 0.5
"""How far liked and disliked images move a query of length 1, whatever their number: Rocchio's
relevance feedback (Manning et al., Introduction to Information Retrieval, section 9.1). The book's
weight for what is disliked, 0.15, moves a cosine too little to be seen."""

NOTHING = 1e-6
"""A sum of unit vectors shorter than this has no direction."""

PICTURES = (Kind.FILE, Kind.URL, Kind.PICTURE)
"""The kinds of sources that are decoded and encoded."""

Vector = NDArray[np.float32]
VectorsOf = Callable[[Sequence[int]], Vectors]
"""The stored vectors of images of the library, by id: shape (n, d)."""


def encoded_sum(
    query: Query,
    dim: int,
    encode_texts: Callable[[Sequence[str]], Vectors],
    encode_pictures: Callable[[Sequence[Source]], Vectors],
) -> Vector:
    """The weighted sum, shape (dim,), of what needs no library: texts, pictures and vectors.

    Neither encoder is called without a source for it. Raises InputError for a vector of another
    length.
    """
    total = np.zeros(dim, dtype=np.float32)
    texts = [source for source in query.sources if source.kind is Kind.TEXT]
    if texts:
        total += _weights(texts) @ encode_texts([source.value for source in texts])
    pictures = [source for source in query.sources if source.kind in PICTURES]
    if pictures:
        total += _weights(pictures) @ encode_pictures(pictures)
    for source in query.sources:
        if source.kind is Kind.VECTOR:
            if source.value.shape != (dim,):
                raise InputError(
                    f"a vector of shape {source.value.shape} in a space of {dim} dimensions; "
                    "encode it with the encoder of the space"
                )
            total += np.float32(source.weight) * source.value
    return total


def listed_sum(query: Query, dim: int, vectors_of: VectorsOf) -> Vector:
    """The part, shape (dim,), that images of the library have in a query: sources and marks."""
    total = np.zeros(dim, dtype=np.float32)
    listed = [source for source in query.sources if source.kind is Kind.LISTED]
    if listed:
        total += _weights(listed) @ vectors_of([source.value for source in listed])
    for marks, share in ((query.like, MORE), (query.unlike, -LESS)):
        if marks:
            weights = _weights(marks)
            mean = weights @ vectors_of([mark.id for mark in marks]) / weights.sum()
            total += np.float32(share) * mean
    return total


def unit(total: Vector) -> Vector:
    """A sum of weighted unit vectors, shape (d,), at length 1.

    Raises QueryError where its sources cancel each other out.
    """
    length = float(np.linalg.norm(total))
    if length < NOTHING:
        raise QueryError("the terms cancel each other out; remove one, or change a weight")
    return total / np.float32(length)


def _weights(weighted: Sequence[Source] | Sequence[Mark]) -> Vector:
    return np.array([each.weight for each in weighted], dtype=np.float32)
