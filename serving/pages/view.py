"""What the templates show, decided beforehand: tiles and choices with their addresses. Pure.

Every choice is a link, so that all of them work without JavaScript, and the back button with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from searchengine.catalog.records import Facets
from searchengine.retrieval.hits import Order, SearchHit
from searchengine.retrieval.query import Mark
from searchengine.texts.spelling import Correction
from searchengine.types import Filter, ImageRecord
from serving.pages.chips import LAST_YEAR, NO_DATE, without_mark
from serving.pages.said import Piece, pieces_of
from serving.question import Question
from serving.replies import thumbnail_url

NARROWEST, WIDEST = 0.6, 2.5
"""Width over height of a tile; pictures beyond are cut in their tile, and whole in detail."""

MOST_LEVELS = 6
"""Of a tree of folders that are moved in: a menu is narrow."""

ORDERS = {
    Order.RELEVANCE: "Nearest first",
    Order.DATE: "Latest first",
    Order.PATH: "By path",
}
ADDED = "Last added first"
"""What they are shown in where nothing is asked."""

T = TypeVar("T")


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


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a filter, with the images it would leave."""

    label: str
    images: int | None
    """None for what leaves as many as there are."""
    href: str
    is_chosen: bool
    level: int = 0
    """How far below the first of a tree it stands, at most MOST_LEVELS."""


@dataclass(frozen=True, slots=True)
class Group:
    """The choices of one part of the filter."""

    name: str
    choices: list[Choice]
    is_set: bool
    kept: list[tuple[str, str]] | None = None
    """For dates, which can be typed too: the rest of the question."""
    after: str = ""
    before: str = ""


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


def groups(question: Question, facets: Facets) -> list[Group]:
    """The filters a person can set, with counts; those with nothing to choose are left out."""
    where = question.where
    rest = replace(question, where=replace(where, after=None, before=None, dated=None))
    dates: list[tuple[int | None, int]] = [p for p in facets.years if p[0] <= LAST_YEAR]
    if facets.undated:
        dates.append((None, facets.undated))
    found = [
        _folders(question, facets),
        replace(
            _group(question, "Date", dates, _set_date, _date_label),
            is_set=bool(where.after or where.before) or where.dated is not None,
            kept=rest.pairs(),
            after=where.after.date().isoformat() if where.after else "",
            before=where.before.date().isoformat() if where.before else "",
        ),
        _group(question, "Camera", facets.cameras, _set_camera, str),
        _group(
            question,
            "Shape",
            facets.orientations,
            lambda chosen, shape: replace(chosen, orientation=shape),
            lambda shape: shape.value.capitalize(),
        ),
        _group(question, "Label", facets.labels, _set_label, str),
    ]
    is_set = {
        "Folder": where.under, "Camera": where.camera, "Shape": where.orientation,
        "Label": where.label,
    }  # fmt: skip
    found = [replace(g, is_set=g.is_set or bool(is_set.get(g.name))) for g in found]
    found = [group for group in found if group.choices or group.is_set]
    return [*found, _orders(question)] if facets.total else found


def _orders(question: Question) -> Group:
    labels = ORDERS if question.asks else {**ORDERS, Order.RELEVANCE: ADDED}
    choices = [
        Choice(label, None, replace(question, order=order).url(), order is question.order)
        for order, label in labels.items()
    ]
    is_set = question.order is not Order.RELEVANCE
    return Group(labels[question.order] if is_set else "Order", choices, is_set)


def _folders(question: Question, facets: Facets) -> Group:
    """The way down to the chosen folder, which is the way up too, and what lies in it."""
    way = _group(question, "Folder", facets.above, _set_folder, _folder_name).choices
    inside = _group(question, "Folder", facets.folders, _set_folder, _folder_name).choices
    levels = [*range(len(way)), *[len(way)] * len(inside)]
    choices = [
        replace(choice, level=min(level, MOST_LEVELS))
        for choice, level in zip([*way, *inside], levels, strict=True)
    ]
    return Group("Folder", choices, is_set=False)


def _folder_name(folder: Path) -> str:
    return folder.name or str(folder)


def _group(
    question: Question,
    name: str,
    counts: list[tuple[T, int]],
    choose: Callable[[Filter, T], Filter],
    label: Callable[[T], str],
) -> Group:
    choices = []
    for value, images in counts:
        where = choose(question.where, value)
        href = replace(question, where=where).url()
        choices.append(Choice(label(value), images, href, where == question.where))
    return Group(name, choices, is_set=False)


def _set_folder(where: Filter, folder: Path) -> Filter:
    return replace(where, under=folder)


def _set_date(where: Filter, year: int | None) -> Filter:
    if year is None:
        return replace(where, after=None, before=None, dated=False)
    after, before = datetime(year, 1, 1), datetime(year + 1, 1, 1)
    return replace(where, after=after, before=before, dated=None)


def _date_label(year: int | None) -> str:
    return NO_DATE if year is None else str(year)


def _set_camera(where: Filter, camera: str) -> Filter:
    return replace(where, camera=camera)


def _set_label(where: Filter, label: str) -> Filter:
    return replace(where, label=label)
