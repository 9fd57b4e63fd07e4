"""Each measure of a space's health against a naive version, at its extremes, and by hand."""

from __future__ import annotations

import math
from dataclasses import astuple
from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from searchengine.measures import geometry as health
from searchengine.measures.geometry import (
    alignment,
    hubness,
    linear_separability,
    measure_health,
    modality_gap,
    random_pair_cosine,
    ranking_accuracy,
    uniformity,
)
from searchengine.measures.ranks import PairRanks, pair_ranks
from tests.support.captioned import Case, unit


def _rows(*rows: list[float]) -> NDArray[np.float32]:
    return np.array(rows, dtype=np.float32)


def clouds(gap: float, n: int = 60, d: int = 8) -> Case:
    """Images and two captions each, whose clouds lie `gap` apart on the first axis."""
    random = np.random.default_rng(1)
    images = random.normal(size=(n, d))
    owners = np.repeat(np.arange(n), 2)
    captions = images[owners] + random.normal(size=(2 * n, d)) / 3
    images[:, 0] += gap
    captions[:, 0] -= gap
    return Case(unit(images), unit(captions), owners)


def true_cosines(case: Case) -> NDArray[np.float64]:
    images, captions = case.images.astype(np.float64), case.captions.astype(np.float64)
    return np.array([images[i] @ text for i, text in zip(case.owners, captions, strict=True)])


def test_random_pairs_are_all_wrong_pairs() -> None:
    case = clouds(0.5)
    images, captions = case.images.astype(np.float64), case.captions.astype(np.float64)
    wrong = [
        float(image @ text)
        for row, image in enumerate(images)
        for text, owner in zip(captions, case.owners, strict=True)
        if owner != row
    ]
    found = random_pair_cosine(case.images, case.captions, true_cosines(case))
    assert found == pytest.approx(np.mean(wrong), abs=1e-12)


def test_modality_gap_is_the_distance_of_the_means() -> None:
    case = clouds(0.5)
    means = [[sum(column) / len(rows) for column in rows.T.tolist()] for rows in case[:2]]
    assert modality_gap(*case[:2]) == pytest.approx(math.dist(*means), abs=1e-12)
    assert modality_gap(case.images, case.images) == 0
    assert modality_gap(_rows([1, 0]), _rows([-1, 0])) == 2


def test_alignment_is_the_mean_squared_distance_of_true_pairs() -> None:
    case = clouds(0.5)
    images, captions = case.images.astype(np.float64), case.captions.astype(np.float64)
    squared = [
        math.dist(images[i], text) ** 2 for i, text in zip(case.owners, captions, strict=True)
    ]
    assert alignment(true_cosines(case)) == pytest.approx(np.mean(squared), abs=1e-6)
    assert alignment(np.array([1.0])) == 0
    assert alignment(np.array([-1.0])) == 4


