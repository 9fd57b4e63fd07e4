"""`clipseek check`: every flipped bit is found or harmless, and what can be mended is."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from searchengine import open_library
from searchengine.errors import LibraryDamagedError
from searchengine.library.check import CheckReport
from searchengine.library.library import Library
from searchengine.retrieval import rank
from searchengine.spaces import space
from searchengine.vectors import checksums, damage, file
from tests.conftest import Run, Workbench
from tests.support.damage import DIM, flip, make_indexed, set_row, unit_rows, wide_encoder
from tests.support.files import edit_quietly
from tests.support.libraries import check_library

N = 600


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    _set_blocks(monkeypatch, 4)


def _set_blocks(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    for module in (checksums, damage, file, space):
        monkeypatch.setattr(module, "BLOCK_ROWS", rows)


@pytest.fixture
def captioned(colours: Workbench) -> Workbench:
    """Six pictures and as many captions, in two blocks each."""
    with colours.open() as library:
        library.add_captions([(str(path), path.stem) for path in sorted(colours.photos.iterdir())])
    return colours


def _check(bench: Workbench, *, read_data: bool = False, repair: bool = False) -> CheckReport:
    with bench.open() as library:
        return library.check(read_data=read_data, repair=repair)


def _vectors(bench: Workbench) -> Path:
    return bench.library_path / "spaces/fake/vectors.f16"


def _captions(bench: Workbench) -> Path:
    return bench.library_path / "spaces/fake/captions.f16"


def test_a_sound_library_is_sound(captioned: Workbench) -> None:
    report = _check(captioned, read_data=True)
    assert report.is_sound
    assert (report.images, report.vectors, report.files) == (6, 12, 6)
    assert (report.without_checksum, report.unchecked) == (0, ())
    with pytest.raises(dataclasses.FrozenInstanceError):
        report.images = 7  # type: ignore[misc]


@pytest.mark.parametrize("name", ["vectors.f16", "captions.f16"])
@pytest.mark.parametrize("seed", range(12))
def test_every_flipped_bit_of_rows_is_found_and_mended(
    captioned: Workbench, name: str, seed: int
) -> None:
    stored = captioned.library_path / "spaces/fake" / name
    sound = stored.read_bytes()
    place = int(np.random.default_rng(seed).integers(len(sound)))
    flip(stored, place, bit=seed % 8)
    report = _check(captioned)
    [fault] = report.faults
    rows = "rows 0 to 3" if place < 4 * 16 else "rows 4 to 5"
    assert str(fault).startswith(f"spaces/fake/{name}: {rows} are not as they were written")
    mended = _check(captioned, repair=True)
    assert mended.is_sound, mended.faults
    assert mended.repaired == (4 if place < 4 * 16 else 2)
    assert _check(captioned, read_data=True).is_sound
    _answers(captioned)


def _answers(bench: Workbench) -> None:
    check_library(bench.library_path, bench.encoder)
    for path in sorted(bench.photos.iterdir()):
        assert bench.names(path.stem, k=6)[0] == path.name
        with bench.open() as library:
            [text] = library.describe(path, k=1)
            assert text.text == path.stem


DAMAGES: dict[str, Callable[[Path], object]] = {
    "zeros": lambda path: path.write_bytes(bytes(len(path.read_bytes()))),
    "garbage": lambda path: path.write_bytes(b"\xf7" * len(path.read_bytes())),
    "cut": lambda path: os.truncate(path, 50),
    "empty": lambda path: os.truncate(path, 0),
    "gone": lambda path: path.unlink(),
    "one row": lambda path: set_row(path, 5, np.nan, 8),
}


@pytest.mark.parametrize("name", ["vectors.f16", "captions.f16"])
@pytest.mark.parametrize("how", DAMAGES)
def test_whatever_became_of_the_rows_is_mended_from_the_pictures(
    captioned: Workbench, name: str, how: str
) -> None:
    DAMAGES[how](captioned.library_path / "spaces/fake" / name)
    assert not _check(captioned).is_sound
    mended = _check(captioned, repair=True)
    assert mended.is_sound, mended.faults
    _answers(captioned)


@pytest.mark.parametrize("name", ["vectors.f16", "captions.f16"])
def test_a_flipped_bit_that_changes_no_length_is_said_by_the_next_search(
    captioned: Workbench, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    stored = captioned.library_path / "spaces/fake" / name
    flip(stored, 0, bit=1)
    for _ in range(2):
        with captioned.open() as library:
            for _ in range(2):
                library.search("red")
                library.describe(captioned.photos / "red.png")
    assert caplog.text.count("are not as they were written, so that answers may be wrong") == 2
    _check(captioned, repair=True)
    set_row(stored, 0, np.nan, 8)  # nobody's by now
    caplog.clear()
    assert _check(captioned, repair=True).is_sound
    caplog.clear()
    _answers(captioned)
    assert caplog.text == ""


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
@pytest.mark.parametrize("name", ["vectors.f16", "captions.f16"])
@pytest.mark.parametrize("thing", ["pipe", "folder", "link"])
def test_the_remedy_of_what_is_no_file_helps(captioned: Workbench, name: str, thing: str) -> None:
    path = captioned.library_path / "spaces/fake" / name
    path.unlink()
    if thing == "pipe":
        os.mkfifo(path)
    elif thing == "folder":
        path.mkdir()
    else:
        path.symlink_to("not/mounted")
    said = "remove the link" if thing == "link" else "is no ordinary file: remove it"
    with captioned.open() as library, pytest.raises(LibraryDamagedError, match=said) as raised:
        library.check(repair=True)
    assert str(raised.value).endswith(f"clipseek check --repair --library {captioned.library_path}")
    [fault] = _check(captioned).faults
    assert said in fault.why
    path.rmdir() if thing == "folder" else path.unlink()
    assert _check(captioned, repair=True).is_sound


def test_rows_of_files_that_are_not_there_stay_or_are_left_to_the_next_run(
    captioned: Workbench,
) -> None:
    with captioned.open() as library:
        space = library.space().info
        paths = library.catalog.embedded_images(space)[1]
    gone, changed = Path(paths[0]), Path(paths[1])
    set_row(_vectors(captioned), 2, 0.0, 8)
    gone.rename(captioned.photos.parent / "away.png")
    captioned.paint(changed.name, "cyan", size=(50, 50))
    report = _check(captioned, repair=True)
    assert report.repaired == 2
    [fault] = report.faults
    assert "rows 0 to 3 are not as they were written (2 of them in use)" in str(fault)
    assert set(captioned.names("red", k=9)) == {Path(path).name for path in paths}
    (captioned.photos.parent / "away.png").rename(gone)
    assert _check(captioned, repair=True).repaired == 1
    assert captioned.index().indexed == 1
    assert _check(captioned, read_data=True).is_sound
    check_library(captioned.library_path, captioned.encoder)


def test_a_vector_that_cannot_be_made_again_is_dropped_and_made_by_the_next_run(
    colours: Workbench,
) -> None:
    """Its file is away and its length impossible: nothing of it is left to keep."""
    with colours.open() as library:
        path = Path(library.catalog.embedded_images(library.space().info)[1][5])
    set_row(_vectors(colours), 5, 0.0, 8)
    path.rename(colours.photos.parent / "away.png")
    mended = _check(colours, repair=True)
    assert (mended.is_sound, mended.without_vector) == (True, 1)
    (colours.photos.parent / "away.png").rename(path)
    assert colours.index().indexed == 1
    assert _check(colours).without_vector == 0
    check_library(colours.library_path, colours.encoder)


def test_a_repair_that_is_cut_short_takes_nothing_away(
    captioned: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old rows go in the transaction that brings the new ones; captions follow next time."""
    flip(_vectors(captioned), 3)
    flip(_captions(captioned), 3)
    append = file.VectorFile.append

    def fail_on(name: str) -> Callable[..., object]:
        def appended(stored: file.VectorFile, *given: object, **named: object) -> object:
            if stored.path.name == name:
                raise MemoryError
            return append(stored, *given, **named)  # type: ignore[arg-type]

        return appended

    monkeypatch.setattr(file.VectorFile, "append", fail_on("vectors.f16"))
    with pytest.raises(MemoryError):
        _check(captioned, repair=True)
    report = _check(captioned)
    assert (len(report.faults), report.vectors, report.without_vector) == (2, 12, 0)
    monkeypatch.setattr(file.VectorFile, "append", fail_on("captions.f16"))
    with pytest.raises(MemoryError):
        _check(captioned, repair=True)
    monkeypatch.undo()
    assert _check(captioned, repair=True).vectors == 12
    _answers(captioned)


