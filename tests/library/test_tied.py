"""Derived files of another library, or of another state of this one, are never trusted."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pytest
from safetensors import SafetensorError

from indexers.pipeline import bring_up_to_date
from indexers.reading import IndexOptions
from searchengine import open_library
from searchengine.alignment.candidates import Learned
from searchengine.alignment.kept import keep_alignment, read_alignment
from searchengine.alignment.ranking import FILE as ALIGNMENT
from searchengine.catalog.records import Batch
from searchengine.errors import StorageFullError
from searchengine.index import plan
from searchengine.library.learned.derived import note_derived
from searchengine.library.library import Library
from searchengine.relevance.kept import FILE as STATISTICS
from searchengine.relevance.kept import read_statistics, write_statistics
from searchengine.spaces.space import Space
from searchengine.spaces.stacked import STACKS_FILE
from searchengine.types import Vectors
from tests.conftest import Workbench
from tests.support.damage import DIM, FACTORY, entries, flip, unit_rows
from tests.support.fake import FakeEncoder

N = 300

USED: dict[str, Callable[[Space], Any]] = {
    STACKS_FILE: lambda space: space.stacks.at(N),
    STATISTICS: lambda space: read_statistics(space.info, space.directory, space.tied),
    ALIGNMENT: lambda space: read_alignment(space.info, space.directory, space.tied),
    "index.json": lambda space: space.index(N),
    "captions/index.json": lambda space: space.caption_index.at(N),
}


class Words(FakeEncoder):
    """Every text lies somewhere."""

    dim = DIM

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Unit rows, shape (n, DIM)."""
        return np.concatenate([unit_rows(1, seed=crc32(text.encode())) for text in texts])


def fill(library: Library, rows: Vectors, start: int = 0) -> Space:
    """List an image for each row."""
    with library.writing() as writer:
        space = writer.space_for(Words())
        writer.commit(space, Batch(added=entries(start, start + len(rows))), rows)
    return space


def make(path: Path, seed: int) -> Library:
    """A library of random rows with captions, and all that is derived of them."""
    library = open_library(path, create=True, load=lambda _: Words())
    space = fill(library, unit_rows(N, seed=seed))
    library.add_captions([(f"/p/{n}", f"caption {n} of {seed}") for n in range(N)])
    learned = Learned(np.linspace(0, 1, N, dtype=np.float32), None)
    note = space.tied.note(N)
    keep_alignment(space.info, space.directory, learned, ["hub"], "0", note)
    run(library)
    return library


def run(library: Library) -> None:
    """What ends an index run."""
    with library.writing() as writer:
        space = library.space()
        bring_up_to_date(library, writer, space, IndexOptions(factory=FACTORY))
        note_derived(space)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "EXACT_BELOW", N)
        for name, seed in (("ours", 3), ("theirs", 4)):
            with make(folder / name, seed) as library:
                assert library.check().is_sound
                assert all(used(library.space()) is not None for used in USED.values())
    return folder


@pytest.fixture
def pair(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    monkeypatch.setattr(plan, "EXACT_BELOW", N)
    shutil.copytree(made, tmp_path / "made")
    return tmp_path / "made" / "ours", tmp_path / "made" / "theirs"


@pytest.mark.parametrize("file", USED)
def test_of_as_many_rows_of_another_library(pair: tuple[Path, Path], file: str) -> None:
    ours, theirs = pair
    [place] = (ours / "spaces").iterdir()
    other = theirs / "spaces" / place.name / file
    if other.suffix == ".json":
        shutil.copy(next(other.parent.glob("index*.faiss")), place / file.replace("json", "faiss"))
        facts = other.read_text("utf-8").replace("index-2.faiss", "index.faiss")
        (place / file).write_text(facts, "utf-8")
    else:
        shutil.copy(other, place / file)
    with open_library(ours, load=lambda _: Words()) as library:
        assert USED[file](library.space()) is None
        [fault] = library.check().faults
        assert fault.where.endswith(file)
        assert "of other" in fault.why
        run(library)
        if file == ALIGNMENT:
            assert "clipseek align" in fault.why
            assert library.search("anything", k=3)
        else:
            assert USED[file](library.space()) is not None
            assert library.check().is_sound
    (place / file).unlink()
    shutil.copy(other, place / file)
    with open_library(ours, load=lambda _: Words()) as library:
        assert library.check(repair=True).is_sound == (file != ALIGNMENT)


def test_a_repair_leaves_all_of_it_in_use(colours: Workbench) -> None:
    with colours.open() as library:
        space = library.space()
        learned, note = Learned(np.linspace(0, 1, 6, dtype=np.float32), None), space.tied.note(6)
        keep_alignment(space.info, space.directory, learned, ["hub"], "0", note)
        flip(space.images.path, 21)
        assert len(library.check().faults) == 1
        assert library.check(repair=True).is_sound
        assert space.tied.note(6) != note
    with colours.open() as library:
        space = library.space()
        assert library.check().is_sound
        assert read_alignment(space.info, space.directory, space.tied) is not None
        assert space.stacks.at(12) is not None


def test_what_a_version_noted_nothing_in_is_taken_as_it_is(pair: tuple[Path, Path]) -> None:
    with open_library(pair[0]) as library:
        tied = library.space().tied
        assert tied.are_of(None)
        assert tied.are_of(tied.note(0))
        for note in ("", "300", "299 00000000", "9" * 40 + " 00000000", tied.note(N)[:-1] + "g"):
            assert not tied.are_of(note)


def test_rows_that_came_since_change_no_note(pair: tuple[Path, Path]) -> None:
    with open_library(pair[0], load=lambda _: Words()) as library:
        before = {rows: library.space().tied.note(rows) for rows in (0, 1, 299, N)}
        fill(library, unit_rows(900, seed=8), start=N)
        after = library.space().tied
        assert {rows: after.note(rows) for rows in before} == before
        assert len(set(before.values())) == 4
        assert library.check().is_sound


def test_a_damaged_row_is_no_fault_of_what_was_made_of_it(pair: tuple[Path, Path]) -> None:
    with open_library(pair[0], load=lambda _: Words()) as library:
        fill(library, unit_rows(10, seed=8), start=N)
        flip(library.space().images.path, 100)
        [fault] = library.check().faults
        assert fault.where.endswith("vectors.f16")


@pytest.mark.parametrize("file", [STACKS_FILE, STATISTICS, ALIGNMENT])
def test_a_full_disk_is_said_by_whatever_writes(
    pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    [place] = (pair[0] / "spaces").iterdir()
    before = (place / file).read_bytes()

    def full(*_given: Any, **_named: Any) -> None:
        raise SafetensorError("Error while serializing: I/O error: No room left (os error 28)")

    with open_library(pair[0], load=lambda _: Words()) as library:
        space = library.space()
        stacks, kept = space.stacks.at(N), USED[ALIGNMENT](space)
        assert stacks is not None
        statistics = USED[STATISTICS](space)
        note = space.tied.note(N)
        write: dict[str, Callable[[], None]] = {
            STACKS_FILE: lambda: space.stacks.keep(stacks),
            STATISTICS: lambda: write_statistics(statistics, space.info, space.directory, note),
            ALIGNMENT: lambda: keep_alignment(
                space.info, space.directory, kept.learned, kept.names, kept.captions, note
            ),
        }
        monkeypatch.setattr("safetensors.numpy.save_file", full)
        with pytest.raises(StorageFullError, match="free some space"):
            write[file]()
    assert (place / file).read_bytes() == before
    assert not list(place.glob(".clipseek*"))
