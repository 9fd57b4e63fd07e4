"""Libraries that somebody else made: input, and never a program of one's own."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from searchengine import open_library
from searchengine.encoders import hub
from searchengine.errors import EncoderNotHereError, LibraryDamagedError
from searchengine.library.library import Library
from searchengine.types import Filter
from tests.conftest import Workbench


def _change(path: Path, *statements: str, values: tuple[object, ...] = ()) -> None:
    catalog = sqlite3.connect(path / "catalog.sqlite", isolation_level=None)
    catalog.execute("PRAGMA foreign_keys = OFF")
    for statement in statements:
        catalog.execute(statement, values if "?" in statement else ())
    catalog.close()


VALUES: list[tuple[str, object]] = [
    ("spaces.dim", -256),
    ("spaces.dim", 0),
    ("spaces.dim", "eight"),
    ("spaces.dim", 2**40),
    ("spaces.encoder", b"fake"),
    ("spaces.precision", b"float32"),
    ("spaces.fingerprint", b"\xff"),
    ("images.path", b"/p/red.png"),
    ("images.path", "/p/re\0d.png"),
    ("images.size", "large"),
    ("images.size", -1),
    ("images.mtime_ns", 1.5),
    ("images.content_hash", "text"),
    ("images.width", "wide"),
    ("images.width", 0),
    ("images.height", b"\x01"),
    ("images.format", b"JPEG"),
    ("images.taken_at", "evil"),
    ("images.taken_at", 20200101),
    ("images.camera", b"Canon"),
    ("images.latitude", "north"),
    ("images.longitude", float("inf")),
    ("failures.reason", b"odd"),
    ("failures.failed_at", "yesterday"),
    ("captions.text", b"a red car"),
]


@pytest.mark.parametrize(("column", "value"), VALUES)
def test_a_value_of_another_kind_is_one_line_that_names_the_column(
    colours: Workbench, column: str, value: object
) -> None:
    (colours.photos / "broken.jpg").write_text("no picture")
    colours.index()
    with colours.open() as library:
        library.add_captions([(str(colours.photos / "red.png"), "a red car")])
    table, name = column.split(".")
    _change(colours.library_path, f"UPDATE {table} SET {name} = ? WHERE rowid = 1", values=(value,))

    def ask(library: Library) -> None:
        library.search("red")
        library.search("red", where=Filter(under=Path("/")))
        library.catalog.facets(library.space().info, Filter())
        library.catalog.images(library.catalog.newest(library.space().info, Filter()))
        library.catalog.known("fake", [str(path) for path in colours.photos.iterdir()])
        library.catalog.same_content(library.space().info, b"")
        library.failures()
        library.describe(colours.photos / "red.png")

    with colours.open() as library, pytest.raises(LibraryDamagedError, match=f"{column} holds"):
        ask(library)


@pytest.mark.parametrize("table", ["embeddings", "caption_embeddings"])
@pytest.mark.parametrize("row", ["'x'", "x'ff'", "-5", "9223372036854775807"])
def test_row_numbers_that_are_none_are_one_line(colours: Workbench, table: str, row: str) -> None:
    with colours.open() as library:
        library.add_captions([(str(colours.photos / "red.png"), "a red car")])
    _change(colours.library_path, f"UPDATE {table} SET row = {row} WHERE row = 0")

    def ask(library: Library) -> None:
        library.search("red", where=Filter(under=Path("/")))
        library.describe(colours.photos / "red.png")

    with colours.open() as library, pytest.raises(LibraryDamagedError, match=r"row holds|rows, "):
        ask(library)


@pytest.mark.parametrize("name", ["exclude", "roots", "mounts", "links"])
@pytest.mark.parametrize("value", ["", "x", "null", "5", '["a", 5]', '{"a": 5}', "[" * 100_000])
def test_a_setting_of_another_kind_is_one_line_that_names_it(
    colours: Workbench, name: str, value: str
) -> None:
    _change(
        colours.library_path,
        "INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)",
        values=(name, value),
    )
    with pytest.raises(LibraryDamagedError, match=f"the setting '{name}' holds"):
        colours.index()
    with colours.open() as library:
        assert len(library.search("red")) == 6
        assert [f"the setting '{name}' holds" in fault.why for fault in library.check().faults] == [
            True
        ]


def test_an_image_with_an_id_that_no_catalog_gives(colours: Workbench) -> None:
    _change(colours.library_path, "UPDATE images SET id = 0 WHERE id = 3")
    with colours.open() as library:
        assert any("not there" in fault.why for fault in library.check().faults)
    assert colours.index().unchanged == 5
    with colours.open() as library, pytest.raises(LibraryDamagedError, match="row 2 is of an im"):
        library.search("red")


def test_a_row_of_an_image_that_is_not_listed(colours: Workbench) -> None:
    _change(colours.library_path, "UPDATE embeddings SET owner_id = 99 WHERE row = 2")
    with colours.open() as library, pytest.raises(LibraryDamagedError, match="is not listed"):
        library.search("red")


NEVER = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT"


@pytest.mark.parametrize(
    "statements",
    [
        [
            "ALTER TABLE spaces RENAME TO real",
            f"CREATE VIEW spaces AS {NEVER} i AS id, i AS name, i AS encoder, i AS dim FROM n",
        ],
        ["CREATE VIEW another AS SELECT 1"],
        ["CREATE TRIGGER t AFTER INSERT ON images BEGIN DELETE FROM captions; END"],
        ["CREATE VIRTUAL TABLE v USING fts5(x)"],
    ],
    ids=["endless view", "view", "trigger", "virtual table"],
)
def test_what_no_clipseek_made_is_refused(colours: Workbench, statements: list[str]) -> None:
    _change(colours.library_path, *statements)
    with pytest.raises(LibraryDamagedError, match="which clipseek has not made"):
        colours.open()


def test_a_database_of_another_program_is_left_as_it_is(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "catalog.sqlite") as other:
        other.execute("CREATE TABLE bookmarks (url TEXT)")
    other.close()
    before = (tmp_path / "catalog.sqlite").read_bytes()
    with pytest.raises(LibraryDamagedError, match="table 'bookmarks'"):
        open_library(tmp_path)
    assert (tmp_path / "catalog.sqlite").read_bytes() == before


def _elsewhere(_: Path, outside: Path) -> str:
    return str(outside)


NAMES: list[Callable[[Path, Path], str]] = [
    _elsewhere,
    lambda library, outside: f"../../{outside.name}",
    lambda *_: "..",
    lambda *_: "",
    lambda *_: "another",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_space_of_another_name_is_refused(
    colours: Workbench, tmp_path: Path, name: Callable[[Path, Path], str]
) -> None:
    outside = tmp_path / "outside"
    shutil.copytree(colours.library_path / "spaces/fake", outside)
    before = (outside / "vectors.f16").read_bytes()
    _change(
        colours.library_path,
        "UPDATE spaces SET name = ?",
        values=(name(colours.library_path, outside),),
    )
    colours.paint("new.png", "cyan")
    with pytest.raises(LibraryDamagedError, match=r"spaces\.name holds"):
        colours.index()
    with colours.open() as library, pytest.raises(LibraryDamagedError, match=r"spaces\.name"):
        library.search("red")
    assert (outside / "vectors.f16").read_bytes() == before


@pytest.mark.parametrize("link", ["spaces", "spaces/fake"])
def test_a_space_that_leads_out_of_the_library_is_refused(
    colours: Workbench, tmp_path: Path, link: str
) -> None:
    outside = tmp_path / "outside"
    (colours.library_path / link).rename(outside)
    (colours.library_path / link).symlink_to(outside)
    before = sorted((path, path.stat().st_mtime_ns) for path in outside.rglob("*"))
    colours.paint("new.png", "cyan")
    with pytest.raises(LibraryDamagedError, match="leads out of it"):
        colours.index()
    colours.encoder.name = "second"
    if link == "spaces":
        with pytest.raises(LibraryDamagedError, match="leads out of it"):
            colours.index()
    assert sorted((path, path.stat().st_mtime_ns) for path in outside.rglob("*")) == before


def test_a_library_behind_a_link_is_a_library(colours: Workbench, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(colours.library_path)
    colours.library_path = tmp_path / "link"
    colours.paint("new.png", "cyan")
    assert colours.index().indexed == 1


@pytest.mark.parametrize(
    "encoder",
    ["hf-hub:evil/model", "ViT-B-32/laion2b_s34b_b79k"],
)
def test_a_search_downloads_nothing_and_says_how_to(
    colours: Workbench, monkeypatch: pytest.MonkeyPatch, encoder: str
) -> None:
    from searchengine.spaces.names import space_name

    asked: list[str] = []
    monkeypatch.setattr(hub, "why_unreachable", lambda *_: asked.append("hub"))
    monkeypatch.setattr(hub, "_download", lambda *_: asked.append("download"))
    monkeypatch.setattr(hub, "cached_file", lambda *_: None)
    spaces = colours.library_path / "spaces"
    (spaces / "fake").rename(spaces / space_name(encoder))
    _change(
        colours.library_path,
        f"UPDATE spaces SET name = '{space_name(encoder)}', encoder = '{encoder}'",
    )
    with (
        open_library(colours.library_path) as library,
        pytest.raises(EncoderNotHereError, match=f"clipseek models --download {encoder}"),
    ):
        library.search("red")
    assert asked == []
