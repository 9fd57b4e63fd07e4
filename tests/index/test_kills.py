"""Replacing an index, killed at every step: what was asked for and tuned is kept."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from searchengine import open_library
from searchengine.catalog.records import Batch
from searchengine.index.facts import read_facts, write_facts
from searchengine.index.types import TunedSetting
from searchengine.retrieval import rank
from tests.support.damage import FACTORY, entries, make_indexed, unit_rows

N = 600
TUNED = TunedSetting(2, 300, 10, 0.9, 0.95, 1.0, 2.0, 100, "everyday queries", N)
MEMORY = 10**9


class Killed(BaseException):
    """Nothing after it is done, as after SIGKILL; only what Python does to tidy up is."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("faiss", reason="needs faiss: pip install 'clipseek[cpu]'")
    path = tmp_path_factory.mktemp("kills") / "library"
    make_indexed(path, N)
    space = path / "spaces/fake"
    facts = read_facts(space)
    assert facts is not None
    plan = replace(facts.plan, memory=MEMORY)
    write_facts(space, replace(facts, plan=plan, text=TUNED, image=TUNED))
    return path


def _add(path: Path, start: int, count: int) -> None:
    with open_library(path) as library, library.writing() as writer:
        rows = unit_rows(count, seed=start)
        writer.commit(library.space(), Batch(added=entries(start, start + count)), rows)


def _refresh(path: Path) -> None:
    with open_library(path) as library, library.writing():
        library.space().refresh_index()


@pytest.mark.parametrize("step", range(5))
@pytest.mark.parametrize(("added", "keeps_tuned"), [(200, True), (2_000, False)])
def test_a_kill_keeps_what_was_asked_for(
    built: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: int,
    added: int,
    keeps_tuned: bool,
) -> None:
    monkeypatch.setattr(rank, "FEW_ROWS", 20)
    path = tmp_path / "library"
    shutil.copytree(built, path)
    _add(path, N, added)
    left, replaced, unlinked = [step], os.replace, Path.unlink

    def count() -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Killed

    def counted_replace(*given: Any, **named: Any) -> Any:
        count()
        return replaced(*given, **named)

    def counted_unlink(place: Path, missing_ok: bool = False) -> None:
        if place.exists():
            count()
        unlinked(place, missing_ok=missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", counted_replace)
        patch.setattr(Path, "unlink", counted_unlink)
        try:
            _refresh(path)
        except Killed:
            pass
        else:
            assert step >= 3
    _holds(path, N + added, finished=False, keeps_tuned=keeps_tuned)
    _refresh(path)
    _holds(path, N + added, finished=True, keeps_tuned=keeps_tuned)
    assert len(list((path / "spaces/fake").glob("*.faiss"))) == 1


def _holds(path: Path, rows: int, *, finished: bool, keeps_tuned: bool) -> None:
    facts = read_facts(path / "spaces/fake")
    assert facts is not None
    assert facts.plan.factory == FACTORY
    assert facts.covered in ({rows} if finished else {rows, N})
    if facts.covered == N:
        assert facts.plan.memory == MEMORY
    is_tuned = facts.covered == N or keeps_tuned
    assert (facts.text, facts.image) == ((TUNED, TUNED) if is_tuned else (None, None))
    with open_library(path) as library:
        assert library.space().index(rows) is not None
        query = unit_rows(N)[7]
        assert library.search(query, k=5)[0] == library.search(query, k=5, exact=True)[0]


def test_a_damaged_index_is_built_anew_of_the_kind_it_was(built: Path, tmp_path: Path) -> None:
    path = tmp_path / "library"
    shutil.copytree(built, path)
    for is_cut in (True, False):
        [file] = (path / "spaces/fake").glob("*.faiss")
        data = file.read_bytes()
        file.write_bytes(data[:1000] if is_cut else data[:-9] + b"\x7f" + data[-8:])
        _refresh(path)
        facts = read_facts(path / "spaces/fake")
        assert facts is not None
        assert (facts.plan.factory, facts.listed) == (FACTORY, N)
        assert (facts.text, facts.image) == (TUNED, TUNED)  # it is the same index again
