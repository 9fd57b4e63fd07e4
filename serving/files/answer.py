"""A file over HTTP: in pieces, whole or a part of it (RFC 9110), under its own name (RFC 6266)."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate, parsedate_to_datetime
from http import HTTPStatus
from urllib.parse import quote

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from searchengine.types import ImageRecord
from serving.files.listed import PIECE
from serving.problems import FileChangedError, RangeRefusedError

ReadPiece = Callable[[int, int], Awaitable[bytes]]
"""Up to so many bytes from a place on. Raises FileChangedError."""

_RANGE = re.compile(r"bytes\s*=\s*([0-9]{0,19})\s*-\s*([0-9]{0,19})", re.IGNORECASE)
"""One range. Several are answered with the whole file, as are ranges in other units."""

_SAFE = "!#$&+^`|"
"""What a name may hold unescaped beside letters, digits and "_.-~"."""

log = logging.getLogger("clipseek")


@dataclass(frozen=True, slots=True)
class Part:
    """The bytes from `start` up to `end`, which is not in it."""

    start: int
    end: int


def asked_part(headers: Mapping[str, str], size: int, tag: str, modified: str) -> Part | None:
    """The part of a file of `size` bytes that a request asks for; None means all of it.

    `tag` and `modified` are its ETag and Last-Modified: a part of what is no longer there is not
    asked for. Raises RangeRefusedError for one that begins behind the end.

    >>> asked_part({"range": "bytes=-3"}, 10, "", "")
    Part(start=7, end=10)
    """
    match = _RANGE.fullmatch(headers.get("range", "").strip())
    if match is None or headers.get("if-range", tag) not in (tag, modified):
        return None
    first, last = match.groups()
    if first:
        start, end = int(first), min(int(last) + 1 if last else size, size)
        if last and int(last) < int(first):
            return None
    elif last:
        start, end = max(size - int(last), 0), size
    else:
        return None
    if start >= end:
        raise RangeRefusedError(size)
    return Part(start, end)


def is_known(headers: Mapping[str, str], tag: str, modified: str = "") -> bool:
    """Whether who asks has the answer already, as the conditions of the request say (section 13).

    `tag` and `modified` are its ETag and Last-Modified.

    >>> is_known({"if-none-match": 'W/"a", "b"'}, '"a"'), is_known({}, '"a"')
    (True, False)
    """
    if (known := headers.get("if-none-match")) is not None:
        tags = [each.strip().removeprefix("W/") for each in known.split(",")]
        return tag in tags or known.strip() == "*"
    try:
        since = parsedate_to_datetime(headers.get("if-modified-since", ""))
        return parsedate_to_datetime(modified) <= since
    except (TypeError, ValueError):  # none, or no date
        return False


def file_headers(record: ImageRecord) -> dict[str, str]:
    """What is said of a listed image's file whatever part of it is sent."""
    name = quote(record.path.name, safe=_SAFE, encoding="utf-8", errors="replace")
    return {
        "accept-ranges": "bytes",
        "etag": f'"{record.content_hash.hex()}"',
        "last-modified": formatdate(max(record.file.mtime_ns, 0) // 10**9, usegmt=True),
        "content-disposition": f"inline; filename*=UTF-8''{name}",
    }


class FileAnswer(Response):
    """A file that is read as fast as the client takes it, and no faster.

    `close` is awaited at the end, however it comes. A file that changes meanwhile is not sent to
    its end: the client sees that bytes are missing.
    """

    def __init__(
        self,
        read: ReadPiece,
        close: Callable[[], Awaitable[None]],
        *,
        size: int,
        part: Part | None,
        headers: Mapping[str, str],
        media_type: str,
    ) -> None:
        super().__init__(
            status_code=HTTPStatus.OK if part is None else HTTPStatus.PARTIAL_CONTENT,
            headers=headers,
            media_type=media_type,
        )
        self._read, self._close = read, close
        self._part = part or Part(0, size)
        self.headers["content-length"] = str(self._part.end - self._part.start)
        if part is not None:
            self.headers["content-range"] = f"bytes {part.start}-{part.end - 1}/{size}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, as ASGI asks, until the client has it or is gone."""
        tasks = [asyncio.ensure_future(_gone(receive))]
        try:
            tasks.append(asyncio.ensure_future(self._send(scope["method"], send)))
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except FileChangedError as error:
            log.warning("not sent to its end: %s", error)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._close()

    async def _send(self, method: str, send: Send) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        at, end = self._part.start, self._part.end
        while at < end and method != "HEAD":
            piece = await self._read(at, min(PIECE, end - at))
            at += len(piece)
            await send({"type": "http.response.body", "body": piece, "more_body": at < end})
        if at == self._part.start:
            await send({"type": "http.response.body", "body": b""})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
