"""Connections that never end, that never begin and that never read, against the real server."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from PIL import Image

from serving.connections.limits import MOST_CONNECTIONS, Limits, connections_for
from tests.conftest import Workbench
from tests.support.served import Served, is_closed, read_to_end, served
from tests.support.serving import png

DEADLINE = 0.6

ENDLESS = {
    "nothing": b"",
    "half a line": b"GET / HT",
    "half a head": b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-",
    "half a body": b"POST /api/pictures HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
    b"Content-Length: 999\r\nContent-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n",
    "half a chunk": b"POST /api/search HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
    b"Content-Type: multipart/form-data; boundary=x\r\nTransfer-Encoding: chunked\r\n\r\n99\r\n--",
    "a body nobody reads": b"POST /nowhere HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
    b"Content-Length: 999\r\n\r\nx",
    "a refused body": b"POST /api/pictures HTTP/1.1\r\nHost: evil.example\r\n"
    b"Content-Length: 999\r\n\r\nx",
    "an answer, then half a head": b"GET /api/health HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\nGE",
}


@pytest.fixture
def large(bench: Workbench) -> Workbench:
    """A library with one picture of 12 MB."""
    pixels = os.urandom(2000 * 2000 * 3)
    Image.frombytes("RGB", (2000, 2000), pixels).save(bench.photos / "large.tif")
    bench.index()
    return bench


def test_what_never_ends_is_ended(colours: Workbench) -> None:
    with served(colours.library_path, deadline=DEADLINE) as server, ExitStack() as stack:
        waiting = {}
        for name, sent in [*ENDLESS.items()] * 7:
            connection = stack.enter_context(server.connect())
            connection.sendall(sent.replace(b"{port}", b"%d" % server.port))
            waiting[connection] = name
        left = [name for connection, name in waiting.items() if not is_closed(connection)]
        assert left == []
        assert server.status() == 200
        assert server.log.read_text("utf-8") == ""


def test_a_trickle_does_not_put_the_end_off(colours: Workbench) -> None:
    """A byte now and then, in a head and in a body, is no progress."""
    with served(colours.library_path, deadline=DEADLINE) as server:
        form = {"Content_Type": "multipart/form-data; boundary=x", "Content_Length": "99999"}
        for start in (b"GET / HTTP/1.1\r\nX: ", server.head("POST", "/api/pictures", **form)):
            with server.connect() as connection:
                connection.sendall(start)
                with pytest.raises(ConnectionError):
                    _trickle(connection)


def _trickle(connection: socket.socket) -> None:
    for _ in range(1_200):
        connection.sendall(b"y")
        time.sleep(0.05)


def test_who_is_late_is_told(colours: Workbench) -> None:
    with served(colours.library_path, deadline=DEADLINE) as server, server.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x")
        answer = read_to_end(connection)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"application/problem+json" in answer
    assert b"did not come in time" in answer


def test_a_slow_upload_that_moves_arrives(colours: Workbench) -> None:
    """Many deadlines long: what counts is that some of it came in each."""
    before = b'--x\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n'
    body = before + bytes(2**18) + b"\r\n--x--\r\n"
    with served(colours.library_path, deadline=DEADLINE) as server, server.connect() as connection:
        connection.sendall(
            server.head(
                "POST",
                "/api/pictures",
                Content_Length=str(len(body)),
                Content_Type="multipart/form-data; boundary=x",
                Connection="close",
            )
        )
        for at in range(0, len(body), 2**13):
            connection.sendall(body[at : at + 2**13])
            server.let_pass(DEADLINE / 8)
        answer = read_to_end(connection)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"in the field image, not in 'file'" in answer  # it was read to its end


def test_an_upload_that_moves_no_more_is_ended(colours: Workbench) -> None:
    with served(colours.library_path, deadline=DEADLINE) as server, server.connect() as connection:
        form = {"Content_Type": "multipart/form-data; boundary=x", "Content_Length": "99999"}
        connection.sendall(server.head("POST", "/api/pictures", **form) + b"--x\r\n")
        for _ in range(8):
            server.let_pass(DEADLINE / 2)
        assert read_to_end(connection).startswith(b"HTTP/1.1 408 ")


def test_an_upload_of_32_megabytes_in_small_pieces_arrives(colours: Workbench) -> None:
    before = b'--x\r\ncontent-disposition: form-data; name="image"; filename="a"\r\n\r\n'
    body = before + png("red") + bytes(31 * 2**20) + b"\r\n--x--\r\n"
    with served(colours.library_path, deadline=DEADLINE) as server, server.connect() as connection:
        connection.sendall(
            server.head(
                "POST",
                "/api/pictures",
                Content_Length=str(len(body)),
                Content_Type="multipart/form-data; boundary=x",
                Connection="close",
            )
        )
        for at in range(0, len(body), 2**18):
            connection.sendall(body[at : at + 2**18])
            server.let_pass(DEADLINE / 8)
        answer = read_to_end(connection)
    assert answer.startswith(b"HTTP/1.1 201 "), answer[:300]


def test_a_crowd_of_idle_connections_locks_nobody_out(colours: Workbench) -> None:
    """At the limit of open files that macOS has, and with deadlines that do not help."""
    with (
        served(colours.library_path, open_files=256) as server,
        ExitStack() as stack,
    ):
        crowd = [stack.enter_context(server.connect()) for _ in range(400)]
        for number, connection in enumerate(crowd):
            try:
                connection.sendall(b"GET / HT" if number % 2 else b"")
            except ConnectionError:
                continue
        assert [server.status() for _ in range(20)] == [200] * 20
        _wait_until(lambda: _processor_seconds_in(server, 1.0) < 0.5)  # the loop does not spin
        assert server.log.read_text("utf-8") == ""


def test_a_crowd_that_asks_keeps_no_file_open(large: Workbench) -> None:
    """As many clients as there may be connections, each with a file that it does not read."""
    with served(large.library_path, open_files=128) as server, ExitStack() as stack:
        for _ in range(connections_for(128)):
            connection = stack.enter_context(_narrow(server))
            connection.sendall(server.head("GET", "/api/images/1/file"))
        photo = large.photos / "large.tif"
        _wait_until(lambda: _times_open(server, photo) == connections_for(128))
        assert server.status() in (0, 503)
        stack.close()
        _wait_until(lambda: server.status() == 200)
        assert server.log.read_text("utf-8") == ""


def _wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def _times_open(server: Served, file: Path) -> int:
    opened = Path(f"/proc/{server.process.pid}/fd").iterdir()
    return sum(os.path.realpath(each) == str(file) for each in opened)


def _processor_seconds_in(server: Served, seconds: float) -> float:
    began = _processor_seconds(server)
    time.sleep(seconds)
    return _processor_seconds(server) - began


def _processor_seconds(server: Served) -> float:
    fields = Path(f"/proc/{server.process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _narrow(server: Served) -> socket.socket:
    """A connection that takes little before it is read."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(60)
    connection.connect(("127.0.0.1", server.port))
    return connection


