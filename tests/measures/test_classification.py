"""Choosing a class, and probes: against naive versions, torch's own fit, and by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from searchengine.measures import classification, probes
from searchengine.measures.classification import (
    choose,
    confusions,
    expected_calibration_error,
    per_class,
)
from searchengine.measures.probes import PENALTIES, fit, folds, neighbours, probe
from tests.support.captioned import unit


def clouds(seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """120 unit rows in 16 dimensions about four centres, and which is whose."""
    random = np.random.default_rng(seed)
    truth = np.repeat(np.arange(4), 30)
    rows = unit(random.normal(size=(4, 16)))[truth] + random.normal(size=(120, 16)) * 0.35
    return unit(rows), truth


def test_what_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, truth = clouds()
    classes = unit(np.random.default_rng(2).normal(size=(4, 16)) + rows[::30])
    monkeypatch.setattr(classification, "AT_A_TIME", 100)
    found = choose(rows, classes, truth, 20.0)
    scores = rows.astype(np.float64) @ classes.T.astype(np.float64)
    shares = torch.softmax(torch.from_numpy(20 * scores), dim=1).numpy()
    np.testing.assert_array_equal(found.first, scores.argmax(axis=1))
    np.testing.assert_allclose(found.confidence, shares.max(axis=1), atol=1e-12)
    order = np.argsort(-scores, axis=1)
    ranks = [1 + order[n].tolist().index(truth[n]) for n in range(120)]
    np.testing.assert_array_equal(found.ranks, ranks)
    assert len(set(ranks)) > 2


def test_equal_classes_go_in_their_order() -> None:
    one = unit(np.ones((1, 4)))
    found = choose(np.repeat(one, 3, axis=0), np.repeat(one, 3, axis=0), np.arange(3), 1.0)
    assert (found.ranks.tolist(), found.first.tolist()) == ([1, 2, 3], [0, 0, 0])
    np.testing.assert_allclose(found.confidence, 1 / 3)


def test_means_of_classes_calibration_and_confusions() -> None:
    truth = np.array([0, 0, 0, 2, 2, 3])
    first = np.array([0, 0, 2, 0, 0, 3])
    right = first == truth
    np.testing.assert_allclose(per_class(right, truth, 4), [2 / 3, np.nan, 0, 1])
    assert confusions(first, truth, 9) == [(2, 0, 2), (0, 2, 1)]
    confidence = np.array([0.95, 0.95, 0.35, 0.35, 1.0, 1.0])
    # 0.35 twice, never right; 0.95 twice, always; 1.0 twice, once: the last two share a bin
    wanted = (abs(0.7 - 0) + abs(0.95 * 2 + 2 - 3)) / 6
    assert expected_calibration_error(confidence, right) == pytest.approx(wanted)


def test_the_linear_probe_is_what_torch_finds() -> None:
    rows, truth = clouds()
    penalty = 1e-2
    mine = fit(rows, truth, 4, penalty)
    scaled = torch.from_numpy(np.hstack([rows * 4, np.ones((120, 1), np.float32)])).double()
    weights = torch.zeros((17, 4), dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([weights], max_iter=300, tolerance_grad=1e-9, history_size=30)

    def loss(of: torch.Tensor) -> torch.Tensor:
        entropy = torch.nn.functional.cross_entropy(scaled @ of, torch.from_numpy(truth))
        return entropy + penalty / 2 * of[:-1].square().sum()

    def closure() -> float:
        optimiser.zero_grad()
        value = loss(weights)
        value.backward()  # type: ignore[no-untyped-call]
        return value.item()

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    found = loss(torch.from_numpy(mine).double()).item()
    assert found == pytest.approx(loss(weights).item(), abs=1e-5)
    np.testing.assert_allclose(mine[:-1], weights.detach().numpy()[:-1], atol=5e-3)


def test_neighbours_vote_by_nearness(monkeypatch: pytest.MonkeyPatch) -> None:
    train = unit(np.array([[1.0, 0.0], [0.5, 1.0], [0.45, 1.0], [-1, 0]]))
    monkeypatch.setattr(probes, "AT_A_TIME", 1)
    test = unit(np.array([[1.0, 0.05], [0.2, 1.0]]))
    assert neighbours(train, np.array([2, 1, 1, 0]), test, 3).tolist() == [2, 1]


def test_probes_find_clouds_and_nothing_in_noise() -> None:
    rows, truth = clouds()
    said = probe(rows[::2], truth[::2], rows[1::2], 4)
    assert said.penalty in PENALTIES
    assert np.mean(said.neighbours == truth[1::2]) > 0.7
    assert np.mean(said.linear == truth[1::2]) > 0.7
    noise = np.random.default_rng(5).permutation(truth)
    said = probe(rows[::2], noise[::2], rows[1::2], 4)
    assert np.mean(said.linear == noise[1::2]) < 0.45


def test_folds_are_apart_and_have_every_class() -> None:
    _, truth = clouds()
    named = []
    for learned, asked in folds(truth):
        assert not set(learned) & set(asked)
        assert np.bincount(truth[asked]).tolist() == [6] * 4
        named += asked.tolist()
    assert sorted(named) == list(range(120))
