"""What a question asks of a space: its words, its uploaded picture, its marks and its place."""

from __future__ import annotations

from dataclasses import replace

from searchengine.errors import QueryError
from searchengine.gazetteer.lookup import meant
from searchengine.index.types import Modality
from searchengine.retrieval.query import Kind, Query, Source
from searchengine.retrieval.terms import parse_text
from searchengine.spaces.space import Space
from serving.pictures import HeldPictures
from serving.problems import PictureForgottenError
from serving.question import Question


def located(question: Question) -> tuple[Question, str | None]:
    """The question with the place it names in its filter, and which one was taken.

    Raises InputError for a name that is none, and MissingExtraError.
    """
    if question.near is None:
        return question, None
    found = meant(question.near)
    return replace(question, where=replace(question.where, near=found.near)), found.said


def query_of(question: Question, pictures: HeldPictures, space: Space) -> Query:
    """What a space is asked. Raises QueryError, and PictureForgottenError."""
    sources = parse_text(question.text)
    if question.picture:
        held = pictures.get(question.picture)
        if held.space != space.info.name:  # another one answers by now
            raise PictureForgottenError
        sources.append(Source(Kind.VECTOR, held.vector, modality=Modality.IMAGE))
    query = Query(
        tuple(sources),
        question.like,
        question.unlike,
        question.by,
        matching=question.matching if question.is_of_words else None,
        as_typed=question.as_typed,
    )
    if not query:
        raise QueryError("nothing to search for; describe a picture, as in: a dog on the beach")
    return query


def listed(image_id: int) -> Query:
    """The query that an image of the library is."""
    return Query((Source(Kind.LISTED, image_id),))
