"""What is learned from captions, against plain computations."""

from __future__ import annotations

import numpy as np
import pytest

from searchengine.alignment import candidates
from searchengine.alignment.candidates import (
    hub_bias,
    low_rank,
    mapped,
    procrustes,
    ridge,
)
from searchengine.types import Vectors


def unit(rows: np.ndarray) -> Vectors:
    found: Vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return found


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(5)


def test_a_bias_is_the_mean_of_the_ten_nearest_captions_of_others(
    random: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidates, "IMAGES_AT_A_TIME", 7)
    images, captions = unit(random.normal(size=(23, 6))), unit(random.normal(size=(40, 6)))
    owners, of = np.arange(100, 123), random.integers(100, 123, size=40)
    found = hub_bias(images, owners, captions, of)
    for image, owner, bias in zip(images, owners, found, strict=True):
        cosines = sorted(
            (float(image @ c) for c, o in zip(captions, of, strict=True) if o != owner)
        )
        assert bias == pytest.approx(np.mean(cosines[-10:]), abs=1e-6)


def test_own_captions_never_enter_a_bias(random: np.random.Generator) -> None:
    """Whatever stands in them: a photo whose own captions count is pushed down by what it shows."""
    images = unit(random.normal(size=(30, 6)))
    captions, of = unit(random.normal(size=(60, 6))), np.repeat(np.arange(30), 2)
    before = hub_bias(images, np.arange(30), captions, of)
    changed = captions.copy()
    changed[of == 4] = images[4]  # as near as can be
    after = hub_bias(images, np.arange(30), changed, of)
    assert after[4] == before[4]
    assert (after != before).any(), "captions of others do count"


def test_fewer_captions_than_ten_and_none(random: np.random.Generator) -> None:
    images = unit(random.normal(size=(4, 6)))
    captions = unit(random.normal(size=(3, 6)))
    found = hub_bias(images, np.arange(4), captions, np.array([0, 0, 1]))
    assert found[0] == pytest.approx(float(images[0] @ captions[2]), abs=1e-6)
    assert found[3] == pytest.approx(float((captions @ images[3]).mean()), abs=1e-6)
    assert hub_bias(images, np.arange(4), captions[:0], np.array([], dtype=int)).tolist() == [0] * 4


def test_ridge_is_the_least_squares_solution(random: np.random.Generator) -> None:
    captions, images = unit(random.normal(size=(50, 6))), unit(random.normal(size=(50, 6)))
    strength = 0.3
    rows = np.vstack([captions, np.sqrt(strength * 50) * np.eye(6)])
    wanted = np.linalg.lstsq(rows, np.vstack([images - captions, np.zeros((6, 6))]), rcond=None)[0]
    np.testing.assert_allclose(ridge(strength)(captions, images), wanted, atol=1e-5)


def test_procrustes_turns_and_low_rank_is_of_low_rank(random: np.random.Generator) -> None:
    turn = np.linalg.qr(random.normal(size=(24, 24)))[0]
    captions = unit(random.normal(size=(90, 24)))
    images = unit(captions @ turn)
    np.testing.assert_allclose(procrustes(captions, images) + np.eye(24), turn, atol=1e-4)
    assert np.linalg.matrix_rank(low_rank(captions, images), tol=1e-5) == candidates.RANK


def test_queries_that_are_mapped_are_unit_rows(random: np.random.Generator) -> None:
    queries, by = unit(random.normal(size=(5, 6))), random.normal(size=(6, 6)).astype(np.float32)
    moved = mapped(queries, by)
    np.testing.assert_allclose(np.linalg.norm(moved, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(moved, unit(queries @ (np.eye(6) + by)), atol=1e-6)