def test_a_repair_without_the_encoder_changes_nothing(captioned: Workbench) -> None:
    for stored in (_vectors(captioned), _captions(captioned)):
        flip(stored, 3)
    before = {path: path.read_bytes() for path in captioned.library_path.rglob("*.f16")}

    def refuse(_name: str) -> Library:
        raise RuntimeError("no encoder")

    with (
        open_library(captioned.library_path, load=refuse) as library,  # type: ignore[arg-type]
        pytest.raises(RuntimeError),
    ):
        library.check(repair=True)
    assert {path: path.read_bytes() for path in before} == before
    assert len(_check(captioned).faults) == 2


def test_rows_that_nobody_uses_are_no_fault(colours: Workbench) -> None:
    with colours.open() as library:
        row = library.catalog.rows_of(library.space().info, [1])[1]
        library.remove([library.catalog.images([1])[1].path])
    set_row(_vectors(colours), row, np.nan, 8)
    with colours.open() as library:
        faults = library.check().faults
    assert [str(fault) for fault in faults] == [
        "spaces/fake/vectors.f16: rows 0 to 3 are not as they were written (3 of them in use)"
    ]
    with colours.open() as library:
        library.remove([colours.photos])
        assert library.check().is_sound


def test_a_version_without_checksums_is_said_and_lengths_are_looked_at(
    colours: Workbench,
) -> None:
    with colours.open() as library, library.catalog._database.writing() as catalog:
        catalog.exec_driver_sql("DELETE FROM checksums")
    assert _check(colours).without_checksum == 2
    set_row(_vectors(colours), 4, 0.5, 8)
    [fault] = _check(colours).faults
    assert "1 of rows 4 to 5 are not of length 1" in str(fault)
    assert _check(colours, repair=True).is_sound


