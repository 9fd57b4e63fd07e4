"""Equal scores: one order, whatever the block, k, filter, kind of rows and way to scan them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from searchengine.float16 import widened
from searchengine.vectors import scan as exact
from searchengine.vectors import scan_torch
from searchengine.vectors.scan import Candidates, blocks, scan
from searchengine.vectors.scan_torch import best_rows, tensor
from tests.support.captioned import unit

Found = tuple[np.ndarray, np.ndarray]
Scan = Callable[..., Found]


def on_device(
    rows: np.ndarray, queries: np.ndarray, k: int, *, among: np.ndarray | None = None
) -> Found:
    """As `best_rows` goes about it on a GPU, with tensors that happen to be on the CPU."""
    found = Candidates(rows, queries, min(k, len(rows) if among is None else len(among)))
    with np.errstate(invalid="ignore"):
        for numbers, block in blocks(rows, among, scan_torch.ROWS_AT_A_TIME):
            scores = tensor(queries, "cpu") @ tensor(block, "cpu").T
            scan_torch._collect(found, scores, numbers, 0)
        return found.best()


WAYS: list[Scan] = [scan, best_rows, on_device]


def oracle(rows: np.ndarray, query: np.ndarray, among: np.ndarray) -> Found:
    """Float64 scores and row numbers of all of `among`, one pair after another, in order."""
    right = widened(rows).astype(np.float64)
    scores = np.array([(right[row] * query.astype(np.float64)).sum() for row in among])
    order = np.lexsort((among, -scores))
    return scores[order].astype(np.float32), among[order]


def copies(random: np.random.Generator, n: int, different: int, d: int) -> np.ndarray:
    """`n` unit rows of which only a few differ, in mixed order: ties at every border."""
    return unit(random.normal(size=(different, d)))[random.integers(different, size=n)]


def small_blocks(patch: pytest.MonkeyPatch, rows: int) -> None:
    """So many rows a block, and candidates that are thrown away as often as can be."""
    patch.setattr(exact, "BLOCK_ROWS", rows)
    patch.setattr(scan_torch, "ROWS_AT_A_TIME", rows)
    patch.setattr(scan_torch, "SCORES_AT_A_TIME", 2 * rows)
    patch.setattr(exact, "LEAST_SPARE", 2)
    patch.setattr(exact, "SAMPLED", 5)
    patch.setattr(exact, "LISTED", 9)
    patch.setattr(scan_torch, "LISTED", 9)


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=25)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(1, 90),
    different=st.integers(1, 9),
    d=st.sampled_from([3, 64, 256]),
    block=st.sampled_from([1, 7, 32, 100]),
    page=st.integers(1, 50),
    some=st.booleans(),
    halves=st.booleans(),
)
def test_pages_are_the_order_cut_in_parts(
    way: Scan,
    seed: int,
    n: int,
    different: int,
    d: int,
    block: int,
    page: int,
    some: bool,
    halves: bool,
) -> None:
    random = np.random.default_rng(seed)
    rows = copies(random, n, different, d).astype(np.float16 if halves else np.float32)
    queries = np.vstack([unit(random.normal(size=(1, d))), widened(rows[:1]), np.zeros((1, d))])
    queries = queries.astype(np.float32)
    among = np.flatnonzero(random.random(n) < 0.6) if some else None
    passing = np.arange(n) if among is None else among
    pages: list[Found] = []
    with pytest.MonkeyPatch.context() as patch:
        small_blocks(patch, block)
        for offset in range(0, max(1, len(passing)), page):
            scores, numbers = way(rows, queries, offset + page, among=among)
            pages.append((scores[:, offset:], numbers[:, offset:]))
    scores, numbers = (np.hstack(parts) for parts in zip(*pages, strict=True))
    for line, query in enumerate(queries):
        expected = oracle(rows, query, passing)
        np.testing.assert_array_equal(numbers[line], expected[1])
        np.testing.assert_array_equal(scores[line], expected[0])


@pytest.mark.parametrize("d", [256, 512, 1000])
def test_equal_rows_score_the_same_wherever_they_stand(d: int) -> None:
    """Float32 products of a real size differ in their last digits at the edges of a block."""
    random = np.random.default_rng(d)
    queries = unit(random.normal(size=(7, d)))
    rows = unit(random.normal(size=(997, d)))
    copied = np.sort(random.choice(997, 400, replace=False))
    rows[copied] = unit(queries[:1] + random.normal(size=(1, d)) / 50)
    kept, stored = rows.astype(np.float16).astype(np.float32), rows.astype(np.float16)
    first: list[np.ndarray] = []
    for k in (1, 10, 123, 399, 400, 401):
        for way in (scan, best_rows):
            for same in (kept, stored):
                scores, numbers = way(same, queries[:1], k)
                np.testing.assert_array_equal(numbers[0, :400], copied[:k])
                assert len(set(scores[0, :400].tolist())) == 1
                first.append(scores[0, 0])
    scores, _ = scan(stored, queries, 10)
    assert {*first, scores[0, 0]} == {scores[0, 0]}
    assert scores.dtype == np.float32


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("block", [3, 40])
@pytest.mark.parametrize("halves", [True, False])
def test_damaged_rows_come_last_and_the_others_in_order(
    monkeypatch: pytest.MonkeyPatch, way: Scan, block: int, halves: bool
) -> None:
    random = np.random.default_rng(4)
    rows = copies(random, 60, 5, 16)
    rows[[0, 7, 8, 31]] *= 300
    rows[[1, 9, 40], 3] = np.nan
    rows[[2, 30, 59], 5] = [np.inf, -np.inf, np.inf]
    damaged = [1, 2, 9, 30, 40, 59]
    if halves:
        rows = rows.astype(np.float16)
    query = unit(random.normal(size=(1, 16)))
    sound = np.setdiff1d(np.arange(60), damaged)
    scores, order = oracle(rows, query[0], sound)
    small_blocks(monkeypatch, block)
    for k in range(1, 61):
        found, numbers = way(rows, query, k)
        np.testing.assert_array_equal(numbers[0], [*order, *damaged][:k])
        np.testing.assert_array_equal(found[0, : len(sound)], scores[:k])
        assert np.isnan(found[0, len(sound) :]).all()


@pytest.mark.parametrize("way", WAYS)
def test_a_query_without_a_direction_has_the_order_of_the_rows(way: Scan) -> None:
    rows = copies(np.random.default_rng(0), 50, 20, 8)
    queries = np.stack([np.zeros(8), np.full(8, np.nan)]).astype(np.float32)
    scores, numbers = way(rows, queries, 12)
    np.testing.assert_array_equal(numbers, [np.arange(12)] * 2)
    np.testing.assert_array_equal(scores[0], np.zeros(12))
    assert np.isnan(scores[1]).all()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("n", "k", "asked"), [(0, 5, 2), (3, 5, 2), (3, 0, 2), (3, 2, 0)])
def test_nothing_to_find_or_to_ask(way: Scan, n: int, k: int, asked: int) -> None:
    rows = copies(np.random.default_rng(0), n, 3, 8)
    scores, numbers = way(rows, np.ones((asked, 8), dtype=np.float32), k)
    assert scores.shape == numbers.shape == (asked, min(n, k))
    assert (str(scores.dtype), str(numbers.dtype)) == ("float32", "int64")


@pytest.mark.parametrize("way", WAYS)
def test_candidates_stay_few_while_thousands_of_rows_tie(
    monkeypatch: pytest.MonkeyPatch, way: Scan
) -> None:
    kept: list[int] = []
    add = Candidates.add

    def watched(self: Candidates, *pairs: np.ndarray) -> None:
        add(self, *pairs)
        kept.append(len(self._lines))

    monkeypatch.setattr(Candidates, "add", watched)
    monkeypatch.setattr(exact, "BLOCK_ROWS", 500)
    monkeypatch.setattr(scan_torch, "ROWS_AT_A_TIME", 500)
    rows = copies(np.random.default_rng(0), 5_000, 1, 8)
    _, numbers = way(rows, unit(np.ones((3, 8))), 10)
    np.testing.assert_array_equal(numbers, [np.arange(10)] * 3)
    assert max(kept) <= exact.LEAST_SPARE
