"""Damaged rows and indexes: left out or passed by, said once, and never an answer."""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from searchengine import open_library
from searchengine.errors import LibraryDamagedError
from searchengine.index.facts import read_facts, write_facts
from searchengine.index.faiss_index import fault_of
from searchengine.library.library import Library
from searchengine.retrieval import rank
from searchengine.vectors import file as vector_file
from tests.conftest import Workbench
from tests.support.damage import DIM, FACTORY, fill, flip, make_indexed, set_row, unit_rows

N = 600
VALUES = {
    "a flipped exponent": 10536.0,
    "too long": 1.02,
    "too short": 0.98,
    "zeros": 0.0,
    "not a number": np.nan,
    "infinite": np.inf,
}


def _damaged(length: float) -> np.ndarray:
    row = np.full(8, 8**-0.5) * length
    return row.astype(np.float16)


@pytest.mark.parametrize("kept_bytes", [0, 64_000_000], ids=["mapped", "kept in memory"])
@pytest.mark.parametrize("damage", VALUES)
def test_a_row_of_impossible_length_is_left_out_and_said_once(
    colours: Workbench,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    damage: str,
    kept_bytes: int,
) -> None:
    monkeypatch.setattr(vector_file, "KEPT_BYTES", kept_bytes)
    with colours.open() as library:
        expected = [hit for hit in library.search("red", k=6) if hit.path.name != "white.png"]
        row = library.catalog.rows_of(library.space().info, [_id(library, "white.png")])
    file = colours.library_path / "spaces/fake/vectors.f16"
    set_row(file, next(iter(row.values())), _damaged(VALUES[damage]), 8)
    with colours.open() as library, caplog.at_level(logging.WARNING):
        for _ in range(2):
            found = library.search("red", k=6)
            assert [hit.path for hit in found] == [hit.path for hit in expected]
            assert [hit.score for hit in found] == [hit.score for hit in expected]
        with pytest.raises(LibraryDamagedError, match="vector of image"):
            library.vectors([colours.photos / "white.png"])
        assert len(library.stored_vectors()[0]) == 5
    [said] = [record.getMessage() for record in caplog.records]
    assert f"clipseek check --library {colours.library_path}" in said


def _id(library: Library, name: str) -> int:
    return next(hit.id for hit in library.search("red", k=10) if hit.path.name == name)


