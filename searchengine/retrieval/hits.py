"""What a search answers: ranked images, for people, notebooks and programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from searchengine.jsonable import jsonable
from searchengine.texts.spelling import Correction
from searchengine.types import ImageRecord, Likeness, Matched, Stacked

HIT_FIELDS = ("rank", "score", "id", "path", "width", "height", "taken_at", "modified_at")
"""What a program is told of a hit, in this order; new ones come last."""

TEXT_FIELDS = ("matched", "text")
"""And of one that a text found: "caption", "name", "place" or "text", and the piece of text."""

RELEVANCE_FIELDS = ("relevance", "matches")
"""And of one that words were asked for: see `SearchHit`."""

STACK_FIELD = "stack"
"""And of one that stands for others: how many they are with itself, and each of them."""

NOTEBOOK_SIDE = 200
"""Pixels of the longer side of a picture in a notebook."""


@dataclass(frozen=True, slots=True)
class SearchHit:
    """One ranked image. `score` is the cosine with the query, in [-1, 1]; `rank` counts from 1."""

    rank: int
    score: float
    image: ImageRecord
    matched: Matched | None = None
    """What found it beside its picture: a caption, a name, text in it."""
    relevance: float | None = None
    """How far it stands out for the words that were asked, from 0 on as what was asked for does.
    None for pictures and other queries, and in a library that was not measured."""
    matches: bool | None = None
    """Whether it does, or words of the query stand in its texts; None as of `relevance`."""
    stack: tuple[Stacked, ...] = ()
    """The images it stands for, where copies and bursts are folded."""

    @property
    def id(self) -> int:
        """The image's id in the library."""
        return self.image.id

    @property
    def path(self) -> Path:
        """Where the image's file is."""
        return self.image.path

    @property
    def stack_said(self) -> str:
        """How many images it stands for beside itself: "3 copies, 2 of its moment"; else ""."""
        moment = sum(other.likeness is Likeness.MOMENT for other in self.stack)
        copies = len(self.stack) - moment
        said = [f"{copies:,} {'copy' if copies == 1 else 'copies'}"] if copies else []
        return ", ".join([*said, *([f"{moment:,} of its moment"] if moment else [])])

    def record(self) -> dict[str, Any]:
        """The hit in JSON's own types, with the keys of `HIT_FIELDS`.

        `taken_from` follows where no EXIF says the date, where a text found it `TEXT_FIELDS`, and
        where it was measured `RELEVANCE_FIELDS`; where it stands for others `STACK_FIELD`.
        """
        record = {"rank": self.rank, "score": jsonable(self.score), **fields_of(self.image)}
        if self.matched is not None:
            record |= zip(TEXT_FIELDS, (self.matched.kind, self.matched.text), strict=True)
        if self.relevance is not None:
            record |= zip(RELEVANCE_FIELDS, (round(self.relevance, 3), self.matches), strict=True)
        if self.stack:
            record[STACK_FIELD] = {
                "count": 1 + len(self.stack),
                "members": [
                    {"id": other.id, "path": other.path, "likeness": other.likeness.value}
                    for other in self.stack
                ],
            }
        return record

    def _repr_html_(self) -> str:
        """The hit with its picture, for notebooks: the file as it is now, read for this."""
        return _figure(self)


class Order(Enum):
    """What hits are shown in the order of, matches before the others in any case."""

    RELEVANCE = "relevance"
    """As they rank."""
    DATE = "date"
    """The latest first: by the picture's date, or the file's where it has none."""
    PATH = "path"


class Hits(list[SearchHit]):
    """The hits of a search, best first."""

    gone: int = 0
    """Images that were left out as their files are gone; where all are, these are the hits."""
    why_none: str | None = None
    """Why there are no hits, where the library lists nothing that the filter names."""
    no_match: str | None = None
    """That nothing matches, where these are only the nearest images or, where only matches were
    asked for, there are none."""
    corrections: tuple[Correction, ...] = ()
    """Words that were searched for in the place of misspelt ones."""
    language: str | None = None
    """What the encoder does not know of the query's words, told by their letters."""
    unread: str | None = None
    """What it does not read of them: the end of a long text, signs it has no token for."""
    damage: str | None = None
    """What is wrong with the vectors that were searched, where any search has met it."""

    def put_in(self, order: Order) -> None:
        """Put the hits, which keep their ranks, in an order."""
        if order is Order.DATE:
            self.sort(key=lambda hit: hit.image.facts.taken_at or hit.image.modified_at)
            self.reverse()
        elif order is Order.PATH:
            self.sort(key=lambda hit: hit.image.file.path)
        self.sort(key=lambda hit: hit.matches is False)

    def records(self) -> list[dict[str, Any]]:
        """One dict a hit, in JSON's own types: `pandas.DataFrame(hits.records())` is a table."""
        return [hit.record() for hit in self]

    def _repr_html_(self) -> str:
        """The hits with their pictures in a row that wraps, for notebooks."""
        figures = "".join(_figure(hit) for hit in self)
        return f'<div style="display:flex;flex-wrap:wrap;gap:12px">{figures}</div>'


def fields_of(image: ImageRecord) -> dict[str, Any]:
    """What a program is told of an image, in JSON's own types: `HIT_FIELDS` without its rank.

    `taken_from` follows where no EXIF says the date.
    """
    facts = image.facts
    values = (
        image.id, image.path, facts.width, facts.height, facts.taken_at,
        image.modified_at.replace(microsecond=0),
    )  # fmt: skip
    fields = {name: jsonable(value) for name, value in zip(HIT_FIELDS[2:], values, strict=True)}
    if facts.taken_from not in (None, "exif"):
        fields["taken_from"] = facts.taken_from
    return fields


def ranked_hits(
    ranked: Sequence[tuple[int, float]], images: dict[int, ImageRecord], first_rank: int
) -> Hits:
    """Rows and their scores, best first, as hits of the images that the rows belong to."""
    return Hits(
        SearchHit(rank, score, images[row])
        for rank, (row, score) in enumerate(ranked, start=first_rank)
    )


def _figure(hit: SearchHit) -> str:
    """One hit as HTML that needs nothing else."""
    # Only a notebook needs these: a search on the command line starts without them.
    from html import escape

    from searchengine.errors import ClipseekError
    from searchengine.files import read_whole
    from searchengine.images.thumbnails import data_uri, read_thumbnail

    try:
        small = read_thumbnail(read_whole(hit.path), NOTEBOOK_SIDE, name=hit.path.name)
        shown = f'<img src="{data_uri(small.jpeg)}" width="{small.width}" height="{small.height}">'
    except (OSError, ClipseekError) as error:
        shown = f"<i>{escape(str(error))}</i>"
    return (
        f'<figure style="margin:0;max-width:{NOTEBOOK_SIDE}px" title="{escape(str(hit.path))}">'
        f"{shown}<figcaption><b>{hit.rank}</b> {hit.score:.3f} {escape(hit.path.name)}"
        "</figcaption></figure>"
    )
