"""The web application: routes, the guard before them, and errors as answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, MutableMapping, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote_plus

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from searchengine.errors import ClipseekError
from searchengine.library.library import Library
from serving import api
from serving.access import (
    OPEN_PATHS,
    SAFE_METHODS,
    SECURITY_HEADERS,
    Asked,
    Endpoint,
    as_forwarded,
    cookie_value,
    headers_for,
    is_named,
    refusal,
    token_in_query,
    token_is_shown,
    without_token,
)
from serving.albums import api as albums
from serving.albums import page as albums_page
from serving.api import base_of
from serving.asking.forms import NO_TEXT, NO_UTF8
from serving.connections.proxy import without_base
from serving.indexing import api as index_runs
from serving.indexing import page as library_page
from serving.indexing.runs import IndexRuns
from serving.labels import review
from serving.pages import places
from serving.pages import routes as pages
from serving.pages.rendering import render_problem
from serving.pictures import MAX_BYTES, too_many_bytes
from serving.problems import MEDIA_TYPE, Problem, RangeRefusedError, problem_of
from serving.programs import api as programs
from serving.programs import page as api_page
from serving.question import Question, read_what_can_be
from serving.replies import JsonResponse
from serving.service import LibraryService
from serving.thumbnails import ThumbnailCache

FORM_BYTES = 2**20
"""What a form may hold around and beside its pictures."""

COOKIE_SECONDS = 365 * 24 * 3600


def make_app(
    library: Library, endpoint: Endpoint, cache: Path, index_command: Sequence[str] = ()
) -> Starlette:
    """The application over an open library; `cache` is the directory for thumbnails.

    `index_command` indexes the folders whose paths follow it; without one the page indexes none.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        service = LibraryService(library, ThumbnailCache(cache))
        app.state.service = service
        runs = app.state.index_runs = IndexRuns(index_command)
        service.warm()
        try:
            yield
        finally:
            runs.close()
            service.close()

    app = Starlette(
        routes=[
            *pages.ROUTES,
            *api.ROUTES,
            *albums.ROUTES,
            *albums_page.ROUTES,
            *places.ROUTES,
            *review.ROUTES,
            *index_runs.ROUTES,
            *library_page.ROUTES,
            *programs.ROUTES,
            *api_page.ROUTES,
            Mount("/static", StaticFiles(directory=Path(__file__).parent / "pages" / "static")),
        ],
        middleware=[Middleware(Guard, endpoint=endpoint)],
        exception_handlers={
            ClipseekError: _known,
            HTTPException: _http,
            ClientDisconnect: _cut_off,
            500: _unknown,
        },
        lifespan=lifespan,
    )
    app.state.base = endpoint.proxy.base
    app.state.endpoint = endpoint
    app.router.redirect_slashes = False  # it would send people to the name a proxy has for us
    return app


