"""The arithmetic of one score for a picture and its captions."""

from __future__ import annotations

import json

import numpy as np
import pytest

from searchengine.texts.fusion import HIGH, WEIGHT, Matching, Spread, read_matching, spread
from tests.support.captioned import unit

MATCHING = Matching(Spread(0.05, 0.35), Spread(0.1, 0.7), images=40, captions=30)


def test_a_text_stands_where_a_picture_that_is_as_near_stands() -> None:
    texts = np.array([0.1, 0.7, 0.4, -0.5])
    np.testing.assert_allclose(MATCHING.as_picture(texts), [0.05, 0.35, 0.2, -0.25])
    np.testing.assert_allclose(
        MATCHING.fused(np.array([0.3, 0.3, 0.1, -0.1]), texts),
        (1 - WEIGHT) * np.array([0.3, 0.3, 0.1, -0.1])
        + WEIGHT * np.array([0.05, 0.35, 0.2, -0.25]),
    )


def test_a_score_stays_a_cosine() -> None:
    high = Matching(Spread(0.5, 0.9), Spread(-0.5, 0.0), images=1, captions=1)
    scores = high.fused(np.array([1.0, -1.0]), np.array([1.0, -9.0]))
    assert scores.tolist() == [1.0, -1.0]


def test_a_few_texts_far_from_all_queries_count_for_no_more_than_pictures() -> None:
    few = Matching(Spread(0.1, 0.4), Spread(0.0, 0.1), images=1, captions=1)
    assert few.as_picture(np.array([0.0, 0.5])).tolist() == pytest.approx([0.1, 0.6])


@pytest.mark.parametrize(
    ("pictures", "texts"),
    [(Spread(0.2, 0.4), Spread(0.5, 0.5)), (Spread(0.2, 0.2), Spread(0.1, 0.5))],
)
def test_texts_that_are_all_alike_say_nothing(pictures: Spread, texts: Spread) -> None:
    matching = Matching(pictures, texts, images=9, captions=9)
    assert matching.as_picture(np.array([0.0, 0.5, 1.0])).tolist() == [0.2, 0.2, 0.2]


def test_a_spread_is_of_all_pairs() -> None:
    random = np.random.default_rng(3)
    queries, rows = (unit(random.normal(size=(n, 8))) for n in (40, 50))
    cosines = [float(query @ row) for query in queries for row in rows]
    found = spread(queries, rows)
    assert found.mean == pytest.approx(sum(cosines) / len(cosines), abs=1e-6)
    assert found.high == pytest.approx(float(np.quantile(cosines, HIGH)), abs=1e-6)


def test_what_is_kept_is_read() -> None:
    assert read_matching(MATCHING.as_text()) == MATCHING


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "7", "{", "[" * 100_000,
        json.dumps({**json.loads(MATCHING.as_text()), "pictures": {"mean": 0.1}}),
        json.dumps({**json.loads(MATCHING.as_text()), "texts": {"mean": 0.1, "high": 1e300}}),
        MATCHING.as_text().replace("0.35", "NaN"),
        MATCHING.as_text().replace("0.35", '"0.35"'),
        MATCHING.as_text().replace("40", "Infinity"),
    ],
)  # fmt: skip
def test_what_is_kept_is_somebody_elses(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of json, of float, of ours
        read_matching(text)
