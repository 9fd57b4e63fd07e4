"""Parts of the web by themselves: addresses of questions, the encoding thread, the cache."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import cast
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from searchengine.catalog.catalog import Catalog
from searchengine.catalog.facets import children, common_folder
from searchengine.encoders.interface import Encoder
from searchengine.errors import InputError, MissingExtraError
from searchengine.retrieval.query import By, Mark
from searchengine.spaces.space import Space
from searchengine.types import Filter, Orientation, SpaceInfo, Vectors
from serving import server
from serving.access import Endpoint
from serving.connections.proxy import Proxy
from serving.encoding import EncoderQueue
from serving.pages.facts import bytes_said
from serving.pages.view import shape_of
from serving.question import Question, read_question
from serving.thumbnails import Side, ThumbnailCache
from tests.conftest import Run, Workbench
from tests.support.fake import FakeEncoder

WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40).map(
    str.strip
)
MARKS = st.lists(
    st.builds(Mark, st.integers(0, 10**9), st.sampled_from([1.0, 2.0, 0.5])),
    max_size=4,
    unique_by=lambda mark: mark.id,
).map(tuple)
DATES = st.none() | st.datetimes(datetime(1000, 1, 1)).map(lambda d: d.replace(microsecond=0))
QUESTIONS = st.builds(
    Question,
    text=WORDS,
    picture=st.none() | st.text("0123456789abcdef", min_size=32, max_size=32),
    like=MARKS,
    unlike=MARKS,
    where=st.builds(
        Filter,
        under=st.none() | st.just(Path("/photos/a b&c")),
        after=DATES,
        before=DATES,
        camera=st.none() | WORDS.filter(bool),
        orientation=st.none() | st.sampled_from(Orientation),
        dated=st.none() | st.booleans(),
        label=st.none() | WORDS.filter(bool),
    ),
    min_score=st.none() | st.sampled_from([0.25, -1.0]),
    by=st.sampled_from(By),
)


@given(QUESTIONS)
def test_an_address_holds_the_whole_question(question: Question) -> None:
    address = urlsplit(question.url())
    assert read_question(parse_qsl(address.query)) == question


def test_other_parameters_and_empty_ones_are_skipped() -> None:
    assert read_question([("offset", "3"), ("q", " "), ("camera", ""), ("x", "y")]) == Question()


SPACE = Space(
    SpaceInfo(1, "fake", "fake", 8, "float32", "fake"),
    Path("none/spaces/fake"),
    cast(Catalog, None),
)
"""Of the fake encoder; nothing here reads what is in it."""


class Given:
    """Encoders as `Library` has them, made by two functions."""

    def __init__(
        self,
        for_texts: Callable[[], FakeEncoder],
        for_pictures: Callable[[], FakeEncoder] | None = None,
    ) -> None:
        self._for_texts = for_texts
        self._for_pictures = for_pictures or for_texts

    def whole(self, _space: Space) -> FakeEncoder:
        return self._for_pictures()

    def for_rows(self, _space: Space) -> FakeEncoder:
        return self._for_pictures()

    def for_texts(self, _space: Space) -> FakeEncoder:
        return self._for_texts()

    def use(self, encoder: Encoder, spaces: Iterable[Space]) -> None:
        raise NotImplementedError


class SlowEncoder(FakeEncoder):
    """Waits until it may go on, and remembers what it was asked at a time."""

    def __init__(self) -> None:
        self.may_go = threading.Event()
        self.asked: list[list[str]] = []
        self.threads: set[int] = set()

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        self.asked.append(list(texts))
        self.threads.add(threading.get_ident())
        assert self.may_go.wait(60)
        return super().encode_texts(texts)


def test_texts_that_wait_are_encoded_together_on_one_thread() -> None:
    encoder = SlowEncoder()
    queue = EncoderQueue(Given(lambda: encoder))
    texts = ["red", *(f"blue {number % 50}" for number in range(100))]

    async def ask() -> list[Vectors]:
        asked = [asyncio.create_task(queue.texts(SPACE, [text])) for text in texts]
        await asyncio.sleep(0)  # each has asked
        encoder.may_go.set()
        return await asyncio.gather(*asked)

    answers = asyncio.run(ask())
    assert encoder.asked[0] == ["red"] or "red" in encoder.asked[0]
    assert len(encoder.asked) <= 5  # of 101 queries: the first, and what waited in batches of 32
    assert len(encoder.threads) == 1
    for text, answer in zip(texts, answers, strict=True):
        assert (answer == FakeEncoder().encode_texts([text])).all()
    before = len(encoder.asked)
    asyncio.run(queue.texts(SPACE, ["blue 1", "blue 2"]))
    assert len(encoder.asked) == before  # known by now
    queue.close()


def test_who_goes_away_is_not_waited_for() -> None:
    encoder = SlowEncoder()
    queue = EncoderQueue(Given(lambda: encoder))

    async def ask() -> Vectors:
        first = asyncio.create_task(queue.texts(SPACE, ["red"]))
        while not encoder.asked:
            await asyncio.sleep(0.01)
        gone = asyncio.create_task(queue.texts(SPACE, ["green"]))
        last = asyncio.create_task(queue.texts(SPACE, ["blue"]))
        await asyncio.sleep(0)  # both have asked
        gone.cancel()
        await asyncio.sleep(0)
        encoder.may_go.set()
        await first
        return await last

    assert (asyncio.run(ask()) == FakeEncoder().encode_texts(["blue"])).all()
    assert encoder.asked == [["red"], ["blue"]]
    queue.close()


def test_an_error_of_the_encoder_reaches_everybody_who_waits() -> None:
    def fail() -> FakeEncoder:
        raise MissingExtraError("no encoder today", "web")

    queue = EncoderQueue(Given(fail))

    async def ask() -> list[object]:
        return await asyncio.gather(
            *(queue.texts(SPACE, [t]) for t in "abc"), return_exceptions=True
        )

    assert [str(error)[:8] for error in asyncio.run(ask())] == ["no encod"] * 3
    assert "no encoder today" in queue.state
    queue.close()


def test_the_encoder_of_pictures_is_loaded_for_the_first_picture() -> None:
    loaded: list[str] = []

    def load(what: str) -> FakeEncoder:
        loaded.append(what)
        return FakeEncoder()

    queue = EncoderQueue(Given(lambda: load("texts"), lambda: load("pictures")))
    queue.warm(SPACE)
    asyncio.run(queue.texts(SPACE, ["red"]))
    assert set(loaded) == {"texts"}
    asyncio.run(queue.picture(SPACE, Image.new("RGB", (8, 8), "red")))
    assert loaded[-1] == "pictures"
    queue.close()


def test_the_cache_gives_back_what_was_put_in(tmp_path: Path) -> None:
    cache = ThumbnailCache(tmp_path / "cache")
    assert cache.get(b"\1" * 32, Side.SMALL) is None
    cache.put(b"\1" * 32, Side.SMALL, b"small")
    cache.put(b"\1" * 32, Side.LARGE, b"large")
    assert cache.get(b"\1" * 32, Side.SMALL) == b"small"
    assert cache.get(b"\1" * 32, Side.LARGE) == b"large"
    assert ThumbnailCache(tmp_path / "cache").get(b"\1" * 32, Side.SMALL) == b"small"


def test_the_cache_keeps_its_limit_and_what_was_used_last(tmp_path: Path) -> None:
    cache = ThumbnailCache(tmp_path, limit=1_000)
    names = [bytes([number]) * 32 for number in range(30)]
    for number, name in enumerate(names):
        cache.put(name, Side.SMALL, b"x" * 100)
        for path in tmp_path.glob(f"*/{name.hex()}-*"):
            os.utime(path, ns=(number, number))
        cache.get(names[0], Side.SMALL)  # looked at again and again
        assert sum(path.stat().st_size for path in tmp_path.glob("*/*")) <= 1_000
    assert cache.get(names[0], Side.SMALL) is not None
    assert cache.get(names[1], Side.SMALL) is None
    assert cache.get(names[-1], Side.SMALL) is not None


def test_a_cache_that_cannot_be_written_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = ThumbnailCache(tmp_path / "file" / "cache")
    with caplog.at_level(logging.WARNING, "clipseek"):
        cache.put(b"\1" * 32, Side.SMALL, b"small")
        cache.put(b"\2" * 32, Side.SMALL, b"small")
    assert [record.getMessage() for record in caplog.records] == [
        f"thumbnails are not kept: {tmp_path / 'file' / 'cache'}: not a directory"
    ]


def test_shapes_and_sizes() -> None:
    assert [shape_of(*size) for size in ((3, 2), (1, 9), (9, 1), (1, 0))] == [
        "r15",
        "r6",
        "r25",
        "r10",
    ]
    said = {
        0: "1 KB",
        812: "1 KB",
        45_300: "45 KB",
        999_499: "999 KB",
        999_500: "1.0 MB",
        3_210_000: "3.2 MB",
        999_949_999: "999.9 MB",
        999_950_000: "1.0 GB",
        2_340_000_000: "2.3 GB",
        5_000_000_000_000_000: "5,000.0 TB",
    }
    assert {size: bytes_said(size) for size in said} == said


def test_every_shape_has_a_class_in_the_style_sheet() -> None:
    style = (Path(server.__file__).parent / "pages" / "static" / "style.css").read_text("utf-8")
    shapes = {shape_of(width, 100) for width in range(10, 500)}
    assert all(f".{shape} {{ --ratio: " in style for shape in shapes)


def test_folders_are_counted_below_the_one_that_is_open() -> None:
    counts = [("/p/a/", 2), ("/p/a/x/", 3), ("/p/ab/", 4), ("/p/", 5), ("/q/", 6)]
    assert children(counts, Path("/p")) == [(Path("/p/a"), 5), (Path("/p/ab"), 4)]
    assert children(counts, Path("/")) == [(Path("/p"), 14), (Path("/q"), 6)]
    assert common_folder([folder for folder, _ in counts]) == Path("/")
    assert common_folder(["/p/a/", "/p/ab/"]) == Path("/p")
    assert common_folder([]) is None


def test_the_address_that_is_printed() -> None:
    for endpoint, address in (
        (Endpoint("127.0.0.1", "127.0.0.1", 80, None), "http://127.0.0.1:80/"),
        (Endpoint("::1", "::1", 8765, None), "http://[::1]:8765/"),
        (Endpoint("0.0.0.0", "desk", 8765, "secret"), "http://desk:8765/?token=secret"),
    ):
        assert server.address_of(endpoint) == address


def test_a_token_of_ones_own_must_be_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLIPSEEK_TOKEN", "short")
    with pytest.raises(InputError, match="5 characters; use 16 or more"):
        server.choose_token("0.0.0.0")
    assert server.choose_token("127.0.0.1") is None
    monkeypatch.setenv("CLIPSEEK_TOKEN", "x" * 16)
    assert server.choose_token("0.0.0.0") == "x" * 16


def test_the_command_makes_one_call_and_opens_the_page(
    colours: Workbench, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    proxies: list[Proxy] = []
    opened: list[str] = []

    def serve(
        library: Path | None,
        *,
        host: str,
        port: int,
        proxy: Proxy,
        listening: Callable[[str], None],
        **_: object,
    ) -> None:
        asked.extend((library, host, port))
        proxies.append(proxy)
        listening("http://127.0.0.1:99/")

    monkeypatch.setattr(server, "serve", serve)
    monkeypatch.setattr("webbrowser.open", opened.append)
    done = run("serve", "--library", "lib", "--port", "99")
    assert (done.code, done.out, opened) == (0, "http://127.0.0.1:99/\n", [])
    assert asked == ["lib", "127.0.0.1", 99]  # a path or a URL, as it was typed
    run("serve", "--open")
    assert opened == ["http://127.0.0.1:99/"]
    behind = ("--allow-host", "Photos.example.org", "--base-path", "/photos/")
    done = run("serve", *behind, "--trust-proxy", "loopback")
    assert "Whoever reaches it as Photos.example.org sees the library" in done.err
    assert proxies[:2] == [Proxy(), Proxy()]
    assert (proxies[2].hosts, proxies[2].base) == (("photos.example.org",), "/photos")
    assert [str(network) for network in proxies[2].trusted] == ["127.0.0.0/8", "::1/128"]


def test_answers_are_not_held_back() -> None:
    """Nagle's algorithm and delayed acknowledgements together cost 40 ms an answer."""
    with (
        server.listen("127.0.0.1", 0) as listener,
        socket.create_connection(listener.getsockname()),
        listener.accept()[0] as connection,
    ):
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_port_that_is_taken_is_an_error_in_one_line(colours: Workbench, run: Run) -> None:
    with server.listen("127.0.0.1", 0) as taken:
        done = run("serve", "--port", taken.getsockname()[1])
    assert done.code == 1
    assert done.err.startswith("clipseek: cannot listen on 127.0.0.1:")
    assert "choose another --port" in done.err


def test_without_the_extra_the_command_says_what_to_install(
    colours: Workbench, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "uvicorn", None)
    done = run("serve")
    assert done.code == 1
    assert "pip install 'clipseek[web]'" in done.err


def test_a_library_that_is_not_there_is_an_error(bench: Workbench, run: Run) -> None:
    done = run("serve", "--library", bench.library_path / "nowhere")
    assert done.code == 1
    assert "no library at" in done.err


def test_what_is_not_changed_stays_in_the_address() -> None:
    question = Question(text="a b", like=(Mark(3), Mark(4, 2.5)), where=Filter(camera="X"))
    assert question.url() == "/?q=a+b&like=3&like=2.5%3A4&camera=X"
    assert replace(question, text="").url("/images/7", offset=60) == (
        "/images/7?like=3&like=2.5%3A4&camera=X&offset=60"
    )
    assert Question().url() == "/"
