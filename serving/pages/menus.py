"""The menus over the pictures: what can be chosen, with counts and addresses. Pure.

Every choice is a link, so that all of them work without JavaScript, and the back button with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from searchengine.catalog.records import Facets
from searchengine.retrieval.hits import Order
from searchengine.types import Filter
from serving.albums.saved import may_be_saved, question_of
from serving.asking.gathered import Gathered
from serving.labels.review import address
from serving.pages.chips import LAST_YEAR, NO_DATE
from serving.pages.view import ADDED, ORDERS
from serving.question import Question

MOST_LEVELS = 6
"""Of a tree of folders that are moved in: a menu is narrow."""

MOST_PLACES = 30
"""That are in the menu; the page of places has all."""

MOST_GATHERED = 100
"""Albums, and saved searches, that are in the menu; the page of albums has all."""

T = TypeVar("T")


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
class Form:
    """What can be typed in a menu: "dates", "near" or "save"."""

    kind: str
    kept: list[tuple[str, str]]
    """The rest of the question, or all of it where it is saved."""
    after: str = ""
    before: str = ""
    near: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """The choices of one part of the filter."""

    name: str
    choices: list[Choice]
    is_set: bool = False
    form: Form | None = None
    links: Sequence[tuple[str, str]] = ()
    """Pages that have more of it: what they are called, and their addresses."""


def groups(question: Question, facets: Facets, gathered: Gathered) -> list[Group]:
    """The filters a person can set, with counts; those with nothing to choose are left out."""
    found = [
        _folders(question, facets),
        _dates(question, facets),
        _places(question, facets),
        _group(question, "Camera", facets.cameras, _set_camera, str),
        _group(
            question,
            "Shape",
            facets.orientations,
            lambda chosen, shape: replace(chosen, orientation=shape),
            lambda shape: shape.value.capitalize(),
        ),
        _labels(question, facets, gathered),
        _albums(question, facets, gathered),
    ]
    where = question.where
    is_set = {
        "Folder": where.under, "Camera": where.camera, "Shape": where.orientation,
        "Label": where.label, "Place": where.place or question.near, "Album": where.album,
    }  # fmt: skip
    found = [replace(g, is_set=g.is_set or bool(is_set.get(g.name))) for g in found]
    found = [g for g in found if g.choices or g.is_set or g.links]
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
    return Group("Folder", choices)


def _folder_name(folder: Path) -> str:
    return folder.name or str(folder)


def _dates(question: Question, facets: Facets) -> Group:
    where = question.where
    dates: list[tuple[int | None, int]] = [p for p in facets.years if p[0] <= LAST_YEAR]
    if facets.undated:
        dates.append((None, facets.undated))
    rest = replace(question, where=replace(where, after=None, before=None, dated=None))
    return replace(
        _group(question, "Date", dates, _set_date, _date_label),
        is_set=bool(where.after or where.before) or where.dated is not None,
        form=Form(
            "dates",
            rest.pairs(),
            after=where.after.date().isoformat() if where.after else "",
            before=where.before.date().isoformat() if where.before else "",
        ),
    )


def _places(question: Question, facets: Facets) -> Group:
    """Where most were taken, and a field for a place to be near to."""
    some = _group(question, "Place", facets.places[:MOST_PLACES], _set_place, str)
    rest = replace(question, near=None)
    form = Form("near", rest.pairs(), near=question.near or "")
    links = [("All places", "/places")] if facets.places else []
    return replace(some, form=form, links=links)


def _labels(question: Question, facets: Facets, gathered: Gathered) -> Group:
    """The labels, and the pages on which those of each set are looked through."""
    links = [(f"Look through: {name}", address(name)) for name in gathered.label_sets]
    return replace(_group(question, "Label", facets.labels, _set_label, str), links=links)


def _albums(question: Question, facets: Facets, gathered: Gathered) -> Group:
    """Some albums with counts and saved searches, and a field for a name to save this one under."""
    shown = facets.albums[:MOST_GATHERED]
    albums = _group(question, "Album", shown, _set_album, str).choices
    searches = []
    for name, asked in gathered.searches[:MOST_GATHERED]:
        saved = question_of(asked)
        searches.append(Choice(name, None, saved.url(), saved == question))
    form = Form("save", question.pairs()) if may_be_saved(question) else None
    links = [("All albums and saved searches", "/albums")]
    is_shown = albums or searches or form or gathered.albums
    return Group("Album", [*albums, *searches], form=form, links=links if is_shown else ())


def _group(
    question: Question,
    name: str,
    counts: Sequence[tuple[T, int]],
    choose: Callable[[Filter, T], Filter],
    label: Callable[[T], str],
) -> Group:
    choices = []
    for value, images in counts:
        where = choose(question.where, value)
        href = replace(question, where=where).url()
        choices.append(Choice(label(value), images, href, where == question.where))
    return Group(name, choices)


def _set_folder(where: Filter, folder: Path) -> Filter:
    return replace(where, under=folder)


def _set_date(where: Filter, year: int | None) -> Filter:
    if year is None:
        return replace(where, after=None, before=None, dated=False)
    after, before = datetime(year, 1, 1), datetime(year + 1, 1, 1)
    return replace(where, after=after, before=before, dated=None)


def _date_label(year: int | None) -> str:
    return NO_DATE if year is None else str(year)


def _set_place(where: Filter, place: str) -> Filter:
    return replace(where, place=place)


def _set_camera(where: Filter, camera: str) -> Filter:
    return replace(where, camera=camera)


def _set_label(where: Filter, label: str) -> Filter:
    return replace(where, label=label)


def _set_album(where: Filter, album: str) -> Filter:
    return replace(where, album=album)
