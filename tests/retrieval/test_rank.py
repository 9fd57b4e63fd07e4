"""Pages of hits: disjoint, complete and in order, exact and through an index, with many ties."""

from __future__ import annotations

import shutil
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from searchengine.index import faiss_build
from searchengine.index.faiss_index import AnnIndex
from searchengine.index.plan import given_plan
from searchengine.index.types import Setting
from searchengine.retrieval.rank import rank_texts, rank_through
from searchengine.stacks.folding import Ranked
from searchengine.vectors.rowset import RowSet
from tests.conftest import Workbench
from tests.support.captioned import unit

N, COVERED, DIM = 1_000, 900, 32


@pytest.fixture(scope="module")
def tied() -> np.ndarray:
    """Stored rows: 400 copies of one, 40 of each of five, the rest random, in mixed order."""
    random = np.random.default_rng(0)
    rows = unit(random.normal(size=(N, DIM)))
    rows[:400] = rows[0]
    for start in range(400, 600, 40):
        rows[start : start + 40] = rows[start]
    return random.permutation(rows).astype(np.float16)


@pytest.fixture(scope="module")
def index(tied: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> AnnIndex:
    """Over all rows but the last hundred."""
    pytest.importorskip("faiss", reason="needs faiss: pip install 'clipseek[cpu]'")
    plan = given_plan("IVF8,PQ8np", COVERED, DIM)
    return faiss_build.build(tied[:COVERED], plan, tmp_path_factory.mktemp("index"))


@settings(max_examples=25)
@example(seed=0, page=10, share=1.0, shortlist=300, probes=8, copy=True)
@example(seed=0, page=7, share=1.0, shortlist=60, probes=2, copy=True)
@given(
    seed=st.integers(0, 10_000),
    page=st.sampled_from([1, 3, 7, 10, 50]),
    share=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    shortlist=st.sampled_from([20, 60, 300, 1_000]),
    probes=st.sampled_from([1, 2, 8]),
    copy=st.booleans(),
)
def test_pages_through_the_index_hold_every_row_once_in_two_ordered_parts(
    tied: np.ndarray,
    index: AnnIndex,
    seed: int,
    page: int,
    share: float,
    shortlist: int,
    probes: int,
    copy: bool,
) -> None:
    random = np.random.default_rng(seed)
    most = 150 if page < 7 else N
    passing = np.sort(random.permutation(np.flatnonzero(random.random(N) < share))[:most])
    among = RowSet.of(passing, N)
    near = tied[seed % N].astype(np.float32) if copy else np.zeros(DIM)
    [query] = unit(near + random.normal(size=(1, DIM)) / 20)
    setting = Setting(probes, shortlist)
    paged: Ranked = []
    for offset in range(0, len(passing) + 1, page):
        ranked = rank_through(index, tied, query, setting, k=page, offset=offset, among=among)
        paged += ranked[offset:]
    assert sorted(row for row, _ in paged) == passing.tolist()
    cosines = {
        row: (tied[row].astype(np.float64) * query.astype(np.float64)).sum()
        for row in passing.tolist()
    }
    assert [score for _, score in paged] == [float(np.float32(cosines[row])) for row, _ in paged]
    places = [(-cosines[row], row) for row, _ in paged]
    assert sum(after < before for before, after in pairwise(places)) <= 1


def test_pages_through_an_index_that_misses_nothing_are_those_of_an_exact_scan(
    tied: np.ndarray, index: AnnIndex
) -> None:
    query = tied[1].astype(np.float32)
    ranked = rank_through(index, tied, query, Setting(8, N), k=10, offset=N)
    cosines = (tied.astype(np.float64) * query.astype(np.float64)).sum(axis=1)
    order = np.lexsort((np.arange(N), -cosines))
    assert [row for row, _ in ranked] == order.tolist()


@pytest.fixture
def copied(bench: Workbench) -> Workbench:
    """A library of 400 copies of one picture between 30 others, some of them twice."""
    original = bench.paint("original.png", "red")
    for number in range(400):
        shutil.copy(original, bench.photos / f"{number % 7}-{number:03}.png")
    original.unlink()
    for number in range(15):
        other = bench.paint(f"3-other-{number:02}.png", (17 * number, 0, 255 - 17 * number))
        shutil.copy(other, bench.photos / f"1-again-{number:02}.png")
    bench.index()
    return bench


@pytest.mark.parametrize("query", ["red", "blue", "magenta"])
def test_pages_of_a_library_with_400_copies_of_one_picture(copied: Workbench, query: str) -> None:
    with copied.open() as library:
        pages = [library.search(query, k=10, offset=offset) for offset in range(0, 440, 10)]
        whole = library.search(query, k=430)
    hits = [hit for page in pages for hit in page]
    assert [len(page) for page in pages] == [10] * 43 + [0]
    assert len({hit.path for hit in hits}) == 430
    assert hits == whole
    assert [hit.rank for hit in hits] == list(range(1, 431))
    assert all(before.score >= after.score for before, after in pairwise(hits))
    copies = [hit for hit in hits if len(hit.path.stem) == len("0-000")]
    assert len(copies) == 400
    assert len({hit.score for hit in copies}) == 1
    assert [hit.id for hit in copies] == sorted(hit.id for hit in copies)


@pytest.mark.parametrize("k", [1, 2, 5, 9])
def test_the_best_different_texts_whatever_stands_between_them(k: int) -> None:
    random = np.random.default_rng(k)
    different = unit(random.normal(size=(7, 16)))
    which = np.concatenate([np.full(300, 3), random.integers(0, 7, size=50)])
    texts = [f"text {number}" for number in which.tolist()]
    hits = rank_texts(different[3], texts, different[which], k=k)
    cosines = (different.astype(np.float64) * different[3].astype(np.float64)).sum(axis=1)
    order = np.argsort(-cosines)[:k].tolist()
    assert [hit.text for hit in hits] == [f"text {number}" for number in order]
    assert [hit.score for hit in hits] == cosines[order].astype(np.float32).tolist()
    assert [hit.rank for hit in hits] == list(range(1, len(order) + 1))
