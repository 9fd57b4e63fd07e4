"""Text in pictures is read and found; models of servers are asked once, and only where allowed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from searchengine.errors import InputError
from searchengine.readers import server
from searchengine.readers.cleaned import cleaned
from searchengine.readers.interface import PictureRefusedError, ReaderError
from searchengine.readers.server import VisionServer, is_loopback
from searchengine.retrieval.query import By
from tests.conftest import Run, Workbench
from tests.support.vision import Vision, reply, vision


@pytest.fixture
def shown() -> Iterator[Vision]:
    with vision() as made:
        yield made


def asked(shown: Vision, **how: object) -> VisionServer:
    return VisionServer(shown.url, "moondream", **how)  # type: ignore[arg-type]


PICTURE = Image.new("RGB", (3_000, 1_000), "red")


def test_a_picture_is_sent_small_and_its_answer_cleaned(shown: Vision) -> None:
    shown.answer = lambda _: (200, reply(" a \x1b[31mred\u202e\n wall "))
    assert asked(shown, question="What?").read(PICTURE) == ["a [31mred wall"]
    [body] = shown.asked
    assert (body["path"], body["model"]) == ("/v1/chat/completions", "moondream")
    assert body["messages"][0]["content"][0] == {"type": "text", "text": "What?"}
    assert shown.pictures[0].size == (768, 256)
    assert len(cleaned("word " * 10_000)) <= 5_000
    shown.answer = lambda _: (200, reply(None))
    assert asked(shown).read(PICTURE) == []


@pytest.mark.parametrize(
    ("status", "data", "error", "said"),
    [
        (400, b"too many\x1b pixels", PictureRefusedError, "400: too many pixels"),
        (500, b"", PictureRefusedError, "500"),
        (401, b"no key", ReaderError, "401: no key"),
        (404, b"no such model", ReaderError, "404: no such model"),
        (302, b"", ReaderError, "302"),
        (200, b"{}", PictureRefusedError, "none of this protocol"),
        (200, b"[" * 100_000, PictureRefusedError, "none of this protocol"),
        (200, b" " * 1_000_001, PictureRefusedError, "over 1,000,000 bytes"),
    ],
)
def test_an_answer_that_is_none_is_told_and_not_asked_for_again(
    shown: Vision, status: int, data: bytes, error: type[Exception], said: str
) -> None:
    shown.answer = lambda _: (status, data)
    with pytest.raises(error, match=said):
        asked(shown).read(PICTURE)
    assert len(shown.asked) == 1


def test_a_server_that_hangs_or_is_not_there(
    shown: Vision, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    release = threading.Event()

    def hang(_: Image.Image) -> tuple[int, bytes]:
        release.wait(60)
        return 200, reply("late")

    shown.answer = hang
    monkeypatch.setattr(server, "SECONDS", 0.2)
    try:
        with pytest.raises(PictureRefusedError, match=r"no answer within 0\.2 seconds"):
            asked(shown).read(PICTURE)
    finally:
        release.set()
    with pytest.raises(ReaderError, match=r"cannot be asked: .*refused"):
        VisionServer("http://127.0.0.1:9/v1", "m").read(PICTURE)


def test_pictures_stay_on_this_machine_unless_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert all(is_loopback(host) for host in ("localhost", "127.0.0.1", "127.8.8.8", "::1"))
    for host in (
        "example.org",
        "192.168.1.5",
        "localhost.example.org",
        "0.0.0.0",
        "127.0.0.1.nip.io",
    ):
        assert not is_loopback(host), host
        with pytest.raises(InputError, match="add --allow-remote"):
            VisionServer(f"http://{host}/v1", "m")
        assert not VisionServer(f"http://{host}/v1", "m", allow_remote=True).is_local
    for url in ("127.0.0.1:80", "file:///etc/passwd", "ftp://127.0.0.1/", ""):
        with pytest.raises(InputError, match="no address of a server"):
            VisionServer(url, "m")


def test_a_proxy_of_the_environment_sees_no_picture_for_this_machine(
    shown: Vision, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    assert asked(shown).read(PICTURE) == ["a picture of 768 pixels"]


def captioned(run: Run, shown: Vision, *more: object) -> tuple[int, str, str]:
    done = run("caption", "--server", shown.url, "--model", "moondream", *more)
    return done.code, done.out, done.err


def test_captions_are_made_once_kept_with_the_model_and_found(
    colours: Workbench, run: Run, shown: Vision
) -> None:
    shown.answer = lambda _: (200, reply("Fulgencio on a boat"))
    code, out, _ = captioned(run, shown, "--limit", 2)
    assert (code, out) == (
        0,
        "6 images: 2 read, 0 without text, 0 failed, 0 before, 4 left\n",
    )
    code, out, _ = captioned(run, shown)
    assert out == "6 images: 4 read, 0 without text, 0 failed, 2 before, 0 left\n"
    assert len(shown.asked) == 6
    captioned(run, shown)
    assert len(shown.asked) == 6, "asked again for what is known"
    assert json.loads(run("captions", "list", "--json").out) == {"model moondream": 6}
    with colours.open() as library:
        assert library.catalog.captions_without_vector(library.space().info, 9) == []
    assert len(colours.names("fulgencio", by=By.WORDS)) == 6
    colours.paint("red.png", "orange", (50, 40))
    colours.index()
    assert len(colours.names("fulgencio", by=By.WORDS)) == 5, "of a picture that is another now"
    captioned(run, shown)
    assert len(shown.asked) == 7
    photo = colours.photos / "blue.png"
    done = run("describe", photo)
    assert (done.code, done.out) == (1, ""), "a guess is nobody's word"
    assert "no captions but those of models" in done.err
    assert "Fulgencio" in run("describe", photo, "--source", "model moondream").out
    assert run("captions", "remove", "--source", "model moondream").code == 0
    assert captioned(run, shown)[1].startswith("6 images: 6 read")


def test_refused_pictures_are_kept_as_failed_and_five_in_a_row_end_the_run(
    colours: Workbench, run: Run, shown: Vision
) -> None:
    shown.answer = lambda _: (500, b"out of memory")
    code, _, err = captioned(run, shown)
    assert code == 1
    assert "5 pictures in a row were refused, the last with: the server answers 500" in err
    assert len(shown.asked) == 5
    shown.answer = lambda _: (200, reply("fine"))
    assert captioned(run, shown)[1].startswith("6 images: 1 read, 0 without text, 0 failed, 5 bef")
    assert captioned(run, shown, "--retry-failed")[1].startswith("6 images: 5 read")
    (colours.photos / "blue.png").unlink()
    run("captions", "remove", "--source", "model moondream")
    code, out, err = captioned(run, shown, colours.photos / "blue.png", colours.photos / "red.png")
    assert out.startswith("2 images: 1 read")
    assert "1 file gone or changed since the last index run" in err


def test_a_question_is_answered_and_kept_only_where_asked(
    colours: Workbench, run: Run, shown: Vision
) -> None:
    shown.answer = lambda _: (200, reply("a wall"))
    photo = colours.photos / "red.png"
    done = run("ask", photo, "What is it?", "--server", shown.url, "--model", "moondream")
    assert (done.code, done.out, done.err) == (0, "a wall\n", "")
    assert shown.asked[0]["messages"][0]["content"][0]["text"] == "What is it?"
    assert run("captions", "list", "--json").out == "{}\n"
    how = ("--server", shown.url, "--model", "moondream")
    done = run("ask", photo, colours.photos / "blue.png", "What?", *how, "--store")
    assert done.out == f"{photo}: a wall\n{colours.photos / 'blue.png'}: a wall\n"
    assert json.loads(run("captions", "list", "--json").out) == {"model moondream": 2}
    done = run("ask", photo, "What?", "--server", "http://192.0.2.1/v1", "--model", "m")
    assert (done.code, "add --allow-remote" in done.err) == (1, True)


@pytest.fixture
def screenshot(bench: Workbench) -> Path:
    pytest.importorskip("rapidocr", reason="the extra ocr is not installed")
    picture = Image.new("RGB", (480, 140), "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(size=26)
    draw.text((20, 20), "Invoice for Fulgencio", fill="black", font=font)
    draw.text((20, 80), "Total 1234 EUR, Zermatt", fill="black", font=font)
    path = bench.photos / "scan.png"
    picture.save(path)
    for name in ("a.png", "b.png", "c.png"):
        bench.paint(name, "red")
    bench.index()
    return path


def test_a_word_on_a_screenshot_brings_it_first(
    bench: Workbench, run: Run, screenshot: Path
) -> None:
    done = run("read")
    assert done.out == "4 images: 1 read, 3 without text, 0 failed, 0 before, 0 left\n"
    for word in ("fulgencio", "zermatt", '"invoice for fulgencio"'):
        assert bench.names(word)[0] == screenshot.name, word
    with bench.open() as library:
        [hit] = library.search("zermatt", k=1)
        assert hit.matched is not None
        said = "Invoice for Fulgencio Total 1234 EUR, Zermatt"
        assert (hit.matched.kind, hit.matched.text) == ("text", said)
        assert library.catalog.vector_counts(library.space().info)[1] == 0, "words, no sentence"
    assert run("read").out.endswith("0 read, 0 without text, 0 failed, 4 before, 0 left\n")
    assert run("captions", "remove", "--source", "ocr").code == 0
    assert bench.names("zermatt", by=By.WORDS) == []
