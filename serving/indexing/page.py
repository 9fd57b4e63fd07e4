"""The page of the library: its numbers, and a folder to index. Whole without JavaScript."""

from __future__ import annotations

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from searchengine.errors import ClipseekError
from serving.api import base_of, service_of
from serving.asking.forms import read_form
from serving.indexing.api import allowed, begin, runs_of
from serving.indexing.numbers import numbers_of
from serving.indexing.run import Run
from serving.indexing.said import said_of
from serving.pages.rendering import render
from serving.problems import IndexRefusedError, Problem, problem_of
from serving.question import Question


async def show(request: Request) -> Response:
    """The library: its numbers, and a form to index a folder."""
    return await _page(request)


async def index(request: Request) -> Response:
    """Index the folder of the form, and show how it goes; what is wrong with it is said there."""
    pairs, _ = await read_form(request)
    typed = dict(pairs).get("folder", "")
    try:
        await begin(request, typed)
    except ClipseekError as error:
        return await _page(request, problem_of(error), typed)
    return _back(request)


async def stop(request: Request) -> Response:
    """Stop the run that is under way."""
    allowed(request).stop()
    return _back(request)


async def how_it_goes(request: Request) -> Response:
    """The part of the page that changes while a run is under way."""
    run, said = _told(request)
    return render("run.html", base=base_of(request), run=run, said=said)


async def _page(request: Request, problem: Problem | None = None, typed: str = "") -> Response:
    service = service_of(request)
    info = await service.info()
    failures = await service.on_library(lambda library: library.failures())
    try:
        allowed(request)
        why_not = None
    except IndexRefusedError as error:
        why_not = str(error)
    run, said = _told(request)
    return render(
        "library.html",
        problem.status if problem else HTTPStatus.OK,
        base=base_of(request),
        question=Question(),
        numbers=numbers_of(info, failures),
        why_not=why_not,
        problem=None if why_not else problem,
        typed=typed,
        run=run,
        said=said,
    )


def _told(request: Request) -> tuple[Run | None, str]:
    runs = runs_of(request)
    run = runs.last
    return run, said_of(run, runs.seconds) if run else ""


def _back(request: Request) -> Response:
    return RedirectResponse(f"{base_of(request)}/library", HTTPStatus.SEE_OTHER)


ROUTES = [
    Route("/library", show, methods=["GET"]),
    Route("/library", index, methods=["POST"]),
    Route("/library/run", how_it_goes),
    Route("/library/stop", stop, methods=["POST"]),
]