def test_clients_that_do_not_read_cost_no_memory(large: Workbench) -> None:
    with served(large.library_path) as server, ExitStack() as stack:
        with server.connect() as first:
            first.sendall(server.head("GET", "/api/images/1/file", Connection="close"))
            assert len(read_to_end(first)) > 12_000_000
        before = server.memory()
        for _ in range(60):
            connection = stack.enter_context(_narrow(server))
            connection.sendall(server.head("GET", "/api/images/1/file"))
        time.sleep(1.5)
        assert server.memory() - before < 60 * 700_000  # 12 MB each where the file was held whole
        assert server.status() == 200


def test_who_does_not_read_is_not_waited_for(large: Workbench) -> None:
    with (
        served(large.library_path, deadline=DEADLINE) as server,
        _narrow(server) as silent,
        server.connect() as slow,
    ):
        for connection in (silent, slow):
            connection.sendall(server.head("GET", "/api/images/1/file", Connection="close"))
        got = 0
        while piece := slow.recv(2**16):
            got += len(piece)
            server.let_pass(DEADLINE / 24)
        assert got > 12_000_000
        assert len(read_to_end(silent)) < 2_000_000
        assert server.status() == 200


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 200_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: odd\r\n\r\n", 501),
    ],
)
def test_what_is_no_request_is_a_problem(odd: Served, sent: bytes, status: int) -> None:
    with odd.connect() as connection:
        connection.sendall(sent)
        answer = read_to_end(connection)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), answer
    assert b"application/problem+json" in head
    assert b'"status": %d' % status in body
    assert odd.log.read_text("utf-8") == ""


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    bench = Workbench(tmp_path_factory.mktemp("odd"))
    bench.paint("red.png", "red")
    bench.index()
    with served(bench.library_path) as server:
        yield server


def test_an_upload_that_is_broken_off_or_broken_says_nothing(odd: Served) -> None:
    """Nothing of a client is news to the terminal."""
    form = {"Content_Type": "multipart/form-data; boundary=x"}
    with odd.connect() as connection:
        connection.sendall(odd.head("POST", "/api/pictures", Content_Length="999", **form) + b"--x")
        time.sleep(0.2)
    for path in ("/api/pictures", "/api/nothing"):
        with odd.connect() as connection:
            connection.sendall(odd.head("POST", path, Transfer_Encoding="chunked", **form))
            time.sleep(0.1)
            connection.sendall(b"no chunk\r\n")
            assert is_closed(connection)
    with odd.connect() as connection:
        connection.sendall(odd.head("GET", "/", Upgrade="websocket", Connection="upgrade"))
        assert connection.recv(2**16).startswith(b"HTTP/1.1 200 ")
    assert odd.status() == 200
    assert odd.log.read_text("utf-8") == ""


def test_the_number_of_connections_leaves_files_for_the_rest() -> None:
    assert connections_for(256) == 96
    assert connections_for(1024) == 480
    assert connections_for(10**6) == MOST_CONNECTIONS
    assert connections_for(40) == 8
    assert Limits().look == 1.0
