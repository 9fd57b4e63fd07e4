"""The best of pictures and captions together, beside a naive count of every pair."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from searchengine.spaces.captioned import CaptionRows
from searchengine.texts.fusion import WEIGHT, Matching, Spread
from searchengine.texts.ranking import Captioned
from searchengine.vectors.rowset import RowSet
from tests.support.captioned import few_values, make, unit

MATCHING = Matching(Spread(0.05, 0.35), Spread(0.1, 0.7), images=40, captions=30)


def captioned(seed: int, n: int, most: int, d: int) -> Captioned:
    """Rows that tie often, each with up to `most` captions, whose rows are in mixed order."""
    case = make(seed, n, most, d)
    by_owner = np.argsort(case.owners, kind="stable")
    known = CaptionRows(by_owner, case.owners[by_owner])
    [query] = few_values(np.random.default_rng(seed + 1), 1, d)
    rows, texts = case.images.astype(np.float16), case.captions.astype(np.float16)
    return Captioned(rows, texts, known, MATCHING, query)


def naive(case: Captioned, among: np.ndarray) -> list[tuple[int, float]]:
    """Every score, one by one, in order."""
    query = case.query.astype(np.float64)
    scores: dict[int, float] = {}
    for row in among.tolist():
        score = (case.rows[row].astype(np.float64) * query).sum()
        own = case.known.captions[case.known.owners == row]
        if len(own):
            text = max((case.texts[each].astype(np.float64) * query).sum() for each in own)
            matched = (text - 0.1) * (0.35 - 0.05) / (0.7 - 0.1) + 0.05
            score = (1 - WEIGHT) * score + WEIGHT * matched
        scores[row] = min(1.0, max(-1.0, score))
    return sorted(scores.items(), key=lambda pair: (-round(pair[1], 12), pair[0]))


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10_000),
    n=st.sampled_from([1, 2, 40, 300]),
    most=st.sampled_from([1, 4]),
    d=st.sampled_from([3, 16]),
    k=st.sampled_from([1, 2, 10, 1_000]),
    share=st.sampled_from([0.1, 0.5, None]),
)
def test_the_best_are_those_of_every_pair(
    seed: int, n: int, most: int, d: int, k: int, share: float | None
) -> None:
    case = captioned(seed, n, most, d)
    random = np.random.default_rng(seed)
    among = np.arange(n) if share is None else np.flatnonzero(random.random(n) < share)
    found = case.best(k, None if share is None else among)
    expected = naive(case, among)
    scores = dict(expected)
    assert [score for _, score in found] == pytest.approx([s for _, s in expected[:k]], abs=1e-6)
    assert len({row for row, _ in found}) == len(found)
    assert all(score == pytest.approx(scores[row], abs=1e-6) for row, score in found)
    bare = [row for row, _ in found if row not in case.known.owners]
    for row, after in pairwise(bare):
        is_same = np.array_equal(case.rows[row], case.rows[after])
        assert not is_same or row < after, "equal rows stand in their order"


def test_the_first_are_the_first_of_any_more() -> None:
    case = captioned(7, 2_000, 2, 32)
    whole = case.best(2_000, None)
    for k in (1, 10, 99, 500):
        assert case.best(k, None) == whole[:k]


def test_a_damaged_row_hides_no_other() -> None:
    case = captioned(3, 60, 2, 16)
    rows = case.rows.copy()
    rows[case.known.owners[0]] = np.nan
    damaged = Captioned(rows, case.texts, case.known, MATCHING, case.query)
    sound = np.delete(np.arange(60), case.known.owners[0])
    assert damaged.best(5, sound) == case.best(5, sound)
    assert {row for row, _ in damaged.best(6, None)} >= {row for row, _ in case.best(5, sound)}


@pytest.mark.parametrize("size", [1, 5, 40])
@pytest.mark.parametrize("share", [None, 0.3])
def test_the_likely_are_the_images_of_the_nearest_captions(size: int, share: float | None) -> None:
    random = np.random.default_rng(11)
    rows, texts, [query] = (unit(random.normal(size=(n, 16))) for n in (50, 90, 1))
    owners = np.sort(random.integers(0, 50, size=90))
    known = CaptionRows(random.permutation(90), owners)
    case = Captioned(rows, texts.astype(np.float16), known, MATCHING, query)
    among = None if share is None else RowSet.of_mask(random.random(50) < share)
    inside = [n for n in range(90) if among is None or among[owners[n : n + 1]].all()]
    near = sorted(
        inside, key=lambda n: -(texts[known.captions[n]].astype(np.float16).astype(float) @ query)
    )
    assert case.likely(size, among).tolist() == sorted({owners[n] for n in near[:size]})
