"""From what people have at hand to a query: texts, paths, pictures, arrays, and lists of these."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from searchengine.errors import InputError, QueryError
from searchengine.retrieval.query import Kind, Query, Source
from searchengine.retrieval.terms import parse_terms

if TYPE_CHECKING:
    from PIL import Image

One: TypeAlias = "str | os.PathLike[str] | Image.Image | NDArray[Any] | Source"
Asked: TypeAlias = "One | Sequence[One] | Query"
"""What `as_query` takes."""


def as_query(asked: Asked) -> Query:
    """A query from a text, a path, a PIL image, a vector, a source, or several of these.

    A text is read as the command line reads it (`searchengine.retrieval.terms`): the path of an
    image file and an http(s) address are pictures. An array of shape (d,) or (1, d) is a vector of
    the space, one of shape (h, w, 3) and type uint8 a picture. Raises QueryError for words that
    make no query, and where nothing is asked, and InputError for anything else.
    """
    query = asked if isinstance(asked, Query) else Query(tuple(_sources(asked)))
    if not query:
        raise QueryError('nothing to search for; try: clipseek search "a dog on the beach"')
    return query


def _sources(asked: object) -> Iterable[Source]:
    if isinstance(asked, str):
        return parse_terms([asked])
    if isinstance(asked, Source):
        return [asked]
    if isinstance(asked, os.PathLike):
        return [Source(Kind.FILE, os.fspath(asked))]
    if isinstance(asked, np.ndarray):
        return [_of_array(asked)]
    if _is_picture(asked):
        return [Source(Kind.PICTURE, asked)]
    if isinstance(asked, Sequence) and not isinstance(asked, bytes):
        return [source for one in asked for source in _sources(one)]
    raise InputError(
        f"{type(asked).__name__} is no query; give a text, a path, a PIL image, a vector, or a "
        "list of these"
    )


def _of_array(array: NDArray[Any]) -> Source:
    if array.ndim == 3 and array.shape[2] == 3 and array.dtype == np.uint8:
        from PIL import Image

        return Source(Kind.PICTURE, Image.fromarray(array))
    if array.ndim == 1 or (array.ndim == 2 and len(array) == 1):
        return Source(Kind.VECTOR, array.reshape(-1).astype(np.float32))
    raise InputError(
        f"an array of shape {array.shape} and type {array.dtype} is no query; give a vector (d,) "
        "or a picture (h, w, 3) of uint8"
    )


def _is_picture(asked: object) -> bool:
    pil = sys.modules.get("PIL.Image")  # where nothing imported it, nobody has a picture of it
    return pil is not None and isinstance(asked, pil.Image)
