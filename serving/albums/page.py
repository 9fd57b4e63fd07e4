"""The page of albums and saved searches. Whole without JavaScript."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from searchengine.library.learned.albums import Album
from searchengine.library.library import Library
from serving.albums.api import save
from serving.albums.saved import question_of, said_of
from serving.api import base_of, service_of
from serving.asking.forms import read_form
from serving.pages.rendering import render
from serving.pages.view import pictures
from serving.question import Question


@dataclass(frozen=True, slots=True)
class Card:
    """An album, or a saved search."""

    name: str
    said: str
    """How many pictures it has, or what it asks."""
    href: str
    cover: int | None = None
    """The id of its first image."""


async def albums(request: Request) -> Response:
    """Every album with its first picture, and every saved search."""

    def look(library: Library) -> tuple[list[Album], dict[str, int]]:
        return list(library.albums), library.catalog.album_covers()

    found, covers = await service_of(request).on_library(look)
    return render(
        "albums.html",
        base=base_of(request),
        question=Question(),
        albums=[_album(each, covers) for each in found if each.question is None],
        searches=[_search(each) for each in found if each.question is not None],
    )


async def keep(request: Request) -> Response:
    """Save the search of the form under its name, and show it among the others."""
    pairs, _ = await read_form(request)
    name = dict(pairs).get("name", "")
    await save(request, name, [pair for pair in pairs if pair[0] != "name"])
    return _back(request)


async def remove(request: Request) -> Response:
    """Take an album or a saved search away; its pictures stay."""
    pairs, _ = await read_form(request)
    name = dict(pairs).get("name", "")
    await service_of(request).change(lambda library: library.albums.remove(name))
    return _back(request)


def _album(album: Album, covers: dict[str, int]) -> Card:
    href = f"/?{urlencode({'album': album.name})}"
    return Card(album.name, pictures(album.images), href, covers.get(album.name))


def _search(album: Album) -> Card:
    question = question_of(album.question or {})
    return Card(album.name, said_of(question), question.url())


def _back(request: Request) -> Response:
    return RedirectResponse(f"{base_of(request)}/albums", HTTPStatus.SEE_OTHER)


ROUTES = [
    Route("/albums", albums, methods=["GET"]),
    Route("/albums", keep, methods=["POST"]),
    Route("/albums/remove", remove, methods=["POST"]),
]
