"""The parts of a question beside its words, each with the address without it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from searchengine.relevance.bar import Strictness
from searchengine.retrieval.query import By
from searchengine.types import Filter
from serving.question import Question

LAST_YEAR = 9_998
"""The last whose end is a date too."""

NO_DATE = "No date of its own"
"""Of a picture that no camera dated: by year it goes by the date of its file."""

LABELS = {
    Strictness.LOOSE: "Matches, loosely",
    Strictness.NORMAL: "Only matches",
    Strictness.STRICT: "Matches, strictly",
}


@dataclass(frozen=True, slots=True)
class Chip:
    """One part of the question that can be taken away."""

    label: str
    picture: str | None
    """The address of a picture to show with it."""
    without: str
    """The address of the question without this part."""


def chips(question: Question) -> list[Chip]:
    """The parts of the question beside its text."""
    found: list[Chip] = []
    if question.picture:
        address = f"/api/pictures/{question.picture}"
        found.append(Chip("Your picture", address, without_picture(question).url()))
    for marks, label in ((question.like, "More like"), (question.unlike, "Less like")):
        for mark in marks:
            address = f"/api/images/{mark.id}/thumbnail?size=small"
            found.append(Chip(label, address, without_mark(question, mark.id).url()))
    for label, without in _narrowed(question):
        found.append(Chip(label, None, without.url()))
    if question.by is not By.BOTH and question.text:
        label = "In texts" if question.by is By.WORDS else "In pictures"
        found.append(Chip(label, None, replace(question, by=By.BOTH).url()))
    if question.as_typed and question.text:
        found.append(Chip("As typed", None, replace(question, as_typed=False).url()))
    if question.unfolded:
        found.append(Chip("Every copy", None, replace(question, unfolded=False).url()))
    if question.matching is not None and question.is_of_words:
        label = LABELS[question.matching]
        found.append(Chip(label, None, replace(question, matching=None).url()))
    if question.min_score is not None and question.asks:
        label = f"Score from {question.min_score:g}"
        found.append(Chip(label, None, replace(question, min_score=None).url()))
    return found


def _narrowed(question: Question) -> Iterator[tuple[str, Question]]:
    """Each part of the filter that is set, and the question without it."""
    if question.near:
        yield f"Near {question.near}", replace(question, near=None)
    for label, left in _parts(question.where):
        yield label, replace(question, where=left)


def _parts(where: Filter) -> Iterator[tuple[str, Filter]]:
    """Each part of a filter that is set, and the filter without it."""
    if where.under:
        yield where.under.name or str(where.under), replace(where, under=None)
    if where.after or where.before:
        yield _period(where.after, where.before), replace(where, after=None, before=None)
    if where.dated is not None:
        yield "Dated by a camera" if where.dated else NO_DATE, replace(where, dated=None)
    if where.camera:
        yield where.camera, replace(where, camera=None)
    if where.place:
        yield where.place, replace(where, place=None)
    if where.album:
        yield f"Album {where.album}", replace(where, album=None)
    if where.orientation:
        yield where.orientation.value.capitalize(), replace(where, orientation=None)
    if where.label:
        yield where.label, replace(where, label=None)


def _period(after: datetime | None, before: datetime | None) -> str:
    """A range of dates in few words: a whole year is its number."""
    if after and (after, before) == (
        datetime(after.year, 1, 1),
        datetime(min(after.year, LAST_YEAR) + 1, 1, 1),
    ):
        return str(after.year)
    parts = [
        f"from {after.date().isoformat()}" if after else "",
        f"before {before.date().isoformat()}" if before else "",
    ]
    return " ".join(filter(None, parts)).capitalize()


def without_picture(question: Question) -> Question:
    """The question without its uploaded picture."""
    return replace(question, picture=None)


def without_mark(question: Question, image_id: int) -> Question:
    """The question without what was said of an image: that it is liked, or not."""
    return replace(
        question,
        like=tuple(mark for mark in question.like if mark.id != image_id),
        unlike=tuple(mark for mark in question.unlike if mark.id != image_id),
    )
