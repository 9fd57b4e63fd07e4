"""The methods of search: what an index loses, measured against the exact scan."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from searchengine.errors import MissingExtraError
from searchengine.evaluation import index_loss
from searchengine.evaluation.index_loss import EXACT, RAW, RESCORED, caveats, measure_methods
from searchengine.evaluation.results import SearchMethodRow
from searchengine.index import faiss_index
from searchengine.measures.ranks import pair_ranks
from searchengine.measures.recall import success
from searchengine.vectors.scan import NO_ROW
from tests.support.captioned import Case, unit

KS = (1, 5, 10)


def clustered(n: int, d: int = 32, queries: int = 300) -> Case:
    """Images in clusters, and texts that lie aside of them all, each nearest to its image."""
    random = np.random.default_rng(n)
    centres = random.normal(size=(8, d))
    images = unit(centres[random.integers(0, 8, size=n)] + random.normal(size=(n, d)) / 2)
    owners = random.integers(0, n, size=queries)
    texts = images[owners] + random.normal(size=(queries, d)) / 12
    texts[:, 0] += 1
    return Case(images, unit(texts), owners)


def methods(case: Case, asked: str = "both") -> dict[str, SearchMethodRow]:
    rows = measure_methods(*case, KS, through=asked)
    assert all(row.direction == "image_retrieval" for row in rows)
    return {row.method: row for row in rows}


@pytest.fixture(scope="module")
def thousand() -> Case:
    return clustered(1000)


@pytest.fixture(scope="module")
def table(thousand: Case) -> dict[str, SearchMethodRow]:
    return methods(thousand)


def test_the_exact_method_is_the_truth(thousand: Case, table: dict[str, SearchMethodRow]) -> None:
    exact = table[EXACT]
    assert exact.agreement == dict.fromkeys(KS, 1.0)
    assert exact.bytes_per_image == 2 * 32
    stored = thousand.images.astype(np.float16)
    pairs = pair_ranks(stored, thousand.captions, thousand.owners)
    assert not pairs.image_ties.any()
    assert exact.recall == success(pairs.of_image, KS)
    assert 0 < exact.recall[1] < exact.recall[10]


def test_scoring_again_wins_back_what_the_codes_lose(table: dict[str, SearchMethodRow]) -> None:
    index, raw = table[RESCORED], table[RAW]
    for k in KS:
        assert raw.agreement[k] <= index.agreement[k] < 1
    assert raw.agreement[10] < index.agreement[10] - 0.1
    assert raw.recall[1] < index.recall[1] <= table[EXACT].recall[1]
    assert index.bytes_per_image == raw.bytes_per_image + 2 * 32


@pytest.mark.parametrize("n", [256, 300, 600])
def test_small_sets_have_all_lines(n: int) -> None:
    table = methods(clustered(n, queries=60))
    assert list(table) == [EXACT, RESCORED, RAW]
    assert all(table[RAW].agreement[k] <= table[RESCORED].agreement[k] for k in KS)


@pytest.mark.parametrize(
    ("asked", "lines"),
    [("exact", [EXACT]), ("index", [RESCORED, RAW]), ("both", [EXACT, RESCORED, RAW])],
)
def test_the_lines_that_are_asked_for(asked: str, lines: list[str]) -> None:
    assert list(methods(clustered(256, queries=20), asked)) == lines


def test_too_few_images_have_no_index(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)  # nor is there any need of one
    few = clustered(255, queries=20)
    assert list(methods(few)) == [EXACT]
    assert methods(few, "index") == {}


def test_speeds_are_those_of_the_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = np.array([0.001] * 100 + [0.002] * 97 + [0.010] * 3)
    monkeypatch.setattr(index_loss, "_time", lambda *_: seconds)
    (row,) = methods(clustered(20, queries=5)).values()
    assert row.queries_per_second == pytest.approx(200 / (0.1 + 0.194 + 0.03))
    assert row.p50_ms == pytest.approx(1.5)
    assert row.p99_ms == pytest.approx(10, rel=0.01)


def test_queries_are_timed_one_by_one_after_a_first() -> None:
    asked: list[float] = []

    def answer(queries: np.ndarray, k: int) -> np.ndarray:
        assert (queries.shape, k) == ((1, 1), 7)
        asked.append(float(queries[0, 0]))
        return np.zeros((1, k), dtype=np.int64)

    seconds = index_loss._time(answer, np.arange(4, dtype=np.float32)[:, np.newaxis], 7)
    assert asked == [0, 0, 1, 2, 3]
    assert seconds.shape == (4,)
    assert (seconds > 0).all()


def test_places_the_index_leaves_empty_are_no_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a single hit of the index: -1 in every place is not taken for a row."""
    case = clustered(300, queries=20)
    monkeypatch.setattr(
        faiss_index.AnnIndex,
        "nearest",
        lambda _self, asked, k: np.full((len(asked), k), NO_ROW),
    )
    table = methods(case)
    assert table[RAW].recall == table[RAW].agreement == dict.fromkeys(KS, 0.0)
    assert table[RESCORED].recall == table[EXACT].recall, "as a search, it then scans everything"


def test_a_gallery_smaller_than_k() -> None:
    case = clustered(4, queries=6)
    exact = methods(case)[EXACT]
    assert exact.recall[5] == exact.recall[10] == exact.agreement[10] == 1


def test_what_an_index_over_so_few_images_does_not_say() -> None:
    assert caveats("exact", 59) == caveats("index", 100_000) == []
    (few,) = caveats("both", 255)
    assert few.startswith("An index needs 256 images to be trained on and there are 255, so")
    (some,) = caveats("index", 256)
    assert some.startswith("A library of fewer than 100,000 images is searched exactly, so the")
    assert "--distractors" in few
    assert "--distractors" in some


def test_without_faiss_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(MissingExtraError, match=r"clipseek\[cpu\]"):
        faiss_index.load_faiss()