class Guard:
    """Turns away who may not ask, bounds what is sent, and sets the headers of every answer."""

    def __init__(self, app: ASGIApp, endpoint: Endpoint) -> None:
        self._app = app
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection, as ASGI asks."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # no WebSockets here
        asked = self._asked(scope)
        answer = self._turned_away(asked)
        named = headers_for(asked) if is_named(self._endpoint, asked) else {}
        sender = _with_headers(send, named)
        if answer is not None:
            await answer(scope, receive, sender)
            return
        seen = {
            **scope,
            "path": asked.path,
            "root_path": "",
            "query_string": without_token(asked.query).encode("latin-1"),
        }
        if asked.path.startswith(OPEN_PATHS):  # small files, and whole
            seen["headers"] = [pair for pair in scope["headers"] if pair[0].lower() != b"range"]
        await self._app(seen, _bounded(receive), sender)

    def _asked(self, scope: Scope) -> Asked:
        proxy = self._endpoint.proxy
        asked = Asked(
            method=scope["method"],
            path=without_base(proxy.base, scope["path"]),
            query=scope["query_string"].decode("latin-1"),
            headers={name.lower(): value for name, value in Headers(scope=scope).items()},
        )
        return as_forwarded(proxy, asked, (scope.get("client") or [None])[0])

    def _turned_away(self, asked: Asked) -> Response | None:
        refused = refusal(self._endpoint, asked)
        if refused is None and asked.is_preflight and is_named(self._endpoint, asked):
            return Response(status_code=HTTPStatus.NO_CONTENT)  # it cannot carry the token
        if refused is None and not token_is_shown(self._endpoint, asked):
            refused = Problem(
                HTTPStatus.UNAUTHORIZED,
                "this library is not open to everybody; use the whole address that clipseek serve "
                "printed, with its token",
            )
        if refused is None and NO_TEXT in asked.path + unquote_plus(asked.query):
            refused = Problem(HTTPStatus.BAD_REQUEST, f"the address {NO_UTF8}")
        length = asked.headers.get("content-length", "0")
        is_number = length.isascii() and length.isdigit() and len(length) < 20
        if refused is None and (not is_number or int(length) > MAX_BYTES + FORM_BYTES):
            refused = problem_of(too_many_bytes())
        if refused is not None:
            answer = _answer(refused, asked.path, asked.headers.get("accept", ""), self._base)
            if refused.status == HTTPStatus.UNAUTHORIZED:
                answer.headers["www-authenticate"] = "Bearer"
            return answer
        is_page = asked.method in SAFE_METHODS and not asked.path.startswith("/api/")
        if self._endpoint.token is not None and is_page and token_in_query(asked.query):
            return self._cookie_for(asked)
        return None

    @property
    def _base(self) -> str:
        return self._endpoint.proxy.base

    def _cookie_for(self, asked: Asked) -> Response:
        """To the same address without the token, which a cookie carries from here on."""
        rest = without_token(asked.query)
        # One slash: a path that begins with two names another server.
        path = f"{self._base}/{quote(asked.path.lstrip('/'))}"
        response = RedirectResponse(f"{path}?{rest}" if rest else path, HTTPStatus.SEE_OTHER)
        response.set_cookie(
            self._endpoint.cookie,
            cookie_value(self._endpoint),
            max_age=COOKIE_SECONDS,
            path=self._base or "/",
            httponly=True,
            secure=asked.scheme == "https",
            samesite="lax",  # "strict" would lock out who follows a link to this page
        )
        return response


def _bounded(receive: Receive) -> Receive:
    """The body of a request, up to the limit, whatever its headers promised."""
    seen = 0

    async def bounded() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > MAX_BYTES + FORM_BYTES:
            raise too_many_bytes()
        return message

    return bounded


def _with_headers(send: Send, named: Mapping[str, str]) -> Send:
    async def sender(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in {**SECURITY_HEADERS, **named}.items():
                headers[name] = value
            headers.setdefault("cache-control", "no-cache")
        await send(message)

    return sender


def _answer(
    problem: Problem,
    path: str,
    accept: str,
    base: str,
    question: Question | None = None,
) -> Response:
    """A problem as a page for people, as problem details for programs."""
    if "text/html" in accept and not path.startswith("/api/"):
        return render_problem(problem, base, question)
    return JsonResponse(problem.record(), problem.status, media_type=MEDIA_TYPE)


def _answer_to(request: Request, problem: Problem) -> Response:
    """A problem, with the question that was asked where it comes as a page."""
    question, _ = read_what_can_be(request.query_params.multi_items())
    accept = request.headers.get("accept", "")
    return _answer(problem, request.scope["path"], accept, base_of(request), question)


async def _known(request: Request, error: Exception) -> Response:
    assert isinstance(error, ClipseekError)
    answer = _answer_to(request, problem_of(error))
    if isinstance(error, RangeRefusedError):
        answer.headers["content-range"] = f"bytes */{error.size}"
    return answer


async def _http(request: Request, error: Exception) -> Response:
    """What Starlette itself refuses: unknown paths, other methods, broken forms."""
    assert isinstance(error, HTTPException)
    said = f"{error.detail}: {request.method} {request.scope['path']}"
    answer = _answer_to(request, Problem(error.status_code, said))
    answer.headers.update(error.headers or {})
    return answer


async def _cut_off(_request: Request, _error: Exception) -> Response:
    """Nobody reads the answer to an upload that ended before its end."""
    return Response(status_code=HTTPStatus.BAD_REQUEST)


async def _unknown(request: Request, _error: Exception) -> Response:
    problem = Problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "an error of clipseek itself; its terminal shows where. Please report it",
    )
    return _answer_to(request, problem)
