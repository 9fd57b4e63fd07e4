"""The page on which a person looks labels through: accept, refuse, next."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from http import HTTPStatus
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from searchengine.errors import InputError
from searchengine.library.learned.teaching import Review
from searchengine.library.library import Library
from serving.api import MAX_ID, base_of, service_of
from serving.asking.forms import read_form
from serving.pages.rendering import render
from serving.question import Question, read_one_whole

MOST_SKIPPED = 10**9
ANSWERS = {"accept": True, "refuse": False, "next": None}
"""What a person may say of a label; `next` says nothing."""


async def review(request: Request) -> Response:
    """One label of a set that nobody has looked at: the least sure."""
    name = request.path_params["name"]
    skip = _skipped(request.query_params.multi_items())

    def look(library: Library) -> Review | None:
        return library.label_sets.to_review(name, skip)

    found = await service_of(request).on_library(look)
    return render(
        "review.html",
        base=base_of(request),
        question=Question(),
        called=name,
        typed=shlex.quote(name),
        found=found,
        skip=skip,
        action=address(name),
    )


async def say(request: Request) -> Response:
    """Keep what was said of a label, and on to the next."""
    name = request.path_params["name"]
    pairs, _ = await read_form(request)
    given = dict(pairs)
    answer = given.get("answer", "")
    if answer not in ANSWERS:
        raise InputError(f"answer must be accept, refuse or next, not {answer!r}")
    skip, is_right = _skipped(pairs), ANSWERS[answer]
    if is_right is None:
        skip += 1
    else:
        image = read_one_whole(pairs, "image", low=0, high=MAX_ID, default=0)
        label = given.get("label", "")

        def keep(library: Library) -> None:
            library.label_sets.say(name, image, label, is_right=is_right)

        await service_of(request).change(keep)
    return RedirectResponse(base_of(request) + address(name, skip), HTTPStatus.SEE_OTHER)


def address(name: str, skip: int = 0) -> str:
    """Where the labels of a set are looked through, after so many left for later."""
    path = f"/labels/{quote(name)}/review"
    return f"{path}?{urlencode({'skip': skip})}" if skip else path


def _skipped(pairs: Iterable[tuple[str, str]]) -> int:
    return read_one_whole(pairs, "skip", low=0, high=MOST_SKIPPED, default=0)


ROUTES = [
    Route("/labels/{name:path}/review", review, methods=["GET"]),
    Route("/labels/{name:path}/review", say, methods=["POST"]),
]
