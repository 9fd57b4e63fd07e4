"""From what people have at hand to a query: texts, paths, pictures, arrays, and lists of these."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from searchengine.errors import InputError, QueryError
from searchengine.geography import Near
from searchengine.relevance.bar import Strictness
from searchengine.retrieval.query import By, Kind, Mark, Query, Source
from searchengine.retrieval.terms import parse_terms
from searchengine.types import Filter, Orientation

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
    query = _checked(asked if isinstance(asked, Query) else Query(tuple(_sources(asked))))
    if not query:
        raise QueryError('nothing to search for; try: clipseek search "a dog on the beach"')
    return query


def as_filter(asked: Filter | None) -> Filter:
    """A filter; None passes all. Raises InputError for values of other types than it says."""
    if asked is None:
        return Filter()
    _require(isinstance(asked, Filter), "where", "a Filter", asked)
    for names, kind, said in _IN_FILTERS:
        for name in names:
            value = getattr(asked, name)
            _require(value is None or isinstance(value, kind), f"Filter.{name}", said, value)
    for moment in (asked.after, asked.before):
        _require(moment is None or moment.tzinfo is None, "a date", "local, of no zone", moment)
    return asked


_IN_FILTERS: tuple[tuple[tuple[str, ...], Any, str], ...] = (
    (("under",), (str, os.PathLike), "a path"),
    (("after", "before"), datetime, "a datetime"),
    (("camera", "label", "place", "album"), str, "text"),
    (("orientation",), Orientation, "an Orientation"),
    (("dated",), bool, "True or False"),
    (("near",), Near, "a Near: near('Lisbon') makes one"),
)


def _checked(query: Query) -> Query:
    _require(isinstance(query.by, By), "Query.by", "a By", query.by)
    matching = query.matching
    _require(
        matching is None or isinstance(matching, Strictness),
        "Query.matching",
        "a Strictness",
        matching,
    )
    for source in query.sources:
        _require(isinstance(source, Source), "each of Query.sources", "a Source", source)
        _require(isinstance(source.kind, Kind), "Source.kind", "a Kind", source.kind)
        if source.kind is Kind.TEXT:
            _require(isinstance(source.value, str), "a Source of Kind.TEXT", "text", source.value)
    for mark in (*query.like, *query.unlike):
        _require(isinstance(mark, Mark), "each of Query.like and unlike", "a Mark", mark)
    return query


def _require(is_so: bool, what: str, said: str, value: object) -> None:
    if not is_so:
        raise InputError(f"{what} is {said}, not {value!r}")


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
    if array.dtype.kind in "fiu" and (array.ndim == 1 or (array.ndim == 2 and len(array) == 1)):
        with np.errstate(over="ignore"):  # what is too large is no number, and refused as such
            return Source(Kind.VECTOR, array.reshape(-1).astype(np.float32))
    raise InputError(
        f"an array of shape {array.shape} and type {array.dtype} is no query; give a vector (d,) "
        "of numbers or a picture (h, w, 3) of uint8"
    )


def _is_picture(asked: object) -> bool:
    pil = sys.modules.get("PIL.Image")  # where nothing imported it, nobody has a picture of it
    return pil is not None and isinstance(asked, pil.Image)