# files


def test_files_are_held_against_what_was_indexed(colours: Workbench) -> None:
    rotten, edited = colours.photos / "red.png", colours.photos / "black.png"
    for path in (rotten, edited):
        data = bytearray(path.read_bytes())
        data[-3] ^= 1
        edit_quietly(path, bytes(data))
    with sqlite3.connect(colours.library_path / "catalog.sqlite") as catalog:
        seen = rotten.stat().st_ctime_ns  # a disk that rots tells nobody
        catalog.execute("UPDATE images SET ctime_ns = ? WHERE path = ?", (seen, str(rotten)))
    catalog.close()
    (colours.photos / "blue.png").touch()
    (colours.photos / "green.png").unlink()
    colours.paint("white.png", "black", size=(9, 9))
    assert _check(colours).is_sound
    said = {fault.where: fault.why for fault in _check(colours, read_data=True).faults}
    assert {Path(where).stem for where in said} == {"red", "black", "green", "white"}
    assert "its content is another" in said[str(rotten)]
    assert "changed since" in said[str(edited)]
    assert "no such file" in said[str(colours.photos / "green.png")]
    assert "changed since" in said[str(colours.photos / "white.png")]


# the catalog


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE embeddings SET owner_id = 99 WHERE row = 2", "embeddings refers to images"),
        ("DELETE FROM embeddings WHERE row = 2", "embeddings lists 5 of 6 rows of space fake"),
        ("UPDATE images SET taken_at = 'evil'", "images.taken_at holds 'evil'"),
        ("UPDATE captions SET text = x'00'", "captions.text holds"),
        ("UPDATE spaces SET name = '..'", "spaces.name holds '..'"),
    ],
)
def test_faults_of_the_catalog(captioned: Workbench, statement: str, said: str) -> None:
    catalog = sqlite3.connect(captioned.library_path / "catalog.sqlite", isolation_level=None)
    catalog.execute("PRAGMA foreign_keys = OFF")
    catalog.execute(statement)
    catalog.close()
    report = _check(captioned)
    assert any(f.where == "catalog.sqlite" and said in f.why for f in report.faults), report.faults
    assert all("\n" not in str(fault) for fault in report.faults)


