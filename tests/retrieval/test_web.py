"""Pictures on the web: against servers that answer as they should, and as they should not."""

from __future__ import annotations

import io
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from PIL import Image

from searchengine.errors import QueryError
from searchengine.retrieval import web
from searchengine.retrieval.web import address_of, read_url
from tests.conftest import Run, Workbench

Answer = Callable[[socket.socket], None]


@contextmanager
def server(answer: bytes | Answer) -> Iterator[tuple[str, list[bytes]]]:
    """An address whose server gives `answer` to each request, and the first lines it was sent."""
    requests: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client:
                client.settimeout(60)
                try:
                    requests.append(client.recv(65536).split(b"\r\n")[0])
                    client.sendall(answer) if isinstance(answer, bytes) else answer(client)
                except OSError:
                    continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", requests
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def ok(body: bytes, *headers: str) -> bytes:
    return "\r\n".join(["HTTP/1.1 200 OK", *headers, "", ""]).encode("latin-1") + body


def redirect(location: str) -> bytes:
    return f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()


@pytest.mark.parametrize(
    ("typed", "asked"),
    [
        ("http://host/a b.jpg", "http://host/a%20b.jpg"),
        ("http://host/a%20b.jpg", "http://host/a%20b.jpg"),
        ("HTTP://Host:80/café.jpg?q=é b#top", "http://host:80/caf%C3%A9.jpg?q=%C3%A9%20b"),
        ("https://host/日本.jpg", "https://host/%E6%97%A5%E6%9C%AC.jpg"),
        ("http://bücher.example", "http://xn--bcher-kva.example/"),
        ("http://[::1]:8080/x", "http://[::1]:8080/x"),
        ("http://host/a\nb\tc.jpg", "http://host/abc.jpg"),
        ("http://host/a\0b", "http://host/a%00b"),
        ("http://host/\udcff.jpg", "http://host/%FF.jpg"),
        ("  http://host/x  ", "http://host/x"),
    ],
)
def test_addresses_as_browsers_ask_for_them(typed: str, asked: str) -> None:
    assert address_of(typed) == asked


@pytest.mark.parametrize(
    "typed",
    [
        "http://[::1/x.jpg",
        "http://host:abc/x.jpg",
        "http://host:99999/x.jpg",
        "http:///x.jpg",
        "http://",
        "http://user:secret@host/x.jpg",
        "http://a..b/x.jpg",
        "http://" + "x" * 70 + ".org/",
    ],
)
def test_what_is_no_address(typed: str) -> None:
    with pytest.raises(QueryError, match="cannot fetch http") as said:
        read_url(typed)
    assert "\n" not in str(said.value)
    assert not re.search("codec|integer value|Error", str(said.value))


def test_bytes_come_whole() -> None:
    body = bytes(range(256)) * 1000
    with server(ok(body, f"Content-Length: {len(body)}")) as (address, requests):
        assert read_url(f"{address}/a b/é.jpg?x=1 2") == body
    assert requests == [b"GET /a%20b/%C3%A9.jpg?x=1%202 HTTP/1.1"]
    with server(ok(body)) as (address, _):  # until the connection ends
        assert read_url(address) == body
    chunked = b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
    with server(ok(chunked, "Transfer-Encoding: chunked")) as (address, _):
        assert read_url(address) == b"hello world"
    with server(ok(b"hello world", "Content-Length: 5")) as (address, _):
        assert read_url(address) == b"hello"


MANY = ok(b"", *[f"X-{number}: x" for number in range(500)])

