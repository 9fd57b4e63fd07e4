"""The approximate index: agreement with the exact answer, freshness, and loss without harm."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from searchengine.catalog.records import Batch
from searchengine.errors import InputError, LibraryUnusableError
from searchengine.index import facts as index_facts
from searchengine.index import faiss_build, faiss_index
from searchengine.index import plan as index_plan
from searchengine.index import settings as index_settings
from searchengine.index.facts import read_facts
from searchengine.index.types import Modality, Setting, Step, TunedSetting
from searchengine.library.library import open_library
from searchengine.retrieval import rank as engine
from searchengine.retrieval.rank import rank_images
from searchengine.spaces.space import Space
from searchengine.types import FileState, Filter, ImageEntry, ImageFacts, Vectors
from searchengine.vectors.rowset import RowSet
from searchengine.vectors.scan import scan
from tests.conftest import Workbench
from tests.support.fake import FakeEncoder

N, DIM = 3_000, 32


@pytest.fixture(scope="module")
def clustered() -> tuple[Vectors, Vectors]:
    """Image-like rows in clouds, and text-like queries pushed off them by a common offset."""
    random = np.random.default_rng(3)
    centres = random.normal(size=(40, DIM))
    rows = centres[random.integers(40, size=N)] + 0.5 * random.normal(size=(N, DIM))
    queries = centres[:20] + 0.5 * random.normal(size=(20, DIM)) + 2.0
    return _unit(rows), _unit(queries)


def _unit(rows: np.ndarray) -> Vectors:
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return np.ascontiguousarray(unit, dtype=np.float32)


@pytest.fixture(autouse=True)
def _small_indexes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_plan, "EXACT_BELOW", 1_000)
    monkeypatch.setattr(index_settings, "SHORTLIST", 300)
    monkeypatch.setattr(engine, "FEW_ROWS", 20)


@pytest.fixture(scope="module")
def built(clustered: tuple[Vectors, Vectors], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of 3,000 rows with an index over them, made once."""
    pytest.importorskip("faiss", reason="needs faiss: pip install 'clipseek[cpu]'")
    encoder = FakeEncoder()
    encoder.dim = DIM
    path = tmp_path_factory.mktemp("built") / "library"
    with pytest.MonkeyPatch.context() as patch, open_library(path, create=True) as library:
        patch.setattr(index_plan, "EXACT_BELOW", 1_000)
        with library.writing() as writer:
            space = writer.space_for(encoder)
            writer.commit(space, Batch(added=_entries(0, N)), clustered[0])
        assert space.refresh_index() is Step.BUILD
        assert space.refresh_index() is Step.NOTHING
    return path


@pytest.fixture
def space(bench: Workbench, built: Path) -> Space:
    """A copy of it that the test may break."""
    shutil.copytree(built, bench.library_path)
    bench.encoder.dim = DIM
    return bench.open().space()


def _entries(start: int, stop: int) -> list[ImageEntry]:
    return [
        ImageEntry(FileState(f"/p/{n}", 1, 1), n.to_bytes(4, "big"), ImageFacts(1, 1, "PNG"))
        for n in range(start, stop)
    ]


def _ids(space: Space, query: np.ndarray, *, exact: bool) -> list[int]:
    return [hit.id for hit in rank_images(space, space.catalog, query, k=10, exact=exact)]


def test_the_index_agrees_with_the_exact_scan_and_is_used(
    space: Space, clustered: tuple[Vectors, Vectors]
) -> None:
    index = space.index(N)
    assert index is not None
    assert index.covered == N
    assert [len(line) for line in index.shortlist(clustered[1], 10)] <= [300] * 20
    agreement = np.mean(
        [
            len(set(_ids(space, query, exact=True)) & set(_ids(space, query, exact=False))) / 10
            for query in clustered[1]
        ]
    )
    assert agreement >= 0.8


def test_scores_through_the_index_are_exact_cosines(
    space: Space, clustered: tuple[Vectors, Vectors]
) -> None:
    rows, queries = clustered
    for hit in rank_images(space, space.catalog, queries[0], k=10):
        cosine = float(rows[int(hit.path.name)] @ queries[0])
        assert hit.score == pytest.approx(cosine, abs=2e-3)


