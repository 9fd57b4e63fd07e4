"""Saved searches: which questions can be kept, and the question that was. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from searchengine.errors import InputError
from serving.pages.chips import chips
from serving.question import Question, read_what_can_be


def may_be_saved(question: Question) -> bool:
    """Whether there is anything to keep, and nothing that is forgotten, as uploads are."""
    return question != Question() and not _is_forgotten(question)


def require_kept(question: Question) -> None:
    """Raise InputError for a question that cannot be saved."""
    if question == Question():
        raise InputError("nothing to save: a saved search has words or filters")
    if _is_forgotten(question):
        raise InputError("a saved search is of words and filters, without pictures and marks")


def _is_forgotten(question: Question) -> bool:
    return bool(question.picture or question.like or question.unlike)


def question_of(saved: Mapping[str, str]) -> Question:
    """The question that was saved, without what this version does not know."""
    return read_what_can_be(saved.items())[0]


def said_of(question: Question) -> str:
    """What a saved search asks, in a line."""
    return ", ".join(_parts(question)) or "everything"


def _parts(question: Question) -> Iterator[str]:
    if question.text:
        yield f"\u201c{question.text}\u201d"
    for chip in chips(question):
        yield chip.label
