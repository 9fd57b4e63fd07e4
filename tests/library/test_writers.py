"""One writer, whatever is done to its lock; and the checksums that are written with the rows."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from searchengine import open_library
from searchengine.catalog.records import Batch
from searchengine.catalog.sqlite import connection
from searchengine.errors import LibraryDamagedError, LibraryError, LibraryUnusableError
from searchengine.types import BlockChecksum
from searchengine.vectors import checksums
from searchengine.vectors.file import VectorFile
from tests.conftest import Workbench
from tests.support.damage import entries, fill, unit_rows
from tests.support.libraries import check_library
from tests.support.places import ROOT
from tests.support.stopping import FIRST, PLACES, ROWS

SECOND = 2_000


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library of 20 images; who waits for another does so for a moment only."""
    monkeypatch.setattr(connection, "BUSY_SECONDS", 0.2)
    with open_library(tmp_path / "library", create=True) as library:
        fill(library, unit_rows(20))
    return tmp_path / "library"


@pytest.fixture
def stopped(path: Path, request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    """Another process that has begun to add images and stands still at a place."""
    command = [sys.executable, "-m", "tests.support.stopping", str(path), request.param]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        yield process
        process.kill()


@pytest.mark.parametrize("how", ["deleted", "replaced"])
@pytest.mark.parametrize("stopped", PLACES, indirect=True)
def test_two_writers_mix_nothing_when_the_lock_file_goes(
    path: Path, stopped: subprocess.Popen[str], request: pytest.FixtureRequest, how: str
) -> None:
    (path / "write.lock").unlink()
    if how == "replaced":
        (path / "write.lock").touch()
    began = request.node.callspec.params["stopped"] != PLACES[0]
    second = unit_rows(30, seed=6)
    with open_library(path) as library, library.writing() as writer:
        batch = Batch(added=entries(SECOND, SECOND + 30))
        if began:
            with pytest.raises(LibraryUnusableError, match="is locked"):
                writer.commit(library.space(), batch, second)
        else:
            writer.commit(library.space(), batch, second)
        os.kill(stopped.pid, signal.SIGCONT)
        _, error = stopped.communicate(timeout=60)
        if began:
            assert stopped.returncode == 0, error
            writer.commit(library.space(), batch, second)
        else:
            assert stopped.returncode == 1
            assert error.count("\n") == 1
            assert "write.lock was removed or replaced" in error
    check_library(path)
    with open_library(path) as library:
        found = {int(p.name): row for p, row in zip(*library.stored_vectors(), strict=True)}
    expected = dict(enumerate(unit_rows(20)))
    expected |= {SECOND + number: row for number, row in enumerate(second)}
    if began:
        expected |= {FIRST + number: row for number, row in enumerate(unit_rows(ROWS, seed=5))}
    assert found.keys() == expected.keys()
    for number, row in expected.items():
        np.testing.assert_array_equal(found[number], row.astype(np.float16))


def test_nothing_is_written_without_the_lock(path: Path) -> None:
    with open_library(path) as library, library.writing() as writer:
        (path / "write.lock").unlink()
        for write in (
            lambda: writer.remove(["/p/1"]),
            lambda: library.catalog.add_captions([("/p/1", "one")]),
            lambda: writer.commit(None, Batch(removed=[1])),
            lambda: library.catalog.forget_failures(["/"], set()),
        ):
            with pytest.raises(LibraryUnusableError, match="run the same command again"):
                write()
        assert library.info().images == 20
        assert library.info().captions == 0


@pytest.mark.parametrize("name", ["vectors.f16", "captions.f16"])
def test_rows_are_not_written_through_a_link(colours: Workbench, tmp_path: Path, name: str) -> None:
    victim, file = tmp_path / "mine", colours.library_path / "spaces/fake" / name
    victim.write_bytes(b"mine" * 10_000)
    file.unlink(missing_ok=True)
    file.symlink_to(victim)
    colours.paint("new.png", "cyan")
    with colours.open() as library:
        if name == "captions.f16":
            library.catalog.add_captions([(str(colours.photos / "red.png"), "red")])
            (colours.photos / "new.png").unlink()
    with pytest.raises(LibraryDamagedError, match=f"{name} is a link"):
        colours.index()
    assert victim.read_bytes() == b"mine" * 10_000


def test_the_number_of_the_writer_is_not_written_through_a_link(path: Path, tmp_path: Path) -> None:
    victim = tmp_path / "mine"
    victim.write_text("mine")
    (path / "writer.pid").symlink_to(victim)
    with open_library(path) as library:
        library.remove(["/p/1"])
    assert victim.read_text() == "mine"
    assert not (path / "writer.pid").exists()


@pytest.mark.parametrize("pid", ["directory", "pipe", "words"])
def test_a_strange_number_of_the_writer_is_no_traceback(path: Path, pid: str) -> None:
    with open_library(path) as library, library.writing():
        (path / "writer.pid").unlink()
        if pid == "directory":
            (path / "writer.pid").mkdir()
        elif pid == "pipe":
            os.mkfifo(path / "writer.pid")
        else:
            (path / "writer.pid").write_text("\x1b[2J" * 100)
        with (
            open_library(path) as other,
            pytest.raises(LibraryError, match="by process unknown"),
        ):
            other.remove(["/p/1"])


# checksums


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> int:
    for module in (checksums, sys.modules[VectorFile.__module__]):
        monkeypatch.setattr(module, "BLOCK_ROWS", 8)
    return 8


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("sizes", [[1, 2, 5, 8, 16, 3], [8, 8], [30, 1, 1], [7]])
def test_checksums_are_those_of_the_bytes_however_they_came(
    tmp_path: Path, sizes: list[int]
) -> None:
    rows, done = unit_rows(sum(sizes)), 0
    with open_library(tmp_path / "library", create=True) as library:
        for size in sizes:
            fill(library, rows[done : done + size], start=done)
            done += size
            kept = library.catalog.checksums(library.space().info, "vectors.f16")
            data = rows[:done].astype(np.float16)
            assert list(kept.values()) == [
                BlockChecksum(
                    first // 8,
                    len(data[first : first + 8]),
                    zlib.crc32(data[first : first + 8].tobytes()),
                )
                for first in range(0, done, 8)
            ]


@pytest.mark.usefixtures("small_blocks")
def test_captions_have_checksums_too(colours: Workbench) -> None:
    pairs = [(str(colours.photos / "red.png"), f"red {number}") for number in range(20)]
    with colours.open() as library:
        library.add_captions(pairs[:5])
        library.add_captions(pairs[5:])
        space = library.space()
        kept = library.catalog.checksums(space.info, "captions.f16")
        assert list(kept.values()) == list(space.captions.checksums(20, range(3)))
        assert [each.rows for each in kept.values()] == [8, 8, 4]


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("new", [0, 5])
def test_a_library_of_before_gets_its_checksums_at_the_next_run_and_says_so_once(
    colours: Workbench, caplog: pytest.LogCaptureFixture, new: int
) -> None:
    with colours.open() as library, library.catalog._database.writing() as catalog:
        catalog.exec_driver_sql("DELETE FROM checksums")
    for number in range(new):
        colours.paint(f"more{number}.png", (number, 200, 200))
    caplog.clear()
    colours.index()
    assert caplog.text.count("keeping checksums of vectors.f16") == (0 if new else 1)
    with colours.open() as library:
        space = library.space()
        kept = library.catalog.checksums(space.info, "vectors.f16")
        assert list(kept.values()) == list(space.images.checksums(6 + new, range(2 if new else 1)))
    caplog.clear()
    colours.index()
    assert "checksums" not in caplog.text
