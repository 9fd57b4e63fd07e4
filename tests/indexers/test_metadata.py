"""What files say of themselves is found by index runs, follows them, and costs no encoding."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
from datetime import datetime
from pathlib import Path

import pytest
from PIL import Image

from indexers import pipeline
from indexers.sidecars import Sidecars
from searchengine import open_library
from searchengine.retrieval.query import By
from searchengine.types import Filter, Matched, SourcedText
from tests.catalog.test_older_libraries import HORSE, VERSIONS, AsStarter
from tests.conftest import Run, Watcher, Workbench
from tests.support.metadata import alternatives, bag, packet, picture
from tests.support.places import DATA

TITLED = packet(
    alternatives("dc:title", "Grandmother Ilse in Kragero") + bag("dc:subject", "Fulgencio"),
    'photoshop:DateCreated="2019-07-21T10:11:12"',
)


def said(bench: Workbench, path: Path) -> list[SourcedText]:
    with bench.open() as library:
        [image] = library.catalog.image_ids(str(path))
        return library.catalog.captions_of([image]).get(image, [])


def taken(bench: Workbench, path: Path) -> tuple[datetime | None, str | None]:
    with bench.open() as library:
        [image] = library.catalog.images(library.catalog.image_ids(str(path))).values()
        return image.facts.taken_at, image.facts.taken_from


def beside(path: Path, title: str, *, whole_name: bool = False) -> Path:
    """A sidecar that says this, of another time than any before."""
    sidecar = path.with_suffix(".XMP") if not whole_name else Path(f"{path}.xmp")
    sidecar.write_bytes(packet(alternatives("dc:title", title)))
    beside.time += 1  # type: ignore[attr-defined]
    os.utime(sidecar, (beside.time, beside.time))  # type: ignore[attr-defined]
    return sidecar


beside.time = 10**9  # type: ignore[attr-defined]


@pytest.fixture
def titled(bench: Workbench) -> Path:
    path = picture(bench.photos / "b.jpg", xmp=TITLED)
    for name in ("a.png", "c.png", "d.png"):
        bench.paint(name, "red")
    bench.index()
    return path


def test_a_title_and_a_keyword_bring_their_picture_first(bench: Workbench, titled: Path) -> None:
    assert said(bench, titled) == [
        SourcedText("Grandmother Ilse in Kragero", "xmp"),
        SourcedText("Fulgencio", "xmp keywords"),
    ]
    assert taken(bench, titled) == (datetime(2019, 7, 21, 10, 11, 12), "xmp")
    for query in ("kragero", "fulgencio", "Grandmother Ilse in Kragero"):
        assert bench.names(query)[0] == titled.name, query
    with bench.open() as library:
        hits = library.search("fulgencio", k=1, where=Filter(before=datetime(2020, 1, 1)))
        space = library.space().info
        assert hits[0].matched == Matched("caption", "Fulgencio", by_words=True)
        assert hits[0].record()["taken_from"] == "xmp"
        assert library.catalog.vector_counts(space)[1] == 1, "keywords are no sentence"


def test_a_title_that_is_a_name_costs_its_picture_nothing(bench: Workbench) -> None:
    path = picture(
        bench.photos / "b.jpg", xmp=TITLED.replace(b"Grandmother Ilse in Kragero", b"Ilse")
    )
    bench.paint("a.png", "red")
    bench.index()
    assert said(bench, path)[0] == SourcedText("Ilse", "xmp")
    with bench.open() as library:
        assert library.catalog.vector_counts(library.space().info)[1] == 0
        assert library.search("ilse")[0].matched == Matched("caption", "Ilse", by_words=True)


def test_a_changed_sidecar_is_noticed_and_nothing_encoded(bench: Workbench, titled: Path) -> None:
    sidecar = beside(titled, "Zermatt")
    bench.paint("e.png", "blue")
    assert bench.index().unchanged == 4
    assert said(bench, titled)[-1] == SourcedText("Zermatt", "sidecar")
    with bench.open() as library:
        assert library.catalog.captions_without_vector(library.space().info, 9) == []
    for title, name in (("Lugano", False), ("Locarno", True)):
        beside(titled, title, whole_name=name)
        assert bench.index().unchanged == 5
        assert bench.names(title, by=By.WORDS) == [titled.name]
        assert bench.names("zermatt", by=By.WORDS) == []
    assert bench.names("fulgencio")[0] == titled.name
    Path(f"{titled}.xmp").unlink()
    sidecar.unlink()
    bench.index()
    assert bench.names("locarno", by=By.WORDS) == []
    assert [text.source for text in said(bench, titled)] == ["xmp", "xmp keywords"]
    assert bench.watcher.total == 0, "a picture was read for a sidecar"


def test_a_sidecar_costs_a_stat_and_others_nothing(
    bench: Workbench, titled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside(titled, "Zermatt")
    looked: list[str] = []
    stat = os.stat

    def watched(path: str) -> os.stat_result:
        looked.append(os.path.basename(path))
        return stat(path)

    monkeypatch.setattr(os, "stat", watched)
    look = Sidecars()
    for name in sorted(os.listdir(bench.photos)):
        look(str(bench.photos / name))
    assert looked.count("b.XMP") <= 2
    assert set(looked) == {"b.XMP"}


def test_texts_follow_a_moved_file_and_its_copy(bench: Workbench, titled: Path) -> None:
    beside(titled, "Zermatt")
    bench.index()
    moved = titled.rename(bench.photos / "IMG_20180203.jpg")
    shutil.copyfile(moved, bench.photos / "copy.jpg")
    report = bench.index()
    assert (report.indexed, report.moved + report.copies) == (0, 2)
    assert [text.source for text in said(bench, moved)] == ["xmp", "xmp keywords"]
    assert said(bench, moved) == said(bench, bench.photos / "copy.jpg")
    assert taken(bench, moved)[1] == "xmp"


def test_the_date_of_a_name_stands_where_nothing_else_says_one(bench: Workbench) -> None:
    plain = bench.paint("IMG_20190721_101112.png", "red")
    camera = picture(bench.photos / "IMG_20190722.jpg", exif={306: "2015:01:02 03:04:05"})
    bench.index()
    assert taken(bench, plain) == (datetime(2019, 7, 21, 10, 11, 12), "name")
    assert taken(bench, camera) == (datetime(2015, 1, 2, 3, 4, 5), "exif")
    renamed = plain.rename(bench.photos / "plain.png")
    bench.index()
    assert taken(bench, renamed) == (None, None)


def test_a_source_is_listed_and_removed(bench: Workbench, titled: Path, run: Run) -> None:
    beside(titled, "\x9b31mZermatt")
    bench.index()
    done = run("captions", "list", "--json")
    assert done.out == '{"sidecar": 1, "xmp": 1, "xmp keywords": 1}\n'
    assert "31mZermatt" in run("captions", "list", "--source", "sidecar").out
    done = run("captions", "remove", "--source", "xmp")
    assert (done.code, done.err) == (0, "2 captions of xmp removed\n")
    assert [text.source for text in said(bench, titled)] == ["sidecar"]
    assert bench.names("fulgencio", by=By.WORDS) == []
    bench.index()
    assert [text.source for text in said(bench, titled)] == ["sidecar"], "it stays away"
    done = run("captions", "remove", "--source", "xmp")
    assert (done.code, done.out) == (1, "")
    assert "no caption is from 'xmp'; there are those of sidecar" in done.err


@pytest.mark.parametrize("version", [VERSIONS[0], VERSIONS[-1]])
def test_an_older_library_gains_what_its_files_say(
    version: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One of its images is made to lie where a file is."""
    library_path = Path(shutil.copytree(DATA / f"library-schema-{version}", tmp_path / "library"))
    photo = tmp_path / "photos" / "20180203.png"
    photo.parent.mkdir()
    Image.new("RGB", (40, 30), "brown").save(photo)
    beside(photo, "Fulgencio at grandmother Ilse in Kragero")
    status = photo.stat()
    catalog = sqlite3.connect(library_path / "catalog.sqlite")
    catalog.execute(
        "UPDATE images SET path = ?, size = ?, mtime_ns = ? WHERE path = ?",
        (str(photo), status.st_size, status.st_mtime_ns, HORSE),
    )
    if version >= 3:
        catalog.execute("UPDATE images SET ctime_ns = NULL")
    catalog.commit()
    catalog.close()
    with open_library(library_path) as library:
        encoder = AsStarter(library.space().info.fingerprint)
        report = pipeline.index(
            library, [photo.parent], encoder="starter", load=lambda: encoder, observer=Watcher()
        )
        assert (report.unchanged, report.indexed) == (1, 0)
        [hit] = library.search("Fulgencio", k=1)
        assert hit.path == photo
        assert hit.image.facts.taken_at == datetime(2018, 2, 3)
        said_once = [record for record in caplog.records if "descriptions" in record.message]
        assert len(said_once) == 1
        caplog.clear()
        pipeline.index(
            library, [photo.parent], encoder="starter", load=lambda: encoder, observer=Watcher()
        )
        assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