@pytest.mark.parametrize("block", [7, 128])
def test_uniformity_is_over_pairs_of_different_rows(
    monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(health, "ROWS_AT_A_TIME", block)
    rows = clouds(0).images
    pairs = [math.exp(-2 * math.dist(a, b) ** 2) for a, b in combinations(rows.tolist(), 2)]
    assert uniformity(rows) == pytest.approx(math.log(sum(pairs) / len(pairs)), abs=1e-5)


def test_uniformity_at_its_ends() -> None:
    row = _rows([0.6, 0.8])
    assert uniformity(np.repeat(row, 5, axis=0)) == pytest.approx(0, abs=1e-6)
    assert uniformity(np.vstack([row, -row])) == pytest.approx(-8)
    assert math.isnan(uniformity(row))


def test_a_plane_tells_distant_clouds_apart_and_equal_ones_not() -> None:
    apart, mixed = clouds(9), clouds(0, n=1500, d=3)
    assert linear_separability(*apart[:2]) == 1
    assert linear_separability(*mixed[:2]) == pytest.approx(0.5, abs=0.05)
    one = apart.images[:1]
    assert math.isnan(linear_separability(one, one))


def test_separability_is_balanced() -> None:
    """To say "caption" always is right for 30 of 31 rows, and worth 0.5."""
    random = np.random.default_rng(2)
    images, captions = unit(random.normal(size=(400, 4))), unit(random.normal(size=(12_000, 4)))
    assert linear_separability(images, captions) == pytest.approx(0.5, abs=0.06)


def test_more_captions_do_not_move_the_plane() -> None:
    """Every caption twenty times weighs as much as once: the kinds count alike, not the rows."""
    images, captions, _ = clouds(0.5, n=600, d=6)
    once = linear_separability(images, captions[::2])
    many = linear_separability(images, np.repeat(captions[::2], 20, axis=0))
    assert once == pytest.approx(0.7, abs=0.1)
    assert many == pytest.approx(once, abs=0.05)


def naive_skew(queries: NDArray[np.float32], gallery: NDArray[np.float32]) -> float:
    times = [0] * len(gallery)
    for query in queries:
        order = sorted(range(len(gallery)), key=lambda row: -float(query @ gallery[row]))
        for row in order[:10]:
            times[row] += 1
    mean = sum(times) / len(times)
    spread = math.sqrt(sum((t - mean) ** 2 for t in times) / len(times))
    return sum((t - mean) ** 3 for t in times) / len(times) / spread**3


def test_hubness_is_the_skew_of_the_k_occurrence() -> None:
    images, captions, _ = clouds(0.5)
    assert hubness(captions, images) == pytest.approx(naive_skew(captions, images), abs=1e-9)
    assert hubness(images, captions) == pytest.approx(naive_skew(images, captions), abs=1e-9)


def test_hubs_that_are_known() -> None:
    """The same ten of forty rows answer every query: a coin of p = 1/4, whatever the queries."""
    hubs, others = _rows(*[[1.0, 0.0]] * 10), _rows(*[[0.0, 1.0]] * 30)
    gallery = np.vstack([others, hubs])
    queries = unit(_rows([1, 0], [1, 0.2], [1, -0.4]))
    assert hubness(queries, gallery) == pytest.approx((1 - 2 / 4) / math.sqrt(1 / 4 * 3 / 4))


def test_no_hubs() -> None:
    ring = np.arange(24) * 2 * np.pi / 24
    rows = np.stack([np.cos(ring), np.sin(ring)], axis=1).astype(np.float32)
    between = np.stack([np.cos(ring + 0.1), np.sin(ring + 0.1)], axis=1).astype(np.float32)
    assert hubness(between, rows) == 0
    assert hubness(rows[:5], rows[:8]) == 0, "a gallery of ten or fewer is returned whole"


def test_ranking_accuracy_is_the_area_under_the_curve() -> None:
    case = clouds(0.5)
    images, captions = case.images.astype(np.float64), case.captions.astype(np.float64)
    scores = captions @ images.T
    beaten = [
        line[owner] > line[wrong]
        for line, owner in zip(scores, case.owners, strict=True)
        for wrong in range(len(images))
        if wrong != owner
    ]
    found = ranking_accuracy(pair_ranks(*case).of_image, len(images))
    assert found == pytest.approx(np.mean(beaten), abs=1e-12)
    assert ranking_accuracy(np.array([1, 1]), 9) == 1
    assert ranking_accuracy(np.array([9, 9]), 9) == 0
    assert ranking_accuracy(np.array([1]), 1) == 1


def test_all_of_it_together() -> None:
    case = clouds(0.5)
    images, captions = case.images, case.captions
    pairs = pair_ranks(*case)
    found = measure_health(images, captions, pairs, gallery=60)
    assert found.true_pair_cosine == pytest.approx(true_cosines(case).mean(), abs=1e-12)
    assert found.alignment == pytest.approx(2 - 2 * found.true_pair_cosine)
    assert found.random_pair_cosine == random_pair_cosine(images, captions, pairs.cosines)
    assert found.modality_gap == modality_gap(images, captions)
    assert found.linear_separability == linear_separability(images, captions)
    assert (found.uniformity_images, found.uniformity_texts) == (
        uniformity(images),
        uniformity(captions),
    )
    assert found.hubness_image_retrieval == hubness(captions, images)
    assert found.hubness_text_retrieval == hubness(images, captions)
    assert found.ranking_accuracy == ranking_accuracy(pairs.of_image, 60)


def test_distractors_count_for_the_ranks_alone() -> None:
    case = clouds(0.5)
    distractors = unit(np.random.default_rng(3).normal(size=(40, 8)))
    alone = measure_health(case.images, case.captions, pair_ranks(*case), gallery=60)
    gallery = np.vstack([case.images, distractors])
    pairs = pair_ranks(gallery, case.captions, case.owners)
    found = measure_health(case.images, case.captions, pairs, gallery=100)
    assert found.ranking_accuracy == pytest.approx(1 - (pairs.of_image.mean() - 1) / 99)
    assert astuple(found)[:-1] == astuple(alone)[:-1]


def test_one_image_with_one_caption() -> None:
    row = _rows([0.6, 0.8])
    one = np.ones(1, dtype=np.int64)
    pairs = PairRanks(one, one, one - 1, one - 1, np.ones(1))
    found = measure_health(row, row, pairs, gallery=1)
    assert (found.true_pair_cosine, found.modality_gap, found.alignment) == (1, 0, 0)
    assert (found.ranking_accuracy, found.hubness_text_retrieval) == (1, 0)
    assert math.isnan(found.random_pair_cosine)
    assert math.isnan(found.uniformity_images)
    assert math.isnan(found.linear_separability)


def test_large_sets_are_sampled_and_move_little(monkeypatch: pytest.MonkeyPatch) -> None:
    case = clouds(0.5, n=1500)
    pairs = pair_ranks(*case)
    whole = measure_health(case.images, case.captions, pairs, gallery=1500)
    monkeypatch.setattr(health, "SAMPLE", 1000)
    part = measure_health(case.images, case.captions, pairs, gallery=1500)
    assert part.uniformity_images == pytest.approx(whole.uniformity_images, abs=0.03)
    assert part.linear_separability == pytest.approx(whole.linear_separability, abs=0.03)
    assert part.true_pair_cosine == whole.true_pair_cosine
