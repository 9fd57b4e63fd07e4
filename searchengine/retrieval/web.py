"""Pictures on the web: the bytes behind an http(s) address, within limits, or one reason."""

from __future__ import annotations

import http.client
import queue
import threading
import time
import urllib.error
import urllib.request
from typing import IO
from urllib.parse import quote, urlsplit, urlunsplit

from searchengine.errors import QueryError

MAX_BYTES = 64 * 2**20
"""A picture larger than this on the web is not fetched."""

TIMEOUT_SECONDS = 15
"""How long a server may say nothing."""

DEADLINE_SECONDS = 60
"""How long the whole may take, from the name of the server to the last byte."""

_CHUNK = 2**16
_LONGEST_REASON = 200
"""Characters of what a server says: it may be long."""

_KEPT = "%!$&'()*+,;=:@/~-._"
"""What stays as it is in a path. A % begins what is encoded already, as browsers take it."""


def read_url(url: str) -> bytes:
    """The bytes behind an http(s) address. Raises QueryError with the reason, in one line."""
    answers: queue.SimpleQueue[bytes | QueryError] = queue.SimpleQueue()
    until = time.monotonic() + DEADLINE_SECONDS

    def fetch() -> None:
        try:
            answers.put(_fetch(address_of(url), until))
        except QueryError as error:
            answers.put(QueryError(f"cannot fetch {url}: {error}; download it and give the file"))

    # A server that dribbles holds whoever reads, in the head of its answer too: not us.
    threading.Thread(target=fetch, name="fetch", daemon=True).start()
    try:
        answer = answers.get(timeout=DEADLINE_SECONDS)
    except queue.Empty:
        answer = QueryError(
            f"cannot fetch {url}: it takes longer than {DEADLINE_SECONDS} s; download it and give "
            "the file"
        )
    if isinstance(answer, QueryError):
        raise answer
    return answer


def address_of(url: str) -> str:
    """The address as it is asked for: what browsers encode is encoded, the fragment left away.

    Raises QueryError for what is no http(s) address.
    """
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
        if parts.scheme.lower() not in ("http", "https"):
            raise QueryError(f"{parts.scheme or 'this'}: addresses are not fetched")
        if not host:
            raise QueryError("it names no server")
        if parts.username is not None:
            raise QueryError("addresses with a name or password are not fetched")
        name = f"[{host}]" if ":" in host else host.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise QueryError("it is no address: no server can be named so") from error
    except ValueError as error:
        said = "its port is no number below 65,536" if "ort" in str(error) else str(error)
        raise QueryError(f"it is no address: {said}") from error
    place = name if port is None else f"{name}:{port}"
    path = quote(parts.path or "/", safe=_KEPT, errors="surrogateescape")
    asked = quote(parts.query, safe=_KEPT + "?", errors="surrogateescape")
    return urlunsplit((parts.scheme.lower(), place, path, asked, ""))


class _Redirects(urllib.request.HTTPRedirectHandler):
    """To http(s) alone: urllib goes on to ftp too."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """The request for where an answer leads. Raises QueryError where that is not fetched."""
        return super().redirect_request(req, fp, code, msg, headers, address_of(newurl))


def _opener() -> urllib.request.OpenerDirector:
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Redirects(),
    ):
        opener.add_handler(handler)
    return opener


def _fetch(address: str, until: float) -> bytes:
    request = urllib.request.Request(address, headers={"User-Agent": "clipseek"})
    try:
        with _opener().open(request, timeout=TIMEOUT_SECONDS) as answer:
            return _body(answer, until)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise QueryError(_reason(error)) from error


def _body(answer: http.client.HTTPResponse, until: float) -> bytes:
    promised = answer.length
    if (promised or 0) > MAX_BYTES:
        raise QueryError(_too_large())
    data = bytearray()
    while chunk := answer.read1(_CHUNK):
        data += chunk
        if len(data) > MAX_BYTES:
            raise QueryError(_too_large())
        if time.monotonic() > until:
            raise QueryError(f"it takes longer than {DEADLINE_SECONDS} s")
    if promised is not None and len(data) < promised:
        raise QueryError(f"the answer broke off after {len(data):,} of {promised:,} bytes")
    return bytes(data)


def _too_large() -> str:
    return f"it is larger than {MAX_BYTES // 2**20} MB"


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        said = f"the server answers {error.code} {error.reason}"
        error.close()
    elif isinstance(error, urllib.error.URLError):
        said = str(getattr(error.reason, "strerror", None) or error.reason)
    elif isinstance(error, http.client.BadStatusLine):
        said = f"what answers does not speak HTTP: {error}"
    elif isinstance(error, http.client.IncompleteRead):
        said = f"the answer broke off after {len(error.partial):,} bytes"
    else:
        said = str(error) or type(error).__name__
    said = " ".join(said.split())
    return said if len(said) <= _LONGEST_REASON else said[:_LONGEST_REASON] + "..."
