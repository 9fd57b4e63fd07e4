"""Garbage, from a seed: every answer is one that is meant, and the terminal says nothing of it.

CLIPSEEK_FUZZ is how many requests each test sends; benchmarks/README.md has the whole command.
"""

from __future__ import annotations

import json
import logging
import os
import random
import re
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

import pytest
import uvicorn

from serving.access import Endpoint
from serving.app import make_app
from serving.connections.crowd import BoundedListener, Crowd
from serving.connections.limits import Limits
from serving.connections.timed import TimedProtocol
from serving.server import listen
from tests.conftest import Workbench
from tests.support.served import read_to_end

ENDS = ("%", "?", "#", "/%2e%2e/", "//", ";", "%00", "\\", "/../../x", "%ed%a0%80")
ODD_TARGETS = ("*", "http://evil.example/", "//evil.example/?token=x", "x", "evil:80")
REQUESTS = int(os.environ.get("CLIPSEEK_FUZZ", "300"))
AT_ONCE = 4
"""What is torn often waits for the server to lose patience."""
MEANT = {200, 206, 303, 400, 401, 403, 404, 405, 408, 409, 410, 413, 415, 416, 421, 431, 501}

PATHS = (
    "/", "/images/1", "/images/1/", "/pictures", "/static/main.js", "/static/", "/static", "/api",
    "/labels/x/review", "/labels/review", "/library", "/library/run", "/library/stop", "/api/index",
    "/api/search", "/api/searches", "/api/vectors", "/api/facets", "/api/images/1",
    "/api/images/1/file", "/api/images/1/thumbnail",
    "/api/images/999999999999999999999/file", "/api/describe", "/api/pictures", "/api/info",
    "/api/pictures/0123456789abcdef0123456789abcdef", "/api/health", "/api/openapi.json",
)  # fmt: skip
NAMES = (
    "q", "picture", "like", "unlike", "under", "after", "before", "camera", "orientation", "dated",
    "label", "k", "min_score", "by", "offset", "id", "size", "v", "token", "", "%00", "q%ff",
    "\u00ff",
)  # fmt: skip
VALUES = (
    "", "red", "1", "-1", "0", "1e400", "nan", "inf", "-0.0", "9" * 5000, "9" * 19, "2:1", "%",
    "%zz",
    "%00", "a%00b", "%ff%fe", "%ed%a0%80", "%ud800", "%F0%9F%98%80", "%0d%0aX:y", "+", "red+-+red",
    "-", "..%2f..%2fetc%2fpasswd", "file:///etc/passwd", "http://127.0.0.1/", "%3Cscript%3E",
    "2024",
    "0001-01-01", "9999-12-31", "10000-01-01", "2024-02-30", "%d9%a3", "%c2%b2", "landscape",
    "small",
    "0123456789abcdef0123456789abcdef", "a" * 1001, "%e2%80%ae", "/", "~", "*", "%25", "{}", "[]",
    "1000:red", "100000000000000000000:red", "'%3B--", "%7f", "%1b%5b2J",
)  # fmt: skip
METHODS = (
    "GET", "GET", "GET", "HEAD", "POST", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH",
    "PROPFIND", "FOO", "get", "M" * 300,
)  # fmt: skip
HEADERS = (
    ("accept", ("text/html", "*/*", "\u00ff", "text/html;q=x")),
    ("range", (
        "bytes=0-", "bytes=5-1", "bytes=-0", "bytes=99999999999-", "bytes=a", "x", "bytes=0-1,2-3",
    )),
    ("origin", ("http://localhost:3000", "null", "*", "")),
    ("access-control-request-method", ("GET", "DELETE", "")),
    ("if-range", ('"x"', "W/", "Thu, 99 Foo 9999")),
    ("cookie", ("a=b", "=;;=", '"', "clipseek-1=\u00ff", "a" * 4000)),
    ("authorization", ("Bearer", "Bearer \u00ff", "Basic x", "")),
    ("content-type", (
        "multipart/form-data; boundary=x", "multipart/form-data", "multipart/form-data; boundary=",
        "multipart/form-data; boundary=x; charset=unicode_escape", "application/json",
        "application/x-www-form-urlencoded", "multipart/form-data; boundary=x; charset=idna",
        "multipart/form-data; boundary=x; charset=rot13", "multipart/form-data; boundary=\u00ff",
    )),
    ("expect", ("100-continue", "200-ok")),
    ("connection", ("upgrade", "close", "keep-alive, x")),
    ("upgrade", ("websocket", "h2c")),
    ("sec-fetch-site", ("same-origin", "none", "\u00ff")),
    ("x-forwarded-host", ("evil.example", "[")),
    ("accept-encoding", ("gzip", "x" * 300)),
    ("x-odd", ("\t", "\u00ff" * 100, "a" * 9000, "a" * 90_000)),
)  # fmt: skip
BODIES = (
    b"", b"\0" * 100, b"--x\r\n", b"--x--\r\n", b"q=%ff&like=%00", b"{}", b"--x\r\n\r\n\r\n--x--",
    b'--x\r\ncontent-disposition: form-data; name="q"\r\n\r\n\\ud800 \\x00\r\n--x--\r\n',
    b'--x\r\ncontent-disposition: form-data; name="q"\r\n\r\n\xff\xfe\r\n--x--\r\n',
    b'--x\r\ncontent-disposition: form-data; name="image"; filename="\xff\0/../a"\r\n\r\nGIF89a'
    b"\r\n--x--\r\n",
    b'--x\r\ncontent-disposition: form-data; name="image"; filename="a"\r\n\r\n\x89PNG\r\n\x1a\n\0'
    b"\r\n--x--\r\n",
    b"--x\r\ncontent-disposition: form-data\r\n\r\nno name\r\n--x--\r\n",
    b"--x\r\n" + b"h: " + b"a" * 70_000,
    b'--x\r\ncontent-disposition: form-data; name="k"\r\n\r\n' + b"9" * 5000 + b"\r\n--x--\r\n",
)  # fmt: skip


