"""uvicorn's HTTP protocol with deadlines, and with problem details for what is no HTTP.

uvicorn waits for a request that has begun for ever, and for whoever does not read an answer.
"""

from __future__ import annotations

import asyncio
import json
import sys
from enum import Enum
from http import HTTPStatus
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from serving.access import SECURITY_HEADERS
from serving.connections.crowd import Crowd
from serving.problems import MEDIA_TYPE, Problem

NO_HTTP = "this is no HTTP request; open the address that clipseek serve printed"
TOO_LARGE = "the address and headers of the request are too large; send less"


class Stage(Enum):
    """What a connection is waiting for."""

    HEAD = "the head of a request"
    BODY = "the rest of an upload"
    ANSWER = "the server's work"
    TAKEN = "a client that takes what is sent"


class TimedProtocol(H11Protocol):
    """One connection of the server."""

    def __init__(self, *given: Any, crowd: Crowd, **named: Any) -> None:  # noqa: ANN401 - uvicorn's
        """As uvicorn makes it, in a crowd."""
        super().__init__(*given, **named)
        self._crowd = crowd
        self._received = 0
        self._waiting_for: tuple[Stage, object] = (Stage.HEAD, None)
        """With the request that it belongs to, as each may take its time."""
        self._since = self.loop.time()
        self._mark = 0
        self._is_over = False
        """Whether the last answer is written: what comes now is read only to be thrown away, as a
        connection that is closed before takes the answer with it."""

    # as asyncio asks

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The connection is open."""
        super().connection_made(transport)
        self._crowd.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._crowd.discard(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Some bytes of a request came."""
        self._received += len(data)
        if not self._is_over:
            super().data_received(data)

    # as uvicorn asks

    def on_response_complete(self) -> None:
        """An answer is written, to the network or to what is kept for it."""
        self._crowd.answered(self)
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Say what is wrong with bytes that are no request."""
        status = getattr(sys.exception(), "error_status_hint", HTTPStatus.BAD_REQUEST)
        is_large = status == HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        self._close_with(Problem(status, TOO_LARGE if is_large else NO_HTTP))

    # as the crowd asks

    @property
    def is_idle(self) -> bool:
        """Whether no request is under way."""
        return self._has_no_request and not self.transport.is_closing()

    def is_overdue(self, now: float) -> bool:
        """Whether what it waits for should have come by now."""
        stage, limits = self._stage(), self._crowd.limits
        if (stage, self.cycle) != self._waiting_for:
            self._begin_to_wait(stage, now)
        waited = now - self._since
        if stage is Stage.HEAD:
            return waited > limits.head
        if stage is Stage.BODY:
            if self.flow.read_paused or self._received - self._mark >= limits.body_bytes:
                self._begin_to_wait(stage, now)
            return waited > limits.body
        if stage is Stage.TAKEN:
            if self.transport.get_write_buffer_size() != self._mark:
                self._begin_to_wait(stage, now)
                return False
            return waited > limits.answer
        return False

    def end(self) -> None:
        """Close it: a client that has begun to ask is told why."""
        has_begun = self._stage() is Stage.BODY or bool(self.conn.trailing_data[0])
        if self._is_over or self._stage() is Stage.TAKEN or not has_begun:
            self.drop()
        else:
            what = "the request did not come in time; send it again"
            self._close_with(Problem(HTTPStatus.REQUEST_TIMEOUT, what))

    def drop(self) -> None:
        """Close it at once."""
        self.transport.abort()

    @property
    def _has_no_request(self) -> bool:
        return self._is_over or self.cycle is None or self.cycle.response_complete

    def _stage(self) -> Stage:
        if self.transport.get_write_buffer_size():
            return Stage.TAKEN
        if self._has_no_request:
            return Stage.HEAD
        return Stage.BODY if self.cycle.more_body else Stage.ANSWER

    def _begin_to_wait(self, stage: Stage, now: float) -> None:
        self._waiting_for, self._since = (stage, self.cycle), now
        taken = stage is Stage.TAKEN
        self._mark = self.transport.get_write_buffer_size() if taken else self._received

    def _close_with(self, problem: Problem) -> None:
        """The last answer of this connection, where one can still be given."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True  # the application's own answer comes too late
            self.cycle.message_event.set()
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.close()
        else:
            body = json.dumps(problem.record()).encode("ascii")
            told = {
                **SECURITY_HEADERS,
                "content-type": MEDIA_TYPE,
                "content-length": str(len(body)),
                "connection": "close",
            }
            headers = [(name.encode(), value.encode()) for name, value in told.items()]
            has_no_body = (
                self.conn.our_state is h11.SEND_RESPONSE and self.scope["method"] == "HEAD"
            )
            for event in (
                h11.Response(
                    status_code=problem.status, headers=headers, reason=problem.title.encode()
                ),
                h11.Data(data=b"" if has_no_body else body),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event))
            self.transport.write_eof()
            self._is_over = True
