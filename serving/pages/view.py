"""What the templates show, decided beforehand: tiles with their addresses. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from searchengine.retrieval.hits import Order, SearchHit
from searchengine.retrieval.query import Mark
from searchengine.texts.spelling import Correction
from searchengine.types import ImageRecord
from serving.pages.chips import without_mark
from serving.pages.said import Piece, pieces_of
from serving.question import Question
from serving.replies import thumbnail_url

NARROWEST, WIDEST = 0.6, 2.5
"""Width over height of a tile; pictures beyond are cut in their tile, and whole in detail."""

ORDERS = {
    Order.RELEVANCE: "Nearest first",
    Order.DATE: "Latest first",
    Order.PATH: "By path",
}
ADDED = "Last added first"
"""What they are shown in where nothing is asked."""


@dataclass(frozen=True, slots=True)
class Tile:
    """One picture in the grid."""

    id: int
    name: str
    path: str
    thumbnail: str
    href: str
    """Its detail view."""
    shape: str
    """The class of the style sheet for its width over height."""
    score: str | None
    """None where nothing was asked."""
    is_liked: bool
    is_disliked: bool
    more: str
    """The address of the search for more like it; where it is liked, of the search without that."""
    less: str
    said: list[Piece] = field(default_factory=list)
    """The text that found it; empty where its picture did."""
    day: str | None = None
    """Where the pictures are in the order of dates and it is the first of its day: that day."""
    is_past_matches: bool = False
    """Whether it is the first after what matches."""
    stack: int = 1
    """How many images it stands for, with itself."""
    stack_said: str = ""
    """What they are: "3 copies, 2 of its moment"."""


def tiles_of(
    question: Question, hits: Sequence[SearchHit], corrections: Sequence[Correction] = ()
) -> list[Tile]:
    """The hits, best first; what is marked in their texts is what was searched for."""
    asked = " ".join([question.text, *(correction.used for correction in corrections)])
    return [
        replace(
            tile_of(question, hit.image, hit.score),
            said=pieces_of(hit.matched, asked) if hit.matched else [],
            stack=1 + len(hit.stack),
            stack_said=hit.stack_said,
        )
        for hit in hits
    ]


def tile_of(
    question: Question,
    record: ImageRecord,
    score: float | None = None,
) -> Tile:
    """An image as a tile of this question's grid."""
    is_liked = any(mark.id == record.id for mark in question.like)
    is_disliked = any(mark.id == record.id for mark in question.unlike)
    bare = without_mark(question, record.id)
    mark = Mark(record.id)
    return Tile(
        id=record.id,
        name=Path(record.file.path).name,
        path=record.file.path,
        thumbnail=thumbnail_url(record),
        href=question.url(f"/images/{record.id}"),
        shape=shape_of(record.facts.width, record.facts.height),
        score=None if score is None else f"{score:.2f}",
        is_liked=is_liked,
        is_disliked=is_disliked,
        more=(bare if is_liked else replace(bare, like=(*bare.like, mark))).url(),
        less=(bare if is_disliked else replace(bare, unlike=(*bare.unlike, mark))).url(),
    )


def status_of(question: Question, total: int, offset: int, found: Sequence[Tile], page: int) -> str:
    """What there is, in a line: `total` images pass the filter, `found` are on this page of hits.

    How many reach a score is known where the hits end; to know it before takes a search for all.
    """
    if not total or not found:
        return "No pictures"
    if not question.asks:
        order = ADDED if question.order is Order.RELEVANCE else ORDERS[question.order]
        return f"{pictures(total)}, {order.lower()}"
    reached = offset + len(found)
    if question.min_score is None or reached >= total:
        return f"{pictures(total)}, nearest first"
    if len(found) < page:
        return f"{reached:,} of {pictures(total)}, nearest first"
    return f"{reached:,} or more of {pictures(total)}, nearest first"


def pictures(count: int) -> str:
    """So many, in words."""
    return f"{count:,} {'picture' if count == 1 else 'pictures'}"


def shape_of(width: int, height: int) -> str:
    """The class for a picture's width over height, in tenths: "r15" for 3:2.

    >>> shape_of(6000, 4000), shape_of(10, 1000)
    ('r15', 'r6')
    """
    ratio = width / max(height, 1)
    return f"r{round(10 * min(max(ratio, NARROWEST), WIDEST))}"
