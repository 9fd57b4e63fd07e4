"""Tuning: what is chosen reaches the target, what is reported is what a search then finds."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from searchengine.catalog.records import Batch
from searchengine.errors import InputError, LibraryLockedError
from searchengine.index import plan as index_plan
from searchengine.index.facts import read_facts
from searchengine.index.types import Modality, Setting
from searchengine.library.library import Library
from searchengine.measures.agreement import agreement
from searchengine.retrieval import rank as engine
from searchengine.retrieval.rank import rank_images, rank_through
from searchengine.texts.everyday import everyday_texts
from searchengine.tuning import choose as choosing
from searchengine.tuning import queries as tuning_queries
from searchengine.tuning import tune as tuning
from searchengine.tuning.choose import _ValidationSet, choose, depths, probe_numbers
from searchengine.tuning.queries import QuerySet, exact_answers, without_own
from searchengine.tuning.tune import TuneReport
from searchengine.types import FileState, ImageEntry, ImageFacts, Vectors
from searchengine.vectors.rowset import RowSet
from searchengine.vectors.scan import NO_ROW
from tests.conftest import Workbench
from tests.support.fake import FakeEncoder

N, DIM = 3_000, 32


def _unit(rows: np.ndarray) -> Vectors:
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return np.ascontiguousarray(unit, dtype=np.float32)


class CloudEncoder(FakeEncoder):
    """Texts land off the clouds of the images, each text always in the same place."""

    dim = DIM

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        centres = np.random.default_rng(3).normal(size=(40, DIM))
        seeds = [np.random.default_rng(list(text.encode())) for text in texts]
        near = [centres[seed.integers(40)] + 0.5 * seed.normal(size=DIM) + 2.0 for seed in seeds]
        return _unit(np.array(near))


@pytest.fixture
def clouds(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    """A library of 3,000 rows in 40 clouds, 300 of them dead, large enough for an index."""
    pytest.importorskip("faiss", reason="needs faiss: pip install 'clipseek[cpu]'")
    monkeypatch.setattr(index_plan, "EXACT_BELOW", 1_000)
    monkeypatch.setattr(engine, "FEW_ROWS", 20)
    monkeypatch.setattr(choosing, "SHORTLISTS", (100, 200, 400))
    monkeypatch.setattr(choosing, "TIMED", 10)
    monkeypatch.setattr(tuning, "TIMED_EXACT", 3)
    monkeypatch.setattr(tuning, "QUERIES", 300)
    bench.encoder = CloudEncoder()
    random = np.random.default_rng(3)
    centres = random.normal(size=(40, DIM))
    rows = _unit(centres[random.integers(40, size=N)] + 0.5 * random.normal(size=(N, DIM)))
    entries = [
        ImageEntry(FileState(f"/p/{n}", 1, 1), n.to_bytes(4, "big"), ImageFacts(1, 1, "PNG"))
        for n in range(N)
    ]
    with bench.open() as library:
        with library.writing() as writer:
            writer.commit(writer.space_for(bench.encoder), Batch(added=entries), rows)
            writer.commit(None, Batch(removed=range(1, 301)))
        yield library


TEXTS = [f"query {number}" for number in range(400)]


def _row(report: TuneReport, modality: str, way: str = "index, tuned") -> tuple[float, int, int]:
    [row] = [row for row in report.rows if (row.modality, row.way) == (modality, way)]
    return row.agreement, row.nprobe or 0, row.shortlist or 0


# the parts


def test_depths_against_looking_for_each() -> None:
    random = np.random.default_rng(2)
    found = np.array([random.permutation(50)[:20] for _ in range(30)])
    found[3, 10:] = NO_ROW
    exact = np.array([random.permutation(50)[:5] for _ in range(30)])
    for line, wanted, depth in zip(found, exact, depths(found, exact), strict=True):
        for number, place in zip(wanted.tolist(), depth.tolist(), strict=True):
            there = line.tolist().index(number) if number in line else np.iinfo(np.int64).max
            assert place == there


def test_a_row_is_no_answer_to_itself() -> None:
    found = np.array([[4, 7, 9], [7, 4, 9], [9, 4, 7], [1, 2, 3]])
    own = np.array([4, 4, 4, NO_ROW])
    assert without_own(found, own, 2).tolist() == [[7, 9], [7, 9], [9, 7], [1, 2]]


@pytest.mark.parametrize("cells", [1, 2, 7, 64, 1_000, 4_096])
def test_numbers_of_cells_go_from_one_to_all(cells: int) -> None:
    numbers = probe_numbers(cells)
    assert numbers == sorted(set(numbers))
    assert (numbers[0], numbers[-1]) == (1, cells)
    assert all(after <= 1.2 * before + 1 for before, after in itertools.pairwise(numbers))


def test_the_shipped_queries() -> None:
    texts = everyday_texts()
    assert len(texts) >= 1_000
    assert len({text.lower() for text in texts}) == len(texts)
    assert all(text == text.strip() and 3 <= len(text) <= 60 for text in texts)


@pytest.mark.parametrize("modality", list(Modality))
def test_what_a_look_up_foretells_is_what_a_search_finds(
    clouds: Library, modality: Modality
) -> None:
    """The agreement of every setting from one look-up, against ranking each query with it."""
    space = clouds.space()
    space.refresh_index()
    index = space.index(N)
    assert index is not None
    rows = space.images.read(N)
    alive = np.arange(300, N)
    vectors = clouds.encoders.whole(space).encode_texts(TEXTS[:40])
    own = np.full(40, NO_ROW)
    if modality is Modality.IMAGE:
        own = alive[::60][:40]
        vectors = rows[own].astype(np.float32)
    queries = QuerySet(modality, vectors, own, "here")
    exact = exact_answers(rows, queries, 10, alive)
    among = RowSet.of_mask(np.arange(N) >= 300)
    half = _ValidationSet(index, queries, exact, among)
    assert half.shortlists == [100, 200, 400]
    for nprobe in (4, 16, 64):
        for shortlist, shares in zip(half.shortlists, half.shares(nprobe), strict=True):
            setting = Setting(nprobe, shortlist)
            found = np.full((40, 11), NO_ROW)
            for line, query in zip(found, vectors, strict=True):
                ranked = rank_through(index, rows, query, setting, k=11, among=among)
                line[: len(ranked)] = [row for row, _ in ranked]
            seen = agreement(without_own(found, own, 10), exact, 10)
            assert shares.mean() == pytest.approx(seen, abs=0.011)


# the whole


def test_a_higher_target_takes_more_and_is_reached(clouds: Library) -> None:
    low = clouds.tune(target=0.7, queries=TEXTS)
    high = clouds.tune(target=0.97, queries=TEXTS)
    assert low.reached
    assert high.reached
    for modality in ("text", "image"):
        assert _row(low, modality)[0] >= 0.7
        assert _row(high, modality)[0] >= 0.97
        assert _row(low, modality)[1:] < _row(high, modality)[1:]
        assert _row(high, modality, "exact scan")[0] == 1
    assert high.images == 2_700
    assert high.factory == "IVF64,PQ4np"


def test_what_is_reported_is_what_searches_then_find(clouds: Library) -> None:
    report = clouds.tune(target=0.9, queries=TEXTS)
    space = clouds.space()
    agreed, nprobe, shortlist = _row(report, "text")
    kept = read_facts(space.directory)
    assert kept is not None
    assert kept.text is not None
    assert kept.text.setting == Setting(nprobe, shortlist)
    assert (kept.text.agreement, kept.text.queries, kept.text.source) == (
        agreed,
        150,
        "given queries",
    )
    assert clouds.index_info().text == Setting(nprobe, shortlist)
    found = []
    for query in clouds.encoders.whole(space).encode_texts(TEXTS):
        near, truth = (
            {
                hit.id
                for hit in rank_images(
                    space, space.catalog, query, k=10, exact=exact, modality=Modality.TEXT
                )
            }
            for exact in (False, True)
        )
        found.append(len(near & truth) / 10)
    assert np.mean(found) == pytest.approx(agreed, abs=0.04)


def test_a_target_out_of_reach_is_said_to_be(
    clouds: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choosing, "SHORTLISTS", (100,))
    report = clouds.tune(target=1.0, queries=TEXTS)
    assert not report.reached
    assert 0.8 < _row(report, "text")[0] < 1
    for modality in ("text", "image"):
        agreed, _, shortlist = _row(report, modality)
        assert agreed >= _row(clouds.tune(target=0.5, queries=TEXTS), modality)[0]
        assert shortlist >= 100


def test_the_quickest_of_those_that_reach_it(
    clouds: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = clouds.space()
    space.refresh_index()
    index = space.index(N)
    assert index is not None
    rows, alive = space.images.read(N), np.arange(300, N)
    vectors = clouds.encoders.whole(space).encode_texts(TEXTS[:100])
    queries = QuerySet(Modality.TEXT, vectors, np.full(100, NO_ROW), "here")
    exact = exact_answers(rows, queries, 10, alive)
    for favourite in (100, 200, 400):

        def quick(
            _self: _ValidationSet, _rows: object, setting: Setting, best: int = favourite
        ) -> np.ndarray:
            return np.array([abs(setting.shortlist - best) + 1.0])

        monkeypatch.setattr(_ValidationSet, "milliseconds", quick)
        chosen = choose(index, rows, queries, exact, alive, 0.5)
        assert chosen.shortlist == favourite
        half = _ValidationSet(index, queries, exact, RowSet.of(np.arange(300, N), N))
        place = half.shortlists.index(favourite)
        fewer = half.probes[half.probes.index(chosen.nprobe) - 1]
        assert half.shares(chosen.nprobe)[place].mean() >= 0.5
        if chosen.nprobe > 1:
            shares = half.shares(fewer)[place]
            assert shares.mean() - choosing.SURE * shares.std() / 10 < 0.5


def test_a_small_library_is_scanned_and_nothing_is_tuned(
    clouds: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_plan, "EXACT_BELOW", 5_000)
    monkeypatch.setitem(sys.modules, "faiss", None)  # nor is there any need of it
    report = clouds.tune()
    assert (report.factory, report.build_seconds, report.reached) == (None, None, True)
    assert [(row.modality, row.way, row.agreement) for row in report.rows] == [
        ("text", "exact scan", 1.0),
        ("image", "exact scan", 1.0),
    ]
    assert report.rows[0].source == "everyday queries that are shipped"
    assert 0 < report.rows[0].p50_ms <= report.rows[0].p99_ms
    assert clouds.index_info().index is None


def test_a_factory_is_built_for_a_small_library_too(
    clouds: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_plan, "EXACT_BELOW", 5_000)
    assert clouds.tune(queries=TEXTS, factory="IVF16,PQ8np").factory == "IVF16,PQ8np"
    assert clouds.tune(queries=TEXTS).factory == "IVF16,PQ8np"


def test_a_memory_limit_makes_the_index_smaller(clouds: Library) -> None:
    before = clouds.tune(queries=TEXTS)
    after = clouds.tune(queries=TEXTS, memory=70_000)
    assert (before.factory, after.factory) == ("IVF64,PQ4np", "IVF64,PQ2np")
    info = clouds.index_info().index
    assert info is not None
    assert info.bytes <= 70_000
    with pytest.raises(InputError, match=r"more than the 0\.0 MB of --memory"):
        clouds.tune(queries=TEXTS, memory=10_000)


def test_the_captions_of_the_library_are_asked_where_there_are_enough(
    clouds: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning_queries, "LEAST_CAPTIONS", 60)
    pairs = [(f"/p/{number}", text) for number, text in enumerate(TEXTS[:59], start=400)]
    clouds.add_captions(pairs)
    assert clouds.tune().rows[0].source == "everyday queries that are shipped"
    clouds.add_captions([("/p/1000", "one more")])
    row = clouds.tune().rows[0]
    assert (row.source, row.queries) == ("captions of the library", 30)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"target": 0.0}, r"the target is in \(0, 1\] and k at least 1, not 0 and 10"),
        ({"target": 1.5}, "not 1.5 and 10"),
        ({"k": 0}, "not 0.95 and 0"),
        ({"k": 2_700}, "2,700 images are too few to find the first 2700"),
        (
            {"queries": ["one", "two", "two"]},
            "2 different queries are too few to tune with; give 20",
        ),
    ],
)
def test_what_cannot_be_tuned(clouds: Library, asked: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        clouds.tune(**asked)  # type: ignore[arg-type]


def test_nobody_writes_meanwhile(
    clouds: Library, bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def encode(texts: Sequence[str]) -> Vectors:
        with bench.open() as other, pytest.raises(LibraryLockedError):
            other.remove([Path("/p/500")])
        asked.append(len(texts))
        return CloudEncoder().encode_texts(texts)

    monkeypatch.setattr(bench.encoder, "encode_texts", encode)
    clouds.tune(queries=TEXTS[:30])
    assert asked == [30]