def test_new_rows_are_found_and_dead_ones_are_not(
    bench: Workbench, space: Space, clustered: tuple[Vectors, Vectors]
) -> None:
    query = clustered[1][0]
    with bench.open() as library, library.writing() as writer:
        best = _ids(space, query, exact=True)[:3]
        writer.commit(None, Batch(removed=best))
        writer.commit(space, Batch(added=_entries(N, N + 1)), query[np.newaxis])
    hits = rank_images(space, space.catalog, query, k=10)
    assert hits[0].path == Path(f"/p/{N}")
    assert len(hits) == 10
    assert not {hit.id for hit in hits} & set(best)


def test_k_hits_even_when_the_shortlist_is_dead(
    bench: Workbench, space: Space, clustered: tuple[Vectors, Vectors]
) -> None:
    query = clustered[1][0]
    near = [hit.id for hit in rank_images(space, space.catalog, query, k=N - 50, exact=True)]
    with bench.open() as library, library.writing() as writer:
        writer.commit(None, Batch(removed=near))
    assert len(rank_images(space, space.catalog, query, k=10)) == 10


DAMAGES = ["delete", "truncate", "scribble", "longer", "same size", "too new", "no facts", "half"]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_lost_or_damaged_index_costs_no_answer(
    space: Space,
    clustered: tuple[Vectors, Vectors],
    damage: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    file, facts = index_facts.files(space.directory)
    expected = [_ids(space, query, exact=True) for query in clustered[1]]
    if damage == "delete":
        file.unlink()
    elif damage == "truncate":
        file.write_bytes(file.read_bytes()[:1000])
    elif damage == "scribble":
        file.write_bytes(b"no index at all" * 100)
    elif damage == "longer":
        file.write_bytes(file.read_bytes() + b"more")
    elif damage == "same size":
        file.write_bytes(bytes(file.stat().st_size))
    elif damage == "too new":
        facts.write_text(facts.read_text().replace('"covered": 3000', '"covered": 999999'))
    elif damage == "half":
        facts.write_text(facts.read_text()[:200])
    else:
        facts.unlink()
    fresh = Space(space.info, space.directory, space.catalog)
    assert fresh.index(N) is None
    assert [_ids(fresh, query, exact=False) for query in clustered[1]] == expected
    assert fresh.refresh_index() is Step.BUILD
    assert any("is damaged or unfinished" in message for message in caplog.messages)
    rebuilt = fresh.index(N)
    assert rebuilt is not None
    assert rebuilt.covered == N


def test_without_faiss_one_line_and_exact_answers(
    space: Space,
    clustered: tuple[Vectors, Vectors],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    fresh = Space(space.info, space.directory, space.catalog)
    for query in clustered[1]:
        assert _ids(fresh, query, exact=False) == _ids(fresh, query, exact=True)
    assert [record.getMessage() for record in caplog.records] == [
        "faiss is not installed, so large libraries are searched by scanning every vector; "
        f"install it with: {sys.executable} -m pip install 'clipseek[cpu]'"
    ]


# keeping up with the library


def _add(bench: Workbench, space: Space, rows: Vectors, *, first: int = N) -> None:
    with bench.open() as library, library.writing() as writer:
        writer.commit(space, Batch(added=_entries(first, first + len(rows))), rows)


def _noise(count: int) -> Vectors:
    return _unit(np.random.default_rng(11).normal(size=(count, DIM)))


def test_rows_are_added_without_training_and_settings_stay(bench: Workbench, space: Space) -> None:
    tuned = TunedSetting(9, 300, 10, 0.95, 0.96, 1.0, 2.0, 500, "captions", N)
    space.save_tuned(tuned, None)
    before = read_facts(space.directory)
    assert before is not None
    _add(bench, space, _noise(30))
    assert space.refresh_index() is Step.NOTHING
    _add(bench, space, _noise(300)[30:], first=N + 30)
    assert space.refresh_index() is Step.ADD
    after = read_facts(space.directory)
    assert after is not None
    assert (after.covered, after.listed, after.text, after.plan) == (
        N + 300,
        N + 300,
        tuned,
        before.plan,
    )
    index = space.index(N + 300)
    assert index is not None
    for number in (0, 150, 299):
        query = _noise(300)[number]
        assert N + number in index.candidates(query, Setting(4, 50), 50)
        assert rank_images(space, space.catalog, query, k=1)[0].path == Path(f"/p/{N + number}")


def test_an_index_twice_as_full_is_trained_anew(
    bench: Workbench, space: Space, caplog: pytest.LogCaptureFixture
) -> None:
    space.save_tuned(None, TunedSetting(9, 300, 10, 0.95, 0.96, 1.0, 2.0, 500, "captions", N))
    _add(bench, space, _noise(N))
    assert space.refresh_index() is Step.BUILD
    facts = read_facts(space.directory)
    assert facts is not None
    assert (facts.plan.rows, facts.covered, facts.image) == (2 * N, 2 * N, None)
    assert caplog.messages == [
        "building the index IVF128,PQ4np over 6,000 vectors; a million take a minute or two",
        "the settings tuned for the index before are gone: clipseek tune",
    ]


def test_dead_rows_leave_the_index_when_it_is_built_anew(bench: Workbench, space: Space) -> None:
    with bench.open() as library, library.writing() as writer:
        writer.commit(None, Batch(removed=range(1, 701)))
    assert space.refresh_index() is Step.BUILD
    facts = read_facts(space.directory)
    assert facts is not None
    assert (facts.covered, facts.listed) == (N, N - 700)
    assert space.refresh_index() is Step.NOTHING
    index = space.index(N)
    assert index is not None
    everything = index.look_up(_noise(3), N, facts.plan.cells)
    assert set(everything[0].tolist()) == {-1, *range(700, N)}


def test_a_crash_while_writing_leaves_the_old_index(
    bench: Workbench, space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    _add(bench, space, _noise(300))
    before = read_facts(space.directory)

    class FullDisk:
        def __getattr__(self, name: str) -> object:
            return getattr(sys.modules["faiss"], name)

        def write_index(self, _index: object, path: str) -> None:
            Path(path).write_bytes(b"half")
            raise RuntimeError("write error")

    with monkeypatch.context() as patch:
        patch.setattr(faiss_build, "load_faiss", FullDisk)
        with pytest.raises(LibraryUnusableError, match="cannot be written"):
            space.refresh_index()
    assert read_facts(space.directory) == before
    assert sorted(path.name for path in space.directory.iterdir()) == [
        "index.faiss",
        "index.json",
        "looks.bin",
        "vectors.f16",
    ]
    assert space.refresh_index() is Step.ADD


def test_other_factories(space: Space, clustered: tuple[Vectors, Vectors]) -> None:
    assert space.refresh_index(factory="OPQ8_16,IVF16,PQ8np") is Step.BUILD
    index = space.index(N)
    assert index is not None
    assert (index.facts.plan.cells, index.facts.plan.forced) == (16, True)
    _, exact = scan(clustered[0], clustered[1][:1], 10)
    assert set(exact[0]) <= set(index.candidates(clustered[1][0], Setting(16, 1_000), 1_000))
    for wrong in ("IVF16,PQ7np", "IVF16,Nonsense", "IVF16,PQ8np,RFlat"):
        with pytest.raises(InputError, match=r"FAISS makes no IVF16.* of width 32: "):
            space.refresh_index(factory=wrong)


def test_the_size_that_is_planned_is_the_size_it_has(space: Space) -> None:
    facts = read_facts(space.directory)
    assert facts is not None
    assert facts.plan.bytes == pytest.approx(facts.bytes, rel=0.02)


def test_an_index_that_is_newer_than_the_rows_counted_serves_the_next_search(
    bench: Workbench, space: Space
) -> None:
    _add(bench, space, _noise(300))
    assert space.refresh_index() is Step.ADD
    reader = Space(space.info, space.directory, space.catalog)
    assert reader.index(N) is None
    index = reader.index(N + 300)
    assert index is not None
    assert index.covered == N + 300


def test_another_format_of_the_facts_is_no_index(space: Space) -> None:
    _, path = index_facts.files(space.directory)
    for was, then in [('"format": 1', '"format": 2'), ('"cells": 64', '"cells": -1')]:
        text = path.read_text(encoding="utf-8")
        assert was in text
        path.write_text(text.replace(was, then), encoding="utf-8")
        assert read_facts(space.directory) is None
        path.write_text(text, encoding="utf-8")
        assert read_facts(space.directory) is not None


# filters and pages


@pytest.mark.parametrize("kept", [0, 1, 5, 30, 300, 1_500, N])
def test_the_index_answers_among_the_rows_that_pass(
    space: Space, clustered: tuple[Vectors, Vectors], kept: int
) -> None:
    """As many hits as there are, only rows that pass, and as good as the shortlist lets them be."""
    rows, queries = clustered
    index = space.index(N)
    assert index is not None
    passing = np.sort(np.random.default_rng(5).choice(N, kept, replace=False))
    among = RowSet.of(passing, N)
    found = []
    for query in queries:
        ranked = engine.rank_through(
            index,
            rows.astype(np.float16),
            query,
            Setting(8, 300),
            k=10,
            among=among,
        )
        _, exact = scan(rows.astype(np.float16), query[np.newaxis], 10, among=passing)
        assert len(ranked) == min(10, kept)
        assert {row for row, _ in ranked} <= set(passing.tolist())
        found.append(len({row for row, _ in ranked} & set(exact[0].tolist())))
    assert sum(found) >= 0.8 * 20 * min(10, kept)


def test_where_nothing_near_passes_all_cells_are_visited(
    space: Space, clustered: tuple[Vectors, Vectors]
) -> None:
    rows, queries = clustered
    index = space.index(N)
    assert index is not None
    far = np.argsort(rows @ queries[0])[:400]
    ranked = engine.rank_through(
        index, rows.astype(np.float16), queries[0], Setting(1, 300), k=10, among=RowSet.of(far, N)
    )
    _, exact = scan(rows.astype(np.float16), queries[:1], 10, among=np.sort(far))
    assert len({row for row, _ in ranked} & set(exact[0].tolist())) >= 7


def test_a_filter_with_few_rows_is_scanned(
    space: Space, clustered: tuple[Vectors, Vectors], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(faiss_index.AnnIndex, "candidates", lambda *_: asked.append(1))
    monkeypatch.setattr(engine, "FEW_ROWS", 2_000)
    monkeypatch.setattr(space.catalog, "rows_matching", lambda *_: np.arange(2_000))
    hits = rank_images(space, space.catalog, clustered[1][0], k=10, where=Filter(camera="any"))
    _, exact = scan(clustered[0].astype(np.float16)[:2_000], clustered[1][:1], 10)
    assert [int(hit.path.name) for hit in hits] == exact[0].tolist()
    assert not asked


@pytest.mark.parametrize("page", [7, 10, 25])
def test_pages_continue_each_other_to_the_end(
    space: Space, clustered: tuple[Vectors, Vectors], page: int
) -> None:
    query = clustered[1][3]
    paged: list[int] = []
    for offset in range(0, N + page, page):
        hits = rank_images(space, space.catalog, query, k=page, offset=offset)
        assert [hit.rank for hit in hits] == list(range(offset + 1, offset + 1 + len(hits)))
        paged += [hit.id for hit in hits]
    assert len(paged) == N
    assert len(set(paged)) == N


def test_a_search_is_set_by_the_modality_of_its_query(
    space: Space, clustered: tuple[Vectors, Vectors], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = TunedSetting(30, 120, 10, 0.95, 0.96, 1.0, 2.0, 500, "captions", N)
    image = TunedSetting(3, 200, 10, 0.95, 0.96, 1.0, 2.0, 500, "a sample", N)
    space.save_tuned(text, image)
    used: list[tuple[Setting, int]] = []
    look_up = faiss_index.AnnIndex.candidates

    def spy(
        self: faiss_index.AnnIndex, query: np.ndarray, setting: Setting, size: int, *rest: Any
    ) -> np.ndarray:
        used.append((setting, size))
        return look_up(self, query, setting, size, *rest)

    monkeypatch.setattr(faiss_index.AnnIndex, "candidates", spy)
    for modality in (Modality.TEXT, Modality.IMAGE, None):
        rank_images(space, space.catalog, clustered[1][0], k=10, modality=modality)
    assert used == [(Setting(30, 120), 120), (Setting(3, 200), 200), (Setting(30, 200), 200)]
