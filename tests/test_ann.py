"""The approximate index: agreement with the exact answer, freshness, and loss without harm."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from searchengine import ann
from searchengine.ann import IndexPlan, needs_build, plan_index
from searchengine.catalog import Batch
from searchengine.engine import rank_images
from searchengine.library import open_library
from searchengine.space import Space
from searchengine.types import FileState, ImageEntry, ImageFacts, Vectors
from tests.conftest import Workbench
from tests.fake import FakeEncoder

N, DIM = 3_000, 32


def test_plan_is_a_pure_function_of_size() -> None:
    assert plan_index(999, 512) is None
    assert plan_index(1_000_000, 512) == IndexPlan("IVF2048,PQ64np", 2048, 81_920)
    assert plan_index(100_000, 256) == IndexPlan("IVF1024,PQ32np", 1024, 40_960)
    for d in (4, 10, 77, 256, 511, 768):
        plan = plan_index(100_000, d)
        assert plan is not None
        assert d % int(plan.factory.split("PQ")[1].removesuffix("np")) == 0


def test_when_to_build() -> None:
    n = ann.EXACT_BELOW
    assert not needs_build(n - 1, 0)
    assert needs_build(n, 0)
    assert not needs_build(n, n)
    assert not needs_build(2 * n, int(1.6 * n))
    assert needs_build(2 * n, int(1.4 * n))


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
    monkeypatch.setattr(ann, "EXACT_BELOW", 1_000)
    monkeypatch.setattr(ann, "SHORTLIST", 300)


@pytest.fixture(scope="module")
def built(clustered: tuple[Vectors, Vectors], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of 3,000 rows with an index over them, made once."""
    pytest.importorskip("faiss", reason="needs faiss: pip install 'clipseek[cpu]'")
    encoder = FakeEncoder()
    encoder.dim = DIM
    path = tmp_path_factory.mktemp("built") / "library"
    with pytest.MonkeyPatch.context() as patch, open_library(path, create=True) as library:
        patch.setattr(ann, "EXACT_BELOW", 1_000)
        with library.writing() as writer:
            space = writer.space_for(encoder)
            writer.commit(space, Batch(added=_entries(0, N)), clustered[0])
        assert space.wants_index()
        space.build_index()
        assert not space.wants_index()
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
    return [hit.id for hit in rank_images(space, query, k=10, exact=exact)]


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
    for hit in rank_images(space, queries[0], k=10):
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
    hits = rank_images(space, query, k=10)
    assert hits[0].path == Path(f"/p/{N}")
    assert len(hits) == 10
    assert not {hit.id for hit in hits} & set(best)


def test_k_hits_even_when_the_shortlist_is_dead(
    bench: Workbench, space: Space, clustered: tuple[Vectors, Vectors]
) -> None:
    query = clustered[1][0]
    near = [hit.id for hit in rank_images(space, query, k=N - 50, exact=True)]
    with bench.open() as library, library.writing() as writer:
        writer.commit(None, Batch(removed=near))
    assert len(rank_images(space, query, k=10)) == 10


@pytest.mark.parametrize("damage", ["delete", "truncate", "scribble", "too new", "no facts"])
def test_a_lost_or_damaged_index_costs_no_answer(
    space: Space, clustered: tuple[Vectors, Vectors], damage: str
) -> None:
    file, facts = ann.files(space.directory)
    expected = [_ids(space, query, exact=True) for query in clustered[1]]
    if damage == "delete":
        file.unlink()
    elif damage == "truncate":
        file.write_bytes(file.read_bytes()[:1000])
    elif damage == "scribble":
        file.write_bytes(b"no index at all" * 100)
    elif damage == "too new":
        facts.write_text('{"covered": 999999}')
    else:
        facts.unlink()
    fresh = Space(space.info, space.directory, space.catalog)
    assert fresh.index(N) is None
    assert [_ids(fresh, query, exact=False) for query in clustered[1]] == expected


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
        "install it with: pip install 'clipseek[cpu]'"
    ]