WRONG = {
    "ssh": (b"SSH-2.0-OpenSSH_9.6\r\n", "does not speak HTTP: SSH-2.0"),
    "nothing": (b"", "closed connection without response"),
    "many headers": (MANY, "more than 100 headers"),
    "long header": (ok(b"", "X: " + "x" * 100_000), "more than 65536 bytes"),
    "short": (ok(b"abc", "Content-Length: 10"), "broke off after 3 of 10 bytes"),
    "cut chunk": (ok(b"ff\r\nabc", "Transfer-Encoding: chunked"), "broke off"),
    "wrong chunk": (ok(b"zz\r\nabc\r\n", "Transfer-Encoding: chunked"), "broke off"),
    "promises too much": (ok(b"", f"Content-Length: {2**40}"), "larger than 64 MB"),
    "404": (b"HTTP/1.1 404 Not\x1b[31m here\r\nContent-Length: 0\r\n\r\n", "server answers 404"),
    "status": (b"HTTP/1.1 abc what\r\n\r\n", "does not speak HTTP"),
    "endless reason": (b"HTTP/1.1 500 " + b"x" * 60_000 + b"\r\n\r\n", r"answers 500 x+\.\.\.;"),
    "to ftp": (redirect("ftp://127.0.0.1/x.jpg"), "ftp: addresses are not fetched"),
    "to a file": (redirect("file:///etc/passwd"), "not allowed"),
    "to data": (redirect("data:image/png;base64,AAAA"), "not allowed"),
    "to a bad port": (redirect("http://127.0.0.1:abc/x"), "it is no address"),
    "in circles": (redirect("/again"), "infinite loop"),
    "to nowhere": (b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", "server answers 302"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_servers_do_wrong_is_one_line(name: str) -> None:
    answer, says = WRONG[name]
    with server(answer) as (address, _), pytest.raises(QueryError, match=says) as said:
        read_url(f"{address}/x.jpg")
    line = str(said.value)
    assert line.startswith(f"cannot fetch {address}/x.jpg: ")
    assert line.endswith("; download it and give the file")
    assert "\n" not in line
    assert len(line) < 400


def test_a_redirect_is_followed_and_encoded() -> None:
    with server(ok(b"there")) as (there, asked), server(redirect(f"{there}/a b")) as (here, _):
        assert read_url(here) == b"there"
    assert asked == [b"GET /a%20b HTTP/1.1"]


def test_a_limit_of_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "MAX_BYTES", 1_000_000)
    with server(ok(b"x" * 1_000_000)) as (address, _):
        assert len(read_url(address)) == 1_000_000
    with server(ok(b"x" * 1_000_001)) as (address, _), pytest.raises(QueryError, match="larger"):
        read_url(address)


def dribble(start: bytes, end: threading.Event) -> Answer:
    def answer(client: socket.socket) -> None:
        client.sendall(start)
        while not end.wait(0.02):
            client.sendall(b"x")

    return answer


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nX: ", ok(b"")])
def test_a_deadline_for_the_whole(start: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte comes in time, and the picture never."""
    monkeypatch.setattr(web, "DEADLINE_SECONDS", 0.3)
    end = threading.Event()
    with server(dribble(start, end)) as (address, _):
        with pytest.raises(QueryError, match=r"takes longer than 0\.3 s"):
            read_url(address)
        end.set()


def test_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "TIMEOUT_SECONDS", 0.2)
    end = threading.Event()

    def wait(_: socket.socket) -> None:
        end.wait(60)

    with server(wait) as (address, _):
        with pytest.raises(QueryError, match="timed out"):
            read_url(address)
        end.set()


def test_a_picture_on_the_web_is_searched_by(run: Run, colours: Workbench) -> None:
    blue = (colours.photos / "blue.png").read_bytes()
    with server(ok(blue)) as (address, _):
        done = run("search", f"{address}/my blue.png", "--paths")
    assert done.code == 0
    assert "blue.png" not in done.out, "a picture is not its own hit"
    other = io.BytesIO()
    Image.new("RGB", (9, 9), "blue").save(other, "PNG")
    with server(ok(other.getvalue())) as (address, _):
        assert run("search", address, "-fk1").out == f"{colours.photos / 'blue.png'}\n"
    loads = colours.loads
    with server(ok(b"no picture")) as (address, _):
        done = run("search", address)
        assert (done.code, done.err.count("\n")) == (1, 1)
    with server(WRONG["404"][0]) as (address, _):
        loads = colours.loads
        done = run("search", address)
    assert r"404 Not\x1b[31m here" in done.err
    assert colours.loads == loads, "no encoder is loaded for a picture that cannot be had"
