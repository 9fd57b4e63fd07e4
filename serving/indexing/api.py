"""Index runs under /api/index: begun, followed and stopped by who may."""

from __future__ import annotations

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from searchengine.errors import InputError
from serving.access import may_index
from serving.api import service_of
from serving.asking.forms import read_form
from serving.indexing.folder import read_folder
from serving.indexing.runs import IndexRuns
from serving.problems import IndexRefusedError
from serving.replies import JsonResponse


def runs_of(request: Request) -> IndexRuns:
    """The index runs of this server."""
    runs: IndexRuns = request.app.state.index_runs
    return runs


def allowed(request: Request) -> IndexRuns:
    """The runs, for who may begin and end them. Raises IndexRefusedError."""
    if not may_index(request.app.state.endpoint, request.headers):
        raise IndexRefusedError(
            "folders are indexed from the server's own machine, or with its token",
            "to let in who comes through a proxy, set $CLIPSEEK_TOKEN",
        )
    runs = runs_of(request)
    if not runs.are_possible:
        raise IndexRefusedError
    return runs


async def begin(request: Request, typed: str) -> None:
    """Index the folder that was typed, into a library that is there: a run would make another one.

    Raises as `allowed`, `LibraryService.check`, `read_folder` and `IndexRuns.start`.
    """
    runs = allowed(request)
    await service_of(request).check()
    runs.start(read_folder(typed, service_of(request).path))


async def state(request: Request) -> Response:
    """The run that is under way, or the last one."""
    return _state(request)


async def start(request: Request) -> Response:
    """Index a folder of the server's machine."""
    pairs, uploads = await read_form(request)
    if uploads or [name for name, _ in pairs] != ["folder"]:
        raise InputError("an index run takes one folder, in the field folder")
    await begin(request, pairs[0][1])
    return _state(request, HTTPStatus.ACCEPTED)


async def stop(request: Request) -> Response:
    """Stop the run that is under way; what it did is saved."""
    allowed(request).stop()
    return _state(request, HTTPStatus.ACCEPTED)


def _state(request: Request, status: int = HTTPStatus.OK) -> Response:
    runs = runs_of(request)
    run = runs.last
    if run is None:
        return JsonResponse({"run": None}, status)
    told = {
        "folder": run.folder,
        "stage": run.stage,
        "done": run.done,
        "total": run.total,
        "failed": run.failed,
        "skipped": run.skipped,
        "notes": run.notes,
        "error": run.error,
        "report": run.report or None,
        "seconds": round(runs.seconds, 1),
    }
    return JsonResponse({"run": told}, status)


ROUTES = [
    Route("/api/index", state, methods=["GET"]),
    Route("/api/index", start, methods=["POST"]),
    Route("/api/index", stop, methods=["DELETE"]),
]
