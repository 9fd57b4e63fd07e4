"""Saved searches: what `clipseek search` was asked, by the names that the API has, and back."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli import output
from searchengine.errors import InputError
from searchengine.paths import absolute

if TYPE_CHECKING:
    from searchengine import Library

_WORDS = ("after", "before", "camera", "label", "near", "album", "sort")
_FLAGS = {
    "by=words": "words_only",
    "by=pictures": "pictures_only",
    "matching=normal": "matching",
    "matching=strict": "strict",
    "matching=loose": "loose",
    "as_typed=yes": "as_typed",
    "all=yes": "unfolded",
}
"""What the API says in a word, and the argument of the command."""


def keep(
    library: Library,
    name: str,
    terms: Sequence[str],
    add: Sequence[str],
    sub: Sequence[str],
    given: Mapping[str, Any],
) -> None:
    """Keep a search with these arguments under a name, and say so. Raises InputError."""
    library.albums.save(name, question_of(terms, add, sub, given))
    output.note(f"saved; again with: clipseek album show {shlex.quote(name)}")


def question_of(
    terms: Sequence[str], add: Sequence[str], sub: Sequence[str], given: Mapping[str, Any]
) -> dict[str, str]:
    """What a search with these arguments asks: `q`, and every filter that is set."""
    text = " ".join([*terms, *(f"+ {each}" for each in add), *(f"- {each}" for each in sub)])
    question = {"q": text} if text else {}
    if given.get("under") is not None:
        question["under"] = absolute(given["under"])
    for name in _WORDS:
        if given.get(name) and (name, given[name]) != ("sort", "relevance"):
            question[name] = str(given[name])
    if given.get("min_score") is not None:
        question["min_score"] = f"{given['min_score']:g}"
    for told, argument in _FLAGS.items():
        if given.get(argument):
            name, _, value = told.partition("=")
            question[name] = value
    return question


def ask(question: Mapping[str, str], library: str | None, form: output.Form) -> None:
    """Search as was saved, and print the hits. Raises InputError for what only the page asks."""
    from cli.commands.search import search

    given: dict[str, Any] = {}
    for name, value in question.items():
        if name == "q":
            given["terms"] = [value]
        elif name == "under":
            given["under"] = Path(value)
        elif name == "min_score":
            given["min_score"] = float(value)
        elif name in _WORDS:
            given[name] = value
        elif f"{name}={value}" in _FLAGS:
            given[_FLAGS[f"{name}={value}"]] = True
        else:
            raise InputError(f"this search asks for {name}={value}, which only the page can")
    chosen = {
        output.Form.JSON: "json_output",
        output.Form.PATHS: "paths",
        output.Form.NUL: "print0",
    }
    if form in chosen:
        given[chosen[form]] = True
    search(library=library, **given)
