"""The pages: the search and its hits, and one image in detail. Whole without JavaScript."""

from __future__ import annotations

import shlex
from dataclasses import replace
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from searchengine.errors import ClipseekError, InputError, NothingIndexedError
from serving.api import MAX_OFFSET, base_of, image_id, service_of
from serving.asking.forms import read_form
from serving.asking.gathered import Gathered, gathered_in
from serving.asking.looking import Detail, detail_of, groups_of
from serving.asking.where import wanted
from serving.pages.chips import chips, without_picture
from serving.pages.facts import Place, facts_of, labels_of, place_of, shown_whole, size_of
from serving.pages.found import Found, find
from serving.pages.matches import only_matches
from serving.pages.menus import groups
from serving.pages.rendering import render
from serving.pages.stacked import (
    groups_url,
    levels,
    read_level,
    said_of_groups,
    stacked_of,
)
from serving.pages.timeline import timeline
from serving.pages.view import Tile, tile_of, tiles_of
from serving.problems import Problem, problem_of
from serving.question import Question, read_one_whole, read_question, read_what_can_be
from serving.service import LibraryService

PAGE = 60
"""Hits that come at a time: a few screens, and the small pictures of 2 MB."""

GROUPS = 30
"""Groups of copies that come at a time."""

CAPTIONS, NEIGHBOURS = 5, 12
"""What the detail view shows of each."""


async def home(request: Request) -> Response:
    """The search form with what it finds; the last images added where nothing is asked."""
    service = service_of(request)
    question, wrong = read_what_can_be(request.query_params.multi_items())
    offset, facets, found, typed = 0, None, Found(), None
    problem: Problem | None = None
    is_empty, answered_by, taken, gathered = False, None, None, Gathered()
    try:
        answered_by = await service.answered_by()
        question, taken = await service.located(question)
        facets = await service.facets(question.where)
        gathered = await service.on_library(gathered_in)
        if wrong:
            raise wrong
        given = request.query_params.multi_items()
        offset = read_one_whole(given, "offset", low=0, high=MAX_OFFSET, default=0)
        found = await find(service, question, offset, facets.total, PAGE)
        typed = replace(question, as_typed=True).url() if found.is_corrected else None
    except NothingIndexedError:
        is_empty = True
    except ClipseekError as error:
        problem = problem_of(error)
    tiles = found.tiles
    before, after = _at(question, offset, found)
    return render(
        "search.html",
        problem.status if problem else HTTPStatus.OK,
        base=base_of(request),
        question=question,
        tiles=tiles,
        said=found.said,
        only=only_matches(question),
        answered_by=answered_by,
        groups=groups(question, facets, gathered) if facets else [],
        chips=chips(question),
        every=_every(question, tiles),
        bars=timeline(question, found.months),
        before=before,
        next=after,
        notes=[*([taken] if taken else []), *found.notes],
        as_typed=typed,
        is_first=offset == 0,
        is_empty=is_empty,
        library=shlex.quote(str(service.path)),
        problem=problem,
    )


def _every(question: Question, found: list[Tile]) -> str | None:
    """The address of the same search with every copy, where hits of this page stand for others."""
    if any(tile.stack > 1 for tile in found):
        return replace(question, unfolded=True).url()
    return None


def _at(question: Question, offset: int, found: Found) -> tuple[str | None, str | None]:
    """The addresses of the pages of hits before and after this one, where there are any."""
    is_last = len(found.tiles) < PAGE or offset + len(found.tiles) >= found.total
    before = question.url(offset=max(0, offset - PAGE)) if offset else None
    return before, None if is_last else question.url(offset=offset + PAGE)


async def detail(request: Request) -> Response:
    """One image: the whole picture, what is known of it, what is like it."""
    question = read_question(request.query_params.multi_items())
    service = service_of(request)
    found = await service.ask(
        detail_of, image_id(request), captions=CAPTIONS, neighbours=NEIGHBOURS
    )
    tile = tile_of(question, found.record)
    place = await _place_of(service, request, question, found)
    return render(
        "detail.html",
        base=base_of(request),
        question=question,
        tile=tile,
        place=place,
        record=found.record,
        shape=size_of(found.record),
        full=shown_whole(found.record),
        facts=facts_of(found.record),
        captions=found.captions,
        neighbours=tiles_of(question, found.neighbours),
        stack=[stacked_of(question, member) for member in found.stack],
        labels=labels_of(found.labels),
        back=question.url(),
    )


async def _place_of(
    service: LibraryService, request: Request, question: Question, found: Detail
) -> Place | None:
    """Where the words are seen in an image, if that may be told and, if so, whether it is asked."""
    words = wanted(question.text) if question.text else ""
    if not words or not service.may_have_maps(found.fingerprint):
        return None
    is_shown, why_not = request.query_params.get("where") == "yes", None
    if is_shown:
        try:
            await service.where(found.record, question.text)  # drawn now, sent when it is asked for
        except ClipseekError as error:
            why_not = problem_of(error).detail
    return place_of(question, found.record, words, is_shown=is_shown, why_not=why_not)


async def side_by_side(request: Request) -> Response:
    """Copies of one picture, or pictures of one moment, side by side."""
    given = request.query_params
    level = read_level(given.get("level"))
    offset = read_one_whole(given.multi_items(), "offset", low=0, high=MAX_OFFSET, default=0)
    found, total = await service_of(request).ask(groups_of, level, k=GROUPS, offset=offset)
    return render(
        "duplicates.html",
        base=base_of(request),
        question=Question(),
        levels=levels(level),
        groups=[[stacked_of(Question(), member) for member in group.members] for group in found],
        said=said_of_groups(level, total),
        before=groups_url(level, max(0, offset - GROUPS)) if offset else None,
        next=groups_url(level, offset + GROUPS) if offset + GROUPS < total else None,
    )


async def search_by_picture(request: Request) -> Response:
    """The form for a picture, sent without JavaScript: on to its hits."""
    pairs, uploads = await read_form(request)
    if len(uploads) != 1:
        raise InputError("choose a picture first, then press the button")
    question = without_picture(read_question(pairs))
    key = await service_of(request).hold(uploads[0])
    question = read_question([*question.pairs(), ("picture", key)])
    return RedirectResponse(base_of(request) + question.url(), HTTPStatus.SEE_OTHER)


ROUTES = [
    Route("/", home),
    Route("/images/{id:digits}", detail),
    Route("/duplicates", side_by_side),
    Route("/pictures", search_by_picture, methods=["POST"]),
]
