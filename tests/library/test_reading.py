"""Reading never writes: libraries that may not be written, or are no longer where they were."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from searchengine import open_library
from searchengine.catalog.sqlite import opening
from searchengine.errors import LibraryReplacedError, LibraryUnusableError
from searchengine.library.library import Library
from searchengine.types import Filter
from tests.conftest import Workbench
from tests.support.damage import fill, unit_rows
from tests.support.places import DATA
from tests.support.rights import as_nobody, full_disk, read_only

ROWS = unit_rows(20)


@pytest.fixture
def path() -> Iterator[Path]:
    """A library that anybody may read."""
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        path = Path(place, "library")
        with open_library(path, create=True) as library:
            fill(library, ROWS)
        yield path


def _contents(path: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(file.relative_to(path)): (file.read_bytes(), file.stat().st_mtime_ns)
        for file in sorted(path.rglob("*"))
        if file.is_file()
    }


def _asks(library: Library) -> None:
    for number in (3, 11):
        assert library.search(ROWS[number], k=2)[0].path == Path(f"/p/{number}")
    assert library.info().images == 20
    assert library.failures() == []


def test_a_search_leaves_every_byte_and_no_file_behind(path: Path) -> None:
    before = _contents(path)
    with open_library(path) as library:
        _asks(library)
    assert _contents(path) == before


def test_a_library_without_rights_to_write_is_read(path: Path) -> None:
    before = _contents(path)
    with read_only(path):
        with as_nobody(), open_library(path) as library:
            _asks(library)
            with pytest.raises(LibraryUnusableError, match="cannot use library"):
                library.remove(["/p/1"])
            _asks(library)
        assert _contents(path) == before


def test_a_library_on_a_full_disk_is_read(path: Path) -> None:
    before = _contents(path)
    with full_disk(), open_library(path) as library:
        _asks(library)
    assert {name: _contents(path)[name] for name in before} == before


def test_a_library_that_a_stopped_process_holds_is_read(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "READ_BUSY_SECONDS", 0.1)
    holder = sqlite3.connect(path / "catalog.sqlite", isolation_level=None)
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    with open_library(path) as library:
        _asks(library)
    holder.execute("UPDATE images SET camera = 'Nikon' WHERE path = '/p/3'")
    holder.execute("COMMIT")  # into the log beside it, which it keeps to itself
    with open_library(path) as library:
        _asks(library)
        [hit] = library.search(ROWS[3], where=Filter(camera="Nikon"))
        assert hit.path == Path("/p/3")
    holder.close()


def test_what_a_killed_writer_left_beside_the_catalog_is_read_and_left(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy made while it writes is what a kill leaves."""
    copy = path.parent / "copy"
    with open_library(path) as library, library.writing() as writer:
        library.catalog.add_captions([("/p/3", "three")])
        shutil.copytree(path, copy)
        writer.remove(["/p/3"])
    assert (copy / "catalog.sqlite-wal").stat().st_size
    before = _contents(copy)
    with open_library(copy) as library:
        _asks(library)
        assert library.info().captions == 1
    after = _contents(copy)
    assert [after[name] for name in before if not name.endswith("-shm")] == [
        before[name] for name in before if not name.endswith("-shm")
    ]
    with read_only(copy), as_nobody(), open_library(copy) as library:
        _asks(library)
        assert library.info().captions == 1
    (copy / "catalog.sqlite-shm").unlink()  # as in a snapshot of the disk
    before = _contents(copy)
    temporary = path.parent / "temporary"
    temporary.mkdir()
    temporary.chmod(0o777)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    with read_only(copy), as_nobody(), open_library(copy) as library:
        _asks(library)
        assert library.info().captions == 1
        assert len(list(temporary.iterdir())) == 1
    assert list(temporary.iterdir()) == []
    assert _contents(copy) == before


def test_what_is_written_meanwhile_is_seen_without_locks_too(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "READ_BUSY_SECONDS", 0.1)
    with read_only(path), as_nobody():
        reader = open_library(path)
        _asks(reader)
    with reader:
        with open_library(path) as library, library.writing() as writer:
            writer.remove(["/p/3"])
        assert reader.info().images == 19
        assert reader.search(ROWS[3], k=1)[0].path != Path("/p/3")


def test_a_read_that_a_write_overtook_without_locks_is_no_answer(path: Path) -> None:
    with read_only(path), as_nobody():
        reader = open_library(path)
        assert len(reader) == 20
    with (
        reader,
        pytest.raises(LibraryUnusableError, match="written to while it was read"),
        reader.catalog.snapshot(),
        open_library(path) as library,
        library.writing() as writer,
    ):
        writer.remove(["/p/3"])


def test_an_older_library_that_cannot_be_written_says_so_in_one_line(path: Path) -> None:
    old = path.parent / "old"
    shutil.copytree(DATA / "library-schema-1", old)
    with (
        read_only(old),
        as_nobody(),
        pytest.raises(
            LibraryUnusableError, match=r"schema 1 and must once be brought to \d+, but "
        ),
    ):
        open_library(old)
    open_library(old).close()


@pytest.mark.parametrize("gone", ["deleted", "replaced", "moved"])
def test_a_library_that_is_no_longer_there_gives_no_answers(path: Path, gone: str) -> None:
    with open_library(path) as library:
        _asks(library)
        if gone == "moved":
            path.rename(path.parent / "elsewhere")
        else:
            shutil.rmtree(path)
        if gone == "replaced":
            with open_library(path, create=True) as other:
                fill(other, unit_rows(5, seed=8), start=100)
        for _ in range(2):
            with pytest.raises(LibraryReplacedError, match="moved, deleted or replaced"):
                library.search(ROWS[3])
        with pytest.raises(LibraryReplacedError):
            library.catalog.add_captions([])
    assert (path / "catalog.sqlite").exists() == (gone == "replaced")


def test_few_connections_stay_open(colours: Workbench) -> None:
    with colours.open() as library:
        with library.catalog.snapshot(), library.catalog.snapshot(), library.catalog.snapshot():
            assert len(library) == 6
        pool = library.catalog._database.engine.pool
        assert pool.checkedin() <= 2  # type: ignore[attr-defined]
