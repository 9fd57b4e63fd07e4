"""The text that found a picture, cut to what shows the words that were asked for. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from searchengine.catalog.sqlite.words import words_of
from searchengine.types import Matched

SHOWN = 90
"""Characters of it."""

_PARTS = re.compile(r"(\w+)")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text."""

    text: str
    is_asked: bool
    """Whether it is a word of the question."""


def pieces_of(matched: Matched, question: str) -> list[Piece]:
    """The text in parts; of a long one those around the first word that was asked for.

    Of a name the file's and its folder's.
    """
    text = matched.text
    if matched.kind == "name":
        text = "/".join(Path(text).parts[-2:])
    asked = set(words_of(question))
    parts = [part for part in _PARTS.split(" ".join(text.split())) if part]
    pieces = [Piece(part, not asked.isdisjoint(words_of(part))) for part in parts]
    return _around(pieces)


def _around(pieces: Sequence[Piece]) -> list[Piece]:
    first = next((place for place, piece in enumerate(pieces) if piece.is_asked), 0)
    start, length = first, 0
    while start > 0 and length < SHOWN // 3:
        start -= 1
        length += len(pieces[start].text)
    if len("".join(piece.text for piece in pieces)) <= SHOWN:
        start = 0
    kept: list[Piece] = [Piece("…", False)] if start else []
    length = 0
    for piece in pieces[start:]:
        if length + len(piece.text) > SHOWN:
            return [*kept, Piece("…", False)]
        kept.append(piece)
        length += len(piece.text)
    return kept