def test_rows_that_are_passed_by_lower_no_limit_for_the_others(tmp_path: Path) -> None:
    """Half of the rows are long and first; the answers are those without them."""
    rows = unit_rows(N)
    with open_library(tmp_path / "library", create=True) as library:
        fill(library, rows)
    stored = np.fromfile(tmp_path / "library/spaces/fake/vectors.f16", np.float16).reshape(N, DIM)
    stored[: N // 2] *= 3
    (tmp_path / "library/spaces/fake/vectors.f16").write_bytes(stored.tobytes())
    query = unit_rows(1, seed=9)[0]
    cosines = stored[N // 2 :].astype(np.float32) @ query
    best = N // 2 + np.argsort(-cosines)[:20]
    with open_library(tmp_path / "library") as library:
        assert [int(hit.path.name) for hit in library.search(query, k=20)] == best.tolist()


def test_scores_lie_between_minus_one_and_one(tmp_path: Path) -> None:
    rows = unit_rows(400)
    with open_library(tmp_path / "library", create=True) as library:
        fill(library, rows)
        stored = library.stored_vectors()[1].astype(np.float32)
        assert (np.linalg.norm(stored, axis=1) > 1).any()
        for row in stored[:50]:
            hits = library.search(row / np.linalg.norm(row), k=400)
            assert all(-1 <= hit.score <= 1 for hit in hits)


def test_a_damaged_caption_describes_nothing(
    colours: Workbench, caplog: pytest.LogCaptureFixture
) -> None:
    with colours.open() as library:
        library.add_captions(
            [(str(colours.photos / f"{name}.png"), name) for name in ("red", "blue")]
        )
    set_row(colours.library_path / "spaces/fake/captions.f16", 0, np.nan, 8)
    with colours.open() as library:
        assert [hit.text for hit in library.describe(colours.photos / "red.png", k=2)] == ["blue"]
    assert "clipseek check" in caplog.text


def test_a_file_whose_vector_is_damaged_is_encoded_again_when_it_is_touched(
    colours: Workbench,
) -> None:
    set_row(colours.library_path / "spaces/fake/vectors.f16", 0, 0.0, 8)
    for path in colours.photos.iterdir():
        path.touch()
    assert colours.index().indexed == 1
    assert len(colours.names("red")) == 6


# the index


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("faiss", reason="needs faiss: pip install 'clipseek[cpu]'")
    path = tmp_path_factory.mktemp("indexed") / "library"
    make_indexed(path, N)
    return path


@pytest.fixture
def indexed(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(rank, "FEW_ROWS", 20)
    shutil.copytree(built, tmp_path / "library")
    return tmp_path / "library"


def _refresh(path: Path) -> None:
    with open_library(path) as library, library.writing():
        library.space().refresh_index()


def test_a_row_number_that_is_none_is_an_exact_scan_and_the_next_run_mends_it(
    indexed: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = indexed / "spaces/fake/index.faiss"
    whole = file.read_bytes()
    number = whole.rindex((N - 1).to_bytes(8, "little"))
    flip(file, number + 5)
    query = unit_rows(N)[N - 1]
    with open_library(indexed) as library:
        expected = library.search(query, k=10, exact=True)
        for _ in range(2):
            assert library.search(query, k=10) == expected
    assert caplog.text.count("every vector is compared") == 1
    _refresh(indexed)
    facts = read_facts(indexed / "spaces/fake")
    assert facts is not None
    assert facts.plan.factory == FACTORY
    with open_library(indexed) as library:
        index = library.space().index(N)
        assert index is not None
        assert sorted(index.listed_rows().tolist()) == list(range(N))


def test_a_row_number_twice_is_one_hit(indexed: Path) -> None:
    file = indexed / "spaces/fake/index.faiss"
    query = unit_rows(N)[N - 1]
    with open_library(indexed) as library:
        other = int(library.search(query, k=2)[1].path.name)
    data = file.read_bytes()
    place = data.rindex(other.to_bytes(8, "little"))
    file.write_bytes(data[:place] + (N - 1).to_bytes(8, "little") + data[place + 8 :])
    with open_library(indexed) as library:
        ids = [hit.id for hit in library.search(query, k=10)]
    assert len(ids) == len(set(ids)) == 10
    facts = read_facts(indexed / "spaces/fake")
    assert facts is not None
    write_facts(indexed / "spaces/fake", replace(facts, crc=None))
    assert "rows twice" in (fault_of(indexed / "spaces/fake", N) or "")


ODD_FACTS = ["null", "5", '"x"', "[" * 100_000, "[]", "", '{"format": 1}', "\x00", "NaN"]


@pytest.mark.parametrize("text", ODD_FACTS, ids=lambda text: repr(text[:15]))
def test_json_of_another_kind_is_no_index(indexed: Path, text: str) -> None:
    (indexed / "spaces/fake/index.json").write_text(text)
    with open_library(indexed) as library:
        assert len(library.search(unit_rows(1)[0], k=10)) == 10
        assert library.info().spaces[0].indexed_rows == 0
    _refresh(indexed)
    assert sorted(p.name for p in (indexed / "spaces/fake").iterdir()) == [
        "looks.bin",
        "vectors.f16",
    ]


@pytest.mark.parametrize(
    ("where", "name", "value"),
    [
        ((), "build_seconds", "x"),
        ((), "build_seconds", float("nan")),
        ((), "covered", 2**70),
        ((), "listed", True),
        ((), "crc", "x"),
        ((), "file", "../../../../etc/passwd"),
        ((), "file", None),
        (("plan",), "factory", 7),
        (("plan",), "rows", "many"),
        (("plan",), "dim", DIM + 1),
        (("text",), "agreement", "good"),
        (("text",), "source", ["a"]),
    ],
)
def test_facts_of_other_types_are_none(
    indexed: Path, where: tuple[str, ...], name: str, value: object
) -> None:
    path = indexed / "spaces/fake/index.json"
    record = json.loads(path.read_text())
    record["text"] = {
        "nprobe": 1, "shortlist": 9, "k": 10, "target": 0.9, "agreement": 1, "p50_ms": 1.0,
        "p99_ms": 1.0, "queries": 9, "source": "here", "rows": N,
    }  # fmt: skip
    path.write_text(json.dumps(record))
    assert read_facts(path.parent) is not None
    part = record
    for key in where:
        part = part[key]
    part[name] = value
    path.write_text(json.dumps(record))
    with open_library(indexed) as library:
        assert library.space().index(N) is None
        assert len(library.search(unit_rows(1)[0], k=10)) == 10
        library.info()
    _refresh(indexed)