def test_torn_pages_of_the_catalog_are_found(captioned: Workbench) -> None:
    path = captioned.library_path / "catalog.sqlite"
    data = bytearray(path.read_bytes())
    data[3 * 4096 : 4 * 4096] = bytes(4096)
    path.write_bytes(data)
    assert any(fault.where == "catalog.sqlite" for fault in _check(captioned).faults)


# the index


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("faiss", reason="needs faiss: pip install 'clipseek[cpu]'")
    path = tmp_path_factory.mktemp("checked") / "library"
    make_indexed(path, N)
    return path


@pytest.mark.parametrize("seed", range(12))
def test_every_flipped_bit_of_an_index_is_found_and_mended(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(rank, "FEW_ROWS", 20)
    _set_blocks(monkeypatch, 1_024)
    path = tmp_path / "library"
    shutil.copytree(built, path)
    index = path / "spaces/fake/index.faiss"
    sound, queries = index.read_bytes(), unit_rows(10, seed=8)
    flip(index, int(np.random.default_rng(seed).integers(len(sound))), bit=seed % 8)
    with open_library(path, load=lambda _: wide_encoder()) as library:
        for query in queries:
            hits = library.search(query, k=10)
            rows = library.vectors([hit.path for hit in hits])
            assert len({hit.id for hit in hits}) == 10
            np.testing.assert_allclose([hit.score for hit in hits], rows @ query, atol=1e-5)
        [fault] = library.check().faults
        assert str(fault) == (
            "spaces/fake/index.json: the index is damaged: index.faiss is not as it was written"
        )
        assert library.check(repair=True).is_sound
        assert library.index_info().index is not None
    with open_library(path) as library:
        assert library.space().index(N) is not None
        assert library.index_info().index.plan.dim == DIM  # type: ignore[union-attr]


# the command


def test_the_command_prints_a_line_a_fault_and_exits_with_1(captioned: Workbench, run: Run) -> None:
    done = run("check", "--read-data")
    assert (done.code, done.out) == (0, "")
    assert done.err == "6 images, 12 vectors, 6 files read: all as it was written\n"
    flip(_vectors(captioned), 3)
    done = run("check")
    assert done.code == 1
    assert done.out.startswith("spaces/fake/vectors.f16: rows 0 to 3 are not as they were written")
    assert "1 fault; mend what can be mended with: clipseek check --repair" in done.err
    done = run("check", "--json")
    assert done.code == 1
    record = json.loads(done.out)
    assert record["sound"] is False
    assert record["faults"][0]["where"] == "spaces/fake/vectors.f16"
    done = run("check", "--repair")
    assert done.code == 0
    assert "4 vectors encoded again" in done.err
    assert run("check", "--json").code == 0
    black = captioned.photos / "black.png"
    with captioned.open() as library:
        row = library.catalog.rows_of(library.space().info, [_id(library, black)])
    set_row(_vectors(captioned), next(iter(row.values())), 0.0, 8)
    black.rename(captioned.photos.parent / "away.png")
    done = run("check", "--repair")
    assert "1 image without a vector, which no search finds" in done.err


def _id(library: Library, path: Path) -> int:
    return next(hit.id for hit in library.search("red", k=10) if hit.path == path)
