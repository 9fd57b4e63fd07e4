"""The web application: routes, the guard before them, and errors as answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from searchengine.errors import ClipseekError
from searchengine.library.library import Library
from serving import api
from serving.access import SECURITY_HEADERS, Endpoint, refusal, token_in_query, token_is_shown
from serving.pages import routes as pages
from serving.pages.rendering import render_problem
from serving.pictures import MAX_BYTES, too_many_bytes
from serving.problems import MEDIA_TYPE, Problem, problem_of
from serving.replies import JsonResponse
from serving.service import LibraryService
from serving.thumbnails import ThumbnailCache

FORM_BYTES = 2**20
"""What a form may hold around and beside its pictures."""

COOKIE_SECONDS = 365 * 24 * 3600


def make_app(library: Library, endpoint: Endpoint, cache: Path) -> Starlette:
    """The application over an open library; `cache` is the directory for thumbnails."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        service = LibraryService(library, ThumbnailCache(cache))
        app.state.service = service
        service.warm()
        try:
            yield
        finally:
            service.close()

    return Starlette(
        routes=[
            *pages.ROUTES,
            *api.ROUTES,
            Mount("/static", StaticFiles(directory=Path(__file__).parent / "pages" / "static")),
        ],
        middleware=[Middleware(Guard, endpoint=endpoint)],
        exception_handlers={ClipseekError: _known, HTTPException: _http, 500: _unknown},
        lifespan=lifespan,
    )


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
        answer = self._turned_away(scope)
        sender = _with_headers(send)
        if answer is not None:
            await answer(scope, receive, sender)
        else:
            await self._app(scope, _bounded(receive), sender)

    def _turned_away(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        plain = {name.lower(): value for name, value in headers.items()}
        path, query = scope["path"], scope["query_string"].decode("latin-1")
        refused = refusal(self._endpoint, scope["method"], path, plain)
        if refused is None and not token_is_shown(self._endpoint, path, query, plain):
            refused = Problem(
                HTTPStatus.UNAUTHORIZED,
                "this library is not open to everybody; use the whole address that clipseek serve "
                "printed, with its token",
            )
        length = plain.get("content-length", "0")
        if refused is None and (not length.isdigit() or int(length) > MAX_BYTES + FORM_BYTES):
            refused = problem_of(too_many_bytes())
        if refused is not None:
            return _answer(refused, path, plain.get("accept", ""))
        if self._endpoint.token is not None and token_in_query(query):
            return self._cookie_for(path, query)
        return None

    def _cookie_for(self, path: str, query: str) -> Response:
        """To the same address without the token, which a cookie carries from here on."""
        rest = urlencode([pair for pair in parse_qsl(query) if pair[0] != "token"])
        response = RedirectResponse(f"{path}?{rest}" if rest else path, HTTPStatus.SEE_OTHER)
        response.set_cookie(
            self._endpoint.cookie,
            self._endpoint.token or "",
            max_age=COOKIE_SECONDS,
            httponly=True,
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


def _with_headers(send: Send) -> Send:
    async def sender(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers[name] = value
            headers.setdefault("cache-control", "no-cache")
        await send(message)

    return sender


def _answer(problem: Problem, path: str, accept: str) -> Response:
    """A problem as a page for people, as problem details for programs."""
    if "text/html" in accept and not path.startswith("/api/"):
        return render_problem(problem)
    return JsonResponse(problem.record(), problem.status, media_type=MEDIA_TYPE)


async def _known(request: Request, error: Exception) -> Response:
    assert isinstance(error, ClipseekError)
    return _answer(problem_of(error), request.url.path, request.headers.get("accept", ""))


async def _http(request: Request, error: Exception) -> Response:
    """What Starlette itself refuses: unknown paths, other methods, broken forms."""
    assert isinstance(error, HTTPException)
    problem = Problem(error.status_code, f"{error.detail}: {request.method} {request.url.path}")
    answer = _answer(problem, request.url.path, request.headers.get("accept", ""))
    answer.headers.update(error.headers or {})
    return answer


async def _unknown(request: Request, _error: Exception) -> Response:
    problem = Problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "an error of clipseek itself; its terminal shows where. Please report it",
    )
    return _answer(problem, request.url.path, request.headers.get("accept", ""))