@contextmanager
def _serving(bench: Workbench) -> Iterator[int]:
    """The application with the server's own protocol, on a thread; its port."""
    crowd = Crowd(Limits(head=0.3, body=0.3))
    with bench.open() as library, BoundedListener(listen("127.0.0.1", 0), crowd) as listener:
        port = listener.getsockname()[1]
        app = make_app(library, Endpoint("127.0.0.1", "127.0.0.1", port, None), bench.photos / "..")
        config = uvicorn.Config(
            app, http=cast(Any, partial(TimedProtocol, crowd=crowd)), ws="none", log_level="error"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield port
        finally:
            server.should_exit = True
            thread.join(60)


def _request(pick: random.Random, port: int) -> bytes:
    """A request that is nearly right."""
    method, path = pick.choice(METHODS), pick.choice(PATHS)
    pairs = [f"{pick.choice(NAMES)}={pick.choice(VALUES)}" for _ in range(pick.randrange(5))]
    target = path + ("?" + "&".join(pairs) if pairs else "")
    if pick.random() < 0.1:
        target += pick.choice(
            ("%", "?", "#", "/%2e%2e/", "//", ";", "%00", "\\", "/../../x", "%ed%a0%80")
        )
    if pick.random() < 0.03:
        target = pick.choice(
            ("*", "http://evil.example/", "//evil.example/?token=x", "x", "evil:80")
        )
    body = pick.choice(BODIES) if method in ("POST", "PUT", "PATCH") or pick.random() < 0.1 else b""
    lines = [f"{method} {target} HTTP/1.1"]
    if pick.random() < 0.97:
        lines.append(f"Host: 127.0.0.1:{port}")
    for name, values in pick.sample(HEADERS, pick.randrange(5)):
        lines.append(f"{name}: {pick.choice(values)}")
    if body and pick.random() < 0.2:
        lines.append("Transfer-Encoding: chunked")
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    elif body or pick.random() < 0.05:
        told = len(body) + pick.choice((0, 0, 0, 0, 0, 0, -1, 3))
        lines.append(f"Content-Length: {max(told, 0)}")
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1", "replace") + body


def _torn(pick: random.Random, port: int) -> bytes:
    """A request with some of its bytes changed, left out or doubled."""
    data = bytearray(_request(pick, port)[:3000])
    for _ in range(pick.randrange(1, 6)):
        at = pick.randrange(len(data))
        change = pick.choice(("change", "cut", "double"))
        if change == "change":
            data[at] = pick.randrange(256)
        elif change == "cut":
            del data[at : at + pick.randrange(1, 30)]
        else:
            data[at:at] = data[at : at + pick.randrange(1, 30)]
        if not data:
            break
    return bytes(data)


def _answer(port: int, sent: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        try:
            connection.sendall(sent)
            return read_to_end(connection)
        except ConnectionError:
            return b""


def _first(answer: bytes, is_head: bool) -> tuple[int, bytes, bytes]:
    """Status, head and body of the first answer: torn requests may be two."""
    head, _, body = answer.partition(b"\r\n\r\n")
    if head.startswith(b"HTTP/1.1 100"):
        head, _, body = body.partition(b"\r\n\r\n")
    told = re.search(rb"content-length: (\d+)", head)
    length = 0 if is_head or told is None else int(told[1])
    return int(head.split(b" ", 2)[1]), head, body[:length]


@pytest.mark.parametrize("make", [_request, _torn])
def test_garbage_is_answered_and_not_talked_of(
    colours: Workbench, caplog: pytest.LogCaptureFixture, make: Any
) -> None:
    seed = random.Random(make.__name__)
    told = 0
    with (
        caplog.at_level(logging.WARNING),
        _serving(colours) as port,
        ThreadPoolExecutor(AT_ONCE) as askers,
    ):
        requests = [make(seed, port) for _ in range(REQUESTS)]
        for sent, answer in zip(
            requests, askers.map(partial(_answer, port), requests), strict=True
        ):
            if not answer:
                continue  # it ended before its end, and so did the connection
            status, head, body = _first(answer, sent.startswith(b"HEAD"))
            assert status in MEANT, (status, sent[:2000], body[:500])
            is_html = b"text/html" in head
            if status >= 400 and body and not is_html:
                assert b"application/problem+json" in head, (sent[:2000], head)
                assert json.loads(body)["status"] == status, (sent, answer)
            assert b"Traceback" not in body
            told += 1
        ours = f"GET /api/health HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
        # Where the server is held up for longer than it gives a head, it says so and goes on.
        assert any(b'"status": "ok"' in _answer(port, ours.encode()) for _ in range(100))
    assert told > REQUESTS / 2
    said = [record.getMessage() for record in caplog.records if record.name != "clipseek"]
    assert said == []
