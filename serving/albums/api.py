"""Albums under /api/albums. Writes are of our own page or of programs: see `serving.access`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from searchengine.errors import InputError
from searchengine.library.learned.albums import Album, Albums
from searchengine.types import ImageRecord
from serving.albums.saved import require_kept
from serving.api import MAX_ID, base_of, service_of
from serving.asking.forms import read_form
from serving.question import NAMES, read_question, read_whole
from serving.replies import JsonResponse, image_record

MOST_IMAGES = 10_000
"""Of one request."""

T = TypeVar("T")


async def albums(request: Request) -> Response:
    """Every album and saved search, by name."""
    found = await _on(request, list)
    return JsonResponse({"albums": [_record(album, base_of(request)) for album in found]})


async def album(request: Request) -> Response:
    """An album with its images, in the order in which they were added."""
    name = request.path_params["name"]

    def look(there: Albums) -> tuple[Album, list[ImageRecord]]:
        return there.get(name), there.images(name)

    found, images = await _on(request, look)
    base = base_of(request)
    return JsonResponse(
        {**_record(found, base), "members": [image_record(each, base) for each in images]}
    )


async def put(request: Request) -> Response:
    """Add images to an album, made where there is none, or keep a search under its name."""
    name = request.path_params["name"]
    pairs, uploads = await read_form(request)
    if uploads:
        raise InputError("an album takes ids of images of the library, no pictures")
    ids = _ids(pairs)
    asked = [(key, value) for key, value in pairs if key != "id"]
    if unknown := sorted({key for key, _ in asked} - {*NAMES}):
        raise InputError(f"unknown parameter {unknown[0]!r}; an album takes id, or a search")
    if asked and ids:
        raise InputError("an album has images or is a search: give ids, or what is asked")
    if asked:
        await save(request, name, asked)
    added = 0 if asked else await _change(request, lambda there: there.add(name, ids=ids))
    found = await _on(request, lambda there: there.get(name))
    return JsonResponse({**_record(found, base_of(request)), "added": added})


async def save(request: Request, name: str, asked: list[tuple[str, str]]) -> None:
    """Keep a search under a name. Raises InputError for one that cannot be kept."""
    question = read_question(asked)
    require_kept(question)
    await _change(request, lambda there: there.save(name, dict(question.pairs())))


async def take(request: Request) -> Response:
    """Take images out of an album; without any, the album or saved search itself."""
    name = request.path_params["name"]
    pairs, uploads = await read_form(request)
    ids = _ids(pairs)
    if uploads or any(key != "id" for key, _ in pairs) or (pairs and not ids):
        raise InputError("give ids of images to take out with id, or nothing to remove the album")
    if not ids:
        await _change(request, lambda there: there.remove(name))
        return JsonResponse({"name": name, "taken": 0, "removed": True})
    taken = await _change(request, lambda there: there.take(name, ids=ids))
    return JsonResponse({"name": name, "taken": taken, "removed": False})


async def _on(request: Request, work: Callable[[Albums], T]) -> T:
    return await service_of(request).on_library(lambda library: work(library.albums))


async def _change(request: Request, work: Callable[[Albums], T]) -> T:
    return await service_of(request).change(lambda library: work(library.albums))


def _ids(pairs: list[tuple[str, str]]) -> list[int]:
    given = [value for key, value in pairs if key == "id"]
    if len(given) > MOST_IMAGES:
        raise InputError(f"{len(given):,} images at once, over the limit of {MOST_IMAGES:,}")
    return [read_whole("id", value, low=1, high=MAX_ID, default=0) for value in given if value]


def _record(found: Album, base: str) -> dict[str, object]:
    return {
        "name": found.name,
        "images": found.images,
        "question": found.question,
        "address": f"{base}/api/albums/{quote(found.name, safe='')}",
    }


ROUTES = [
    Route("/api/albums", albums),
    Route("/api/albums/{name:path}", album, methods=["GET"]),
    Route("/api/albums/{name:path}", put, methods=["POST"]),
    Route("/api/albums/{name:path}", take, methods=["DELETE"]),
]
