"""The page of hits, parsed as a browser would and looked at with Pillow."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from PIL import Image

import serving.pages
from cli.output import ReaderGone
from cli.pages import gallery
from cli.pages.gallery import THUMBNAIL_SIDE, write_gallery
from cli.pages.page import NoThumbnail, write_page
from searchengine.errors import InputError
from searchengine.images.thumbnails import Thumbnail
from searchengine.retrieval.hits import SearchHit
from searchengine.types import FileState, ImageFacts, ImageRecord
from tests.support.pages import Element, parse, thumbnail
from tests.support.places import ROOT

RED, GREEN, BLUE = (200, 0, 0), (0, 200, 0), (0, 0, 200)
NASTY = "<b onload='x'>&amp; \"q\" \N{RIGHT-TO-LEFT OVERRIDE}evil \n " + "long" * 40 + ".png"
PALETTE = Path(serving.pages.__file__).parent / "static" / "palette.css"
TAKEN, MODIFIED = datetime(2021, 3, 4, 5, 6), datetime(2024, 12, 31, 23, 59)


def hit_of(
    rank: int, path: Path, size: tuple[int, int] = (400, 300), **changes: float
) -> SearchHit:
    taken = TAKEN if rank % 2 else None
    score = changes.get("score", 0.5 - rank / 1000)
    file = FileState(str(path), 1234, int(MODIFIED.timestamp() * 1e9))
    facts = ImageFacts(*size, "JPEG", taken_at=taken)
    return SearchHit(rank, score, ImageRecord(rank, file, b"", facts))


def picture(path: Path, size: tuple[int, int], colour: tuple[int, int, int] = RED) -> Path:
    Image.new("RGB", size, colour).save(path)
    return path


def page_of(path: Path, query: str, hits: list[SearchHit]) -> Element:
    write_gallery(path, query, hits)
    return parse(path)


def test_tiles_follow_the_hits_and_carry_their_facts(tmp_path: Path) -> None:
    hits = [
        hit_of(3, picture(tmp_path / "c.jpg", (900, 600), BLUE), (900, 600)),
        hit_of(4, picture(tmp_path / "a b.png", (300, 700), GREEN), (300, 700), score=-0.0456),
        hit_of(5, picture(tmp_path / "z_1.webp", (40, 30)), (40, 30)),
    ]
    page = page_of(tmp_path / "hits.html", "a red car", hits)
    assert page.one("h1").text == "a red car"
    assert page.one("title").text == "a red car – clipseek"  # noqa: RUF001
    assert page.one("header").one("p").text == "3 hits"
    assert [" ".join(tile.text.split()) for tile in page.all("li")] == [
        "3 c.jpg 0.497 2021-03-04 900 × 600",  # noqa: RUF001
        "4 a b.png -0.046 2024-12-31 300 × 700",  # noqa: RUF001
        "5 z_1.webp 0.495 2021-03-04 40 × 30",  # noqa: RUF001
    ]
    assert [link.attributes["href"] for link in page.all("a")] == [h.path.as_uri() for h in hits]
    assert [image.attributes["alt"] for image in page.all("img")] == [h.path.name for h in hits]
    pictures = [thumbnail(image) for image in page.all("img")]
    assert [each.size for each in pictures] == [(360, 240), (154, 360), (40, 30)]
    for each, colour in zip(pictures, (BLUE, GREEN, RED), strict=True):
        assert each.getpixel((9, 9)) == pytest.approx(colour, abs=4)


def test_thumbnails_are_upright_and_say_nothing_of_the_place(tmp_path: Path) -> None:
    stored = Image.new("RGB", (800, 400), RED)
    stored.paste(BLUE, (0, 0, 400, 400))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise to see it upright: the left half comes to the top
    exif[0x010F] = "Secret Camera"
    stored.save(tmp_path / "turned.jpg", exif=exif)
    page = page_of(tmp_path / "hits.html", "x", [hit_of(1, tmp_path / "turned.jpg", (400, 800))])
    shown = thumbnail(page.one("img"))
    assert shown.size == (THUMBNAIL_SIDE // 2, THUMBNAIL_SIDE)
    assert shown.getpixel((90, 60)) == pytest.approx(BLUE, abs=9)
    assert shown.getpixel((90, 300)) == pytest.approx(RED, abs=9)
    assert not shown.getexif()
    assert page.one("li").attributes["style"] == "--ratio:0.5600"  # 1:2 is shown in a wider tile


def test_page_needs_nothing_else_and_allows_nothing_else(tmp_path: Path) -> None:
    page = page_of(tmp_path / "hits.html", "x", [hit_of(1, picture(tmp_path / "a.jpg", (30, 40)))])
    text = (tmp_path / "hits.html").read_text("utf-8")
    assert not re.search(r"https?:|url\(|@import|<script|<link|<iframe| on\w+=", text)
    policy = next(meta for meta in page.all("meta") if "http-equiv" in meta.attributes)
    assert policy.attributes["http-equiv"] == "Content-Security-Policy"
    assert policy.attributes["content"].split("; ")[:2] == ["default-src 'none'", "img-src data:"]
    assert page.one("html").attributes["lang"] == "en"
    assert "$" not in text
    assert PALETTE.read_text("utf-8").strip() in text


def test_a_page_needs_neither_the_server_nor_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from cli.pages import gallery, report\n"
        "gallery.write_gallery(Path(sys.argv[1]), 'x', []); print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "hits.html")],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert (tmp_path / "hits.html").exists()
    assert not {"starlette", "uvicorn", "multipart", "torch", "faiss"} & set(done.stdout.split())


def test_pictures_are_written_as_they_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hits = [hit_of(rank, picture(tmp_path / f"{rank}.png", (30, 20))) for rank in range(1, 6)]
    made: list[int] = []
    plain = gallery._tile

    def noted(hit: SearchHit, shown: Thumbnail | NoThumbnail) -> gallery.Tile:
        made.append(hit.rank)
        return plain(hit, shown)

    monkeypatch.setattr(gallery, "_tile", noted)
    lines = gallery._page("x", hits)
    seen = [list(made) for line in lines if "<img" in line]
    assert seen == [[1], [1, 2], [1, 2, 3], [1, 2, 3, 4], [1, 2, 3, 4, 5]]


def test_query_and_names_are_text_whatever_they_hold(tmp_path: Path) -> None:
    query = "</title><script>alert(1)</script>\n&lt; $count \"'"
    path = tmp_path / (NASTY if os.name == "posix" else "it's & so.png")
    page = page_of(tmp_path / "hits.html", query, [hit_of(1, picture(path, (30, 20)))])
    shown = query.replace("\n", " ")
    assert page.one("h1").text == shown
    assert page.one("title").text == f"{shown} – clipseek"  # noqa: RUF001
    assert page.one("bdi").text == path.name
    assert page.one("img").attributes["alt"] == path.name
    assert page.one("a").attributes == {"href": path.as_uri(), "title": str(path)}
    assert not page.all("script")
    assert not page.all("b")[0].attributes


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes on Linux only")
def test_name_that_is_not_utf8_still_links_to_its_file(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png"))
    page = page_of(tmp_path / "hits.html", "x", [hit_of(1, picture(path, (30, 20)))])
    assert page.one("bdi").text == "caf?.png"
    assert page.one("a").attributes["href"].endswith("/caf%E9.png")


def test_files_that_cannot_be_shown_get_a_tile_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff not a picture")
    (tmp_path / "folder.jpg").mkdir()
    names = ("gone.jpg", "broken.jpg", "folder.jpg", "a.jpg")
    picture(tmp_path / "a.jpg", (30, 20))
    hits = [hit_of(rank, tmp_path / name, (0, 0)) for rank, name in enumerate(names, start=1)]
    tiles = page_of(tmp_path / "hits.html", "x", hits).all("li")
    said = [tile.all("b")[0].text for tile in tiles[:3]]
    assert said == ["File is gone", "Cannot be read", "Cannot be opened"]
    assert [len(tile.all("img")) for tile in tiles] == [0, 0, 0, 1]
    assert [len(tile.all("a")) for tile in tiles] == [0, 1, 0, 1]  # no link to what is not there
    assert "gone.jpg" in tiles[0].text


def test_no_hits_is_a_page_that_says_what_to_try(tmp_path: Path) -> None:
    page = page_of(tmp_path / "hits.html", "a lion on the moon", [])
    assert page.one("header").one("p").text == "No hits"
    assert "--min-score" in page.one("main").text
    assert not page.all("ol")
    assert not page.all("img")


def test_one_hit_is_not_plural(tmp_path: Path) -> None:
    page = page_of(tmp_path / "hits.html", "x", [hit_of(1, tmp_path / "gone.jpg")])
    assert page.one("header").one("p").text == "1 hit"


def test_a_page_that_fails_leaves_the_old_one_and_no_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "hits.html"
    page.write_text("old")

    def full(*_: object) -> Image.Image:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("cli.pages.gallery._tile", full)
        with pytest.raises(InputError, match=r"hits\.html: No space left on device; choose"):
            write_gallery(page, "x", [hit_of(1, tmp_path / "gone.jpg")])
    assert page.read_text() == "old"
    write_gallery(page, "x", [])
    assert [entry.name for entry in tmp_path.iterdir()] == ["hits.html"]
    assert "No hits" in page.read_text("utf-8")


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "no" / "hits.html"
    with pytest.raises(InputError, match=r"cannot write the page .*hits\.html: No such file"):
        write_gallery(missing, "x", [])
    with pytest.raises(InputError, match="cannot write the page"):
        write_gallery(tmp_path, "x", [])


def test_a_pipe_that_nobody_reads_is_no_fault(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)

    def lines() -> Iterator[str]:
        os.close(reader)
        yield from ["x" * 1_000_000] * 2

    with pytest.raises(ReaderGone):
        write_page(pipe, lines(), "x.html")


def test_a_photo_is_never_overwritten(tmp_path: Path) -> None:
    photo = picture(tmp_path / "photo.JPG", (30, 20))
    before = photo.read_bytes()
    with pytest.raises(InputError, match="does not replace an image"):
        write_gallery(photo, "x", [])
    assert photo.read_bytes() == before


@pytest.mark.skipif(os.name != "posix", reason="links and device files are POSIX")
def test_links_and_devices_stay_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "real.html").write_text("old")
    link = tmp_path / "link.html"
    link.symlink_to("real.html")
    write_gallery(link, "x", [])
    assert link.is_symlink()
    assert "No hits" in (tmp_path / "real.html").read_text("utf-8")
    write_gallery(Path(os.devnull), "x", [])
    assert Path(os.devnull).is_char_device()
