"""Ranks against a naive double loop in float64, on data made of ties."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from searchengine.measures import ranks
from searchengine.measures.ranks import PairRanks, pair_ranks
from searchengine.vectors.pairs import UNSURE, pair_cosines
from tests.support.captioned import Case, make, unit


def naive(case: Case) -> PairRanks:
    """The same, one pair after another, from the definitions."""
    images, captions = case.images.astype(np.float64), case.captions.astype(np.float64)

    def cosine(caption: int, image: int) -> float:
        return float((captions[caption] * images[image]).sum())

    count = len(captions)
    own = [cosine(caption, case.owners[caption]) for caption in range(count)]
    lists: list[list[int]] = [[], [], [], []]
    for caption, owner in enumerate(case.owners):
        wrong = [cosine(caption, image) for image in range(len(images)) if image != owner]
        others = [cosine(other, owner) for other in range(count) if case.owners[other] != owner]
        before = [
            other
            for other in range(count)
            if case.owners[other] == owner
            and (own[other] > own[caption] or (own[other] == own[caption] and other < caption))
        ]
        lists[0].append(1 + sum(score >= own[caption] for score in wrong))
        lists[1].append(1 + sum(score >= own[caption] for score in others) + len(before))
        lists[2].append(sum(score == own[caption] for score in wrong))
        lists[3].append(sum(score == own[caption] for score in others))
    of_image, of_caption, image_ties, caption_ties = (np.array(values) for values in lists)
    return PairRanks(of_image, of_caption, image_ties, caption_ties, np.array(own))


def assert_same(found: PairRanks, wanted: PairRanks) -> None:
    for name in PairRanks.__slots__:
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name), err_msg=name)


@settings(max_examples=60)
@example(seed=0, n=1, most=1, block=5)
@example(seed=3, n=12, most=7, block=3)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(1, 14),
    most=st.integers(1, 7),
    block=st.sampled_from([3, 5, 64]),
)
def test_ranks_are_those_of_a_double_loop(seed: int, n: int, most: int, block: int) -> None:
    case = make(seed, n, most)
    if not len(case.owners):
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranks, "BLOCK", block)
        found = pair_ranks(*case)
    wanted = naive(case)
    assert_same(found, wanted)


def test_the_cases_hold_what_they_are_for() -> None:
    case = make(3, 12, 7)
    found = naive(case)
    of_each = np.bincount(case.owners, minlength=12)
    assert (of_each == 0).any()
    assert of_each.max() >= 6
    assert found.image_ties.any()
    assert found.caption_ties.any()
    assert (np.diff(case.owners) < 0).any(), "captions of an image need not stand together"


@pytest.mark.parametrize("block", [5, 2048])
def test_vectors_of_a_real_size(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    """No ties but those of a repeated row, which float32 products alone would often miss."""
    monkeypatch.setattr(ranks, "BLOCK", block)
    random = np.random.default_rng(1)
    images = unit(random.normal(size=(40, 512)))
    images[[7, 21]] = images[3]
    owners = np.repeat(np.arange(40), 5)
    captions = unit(images[owners] + 2 * random.normal(size=(200, 512)) / 512**0.5)
    captions[11] = captions[4]
    found = pair_ranks(images, captions, owners)
    assert_same(found, naive(Case(images, captions, owners)))
    assert (found.image_ties[15:20] == 2).all()
    assert found.caption_ties[[4, 11]].tolist() == [1, 1]


@pytest.mark.parametrize("both", [True, False])
def test_stored_rows_are_ranked_as_they_are(both: bool) -> None:
    random = np.random.default_rng(2)
    images = unit(random.normal(size=(30, 16)))
    images[5] = images[6]
    owners = np.repeat(np.arange(30), 2)
    captions = unit(images[owners] + random.normal(size=(60, 16)) / 4)
    stored = images.astype(np.float16)
    case = Case(stored, captions.astype(np.float16) if both else captions, owners)
    assert_same(pair_ranks(*case), naive(case))


@pytest.mark.parametrize("steps", [1, 3, 30])
def test_near_ties_are_told_apart(steps: int) -> None:
    """Images whose cosines differ by less than float32 products are trusted to tell."""
    base = np.zeros(64)
    base[:2] = 1
    shown = np.repeat(base[np.newaxis], 2 * steps + 1, axis=0)
    shown[:, 2] = 1e-4 * np.arange(-steps, steps + 1)
    images, captions = unit(shown), unit(base[np.newaxis] + 1e-4 * np.eye(64)[2])
    every = np.arange(len(images))
    cosines = pair_cosines(captions, images, np.zeros_like(every), every)
    assert 0 < np.ptp(cosines) < UNSURE
    for owner in every:
        case = Case(images, captions, np.array([owner]))
        assert_same(pair_ranks(*case), naive(case))


def test_rounding_of_scores_near_the_limit_changes_no_count() -> None:
    """Wrong images around the true one's cosine, their scores off by as much as float32's are."""
    random = np.random.default_rng(3)
    angles = np.concatenate([[1.0], 1.0 + random.uniform(-3, 3, size=400) * UNSURE])
    images = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    captions = np.array([[1.0, 0.0]], dtype=np.float32)
    zero, others = np.zeros(400, dtype=np.int64), np.arange(1, 401)
    exact = pair_cosines(captions, images, np.append(zero, 0), np.append(others, 0))
    tally = ranks._Tally(captions, images, exact[-1:])
    scores = (exact[:-1] + random.uniform(-1e-6, 1e-6, size=400)).astype(np.float32)
    assert ((scores >= exact[-1]) != (exact[:-1] >= exact[-1])).any()
    tally.count(zero, zero, others, scores)
    assert tally.above.tolist() == [(exact[:-1] >= exact[-1]).sum()]


@pytest.mark.parametrize("block", [3, 2048])
def test_rows_that_are_all_the_same_all_tie(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(ranks, "BLOCK", block)
    row = unit(np.arange(1.0, 33.0)[np.newaxis])
    owners = np.repeat(np.arange(7), 2)
    found = pair_ranks(np.repeat(row, 7, axis=0), np.repeat(row, 14, axis=0), owners)
    assert found.of_image.tolist() == [7] * 14
    assert found.image_ties.tolist() == [6] * 14
    assert found.of_caption.tolist() == [13, 14] * 7
    assert found.caption_ties.tolist() == [12] * 14


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000))
def test_the_order_of_images_and_captions_does_not_matter(seed: int) -> None:
    case = make(seed, 9, 4, d=6)
    if not len(case.owners):
        return
    random = np.random.default_rng(seed)
    images, captions = random.permutation(9), random.permutation(len(case.owners))
    place = np.argsort(images)
    mixed = Case(case.images[images], case.captions[captions], place[case.owners[captions]])
    plain, shuffled = pair_ranks(*case), pair_ranks(*mixed)
    for name in ("of_image", "image_ties", "caption_ties", "cosines"):
        np.testing.assert_array_equal(getattr(shuffled, name), getattr(plain, name)[captions])
    for image in range(9):  # captions of an image that tie go by their order
        own, moved = case.owners == image, mixed.owners == place[image]
        assert sorted(plain.of_caption[own]) == sorted(shuffled.of_caption[moved])


def test_captions_of_one_image_take_places_by_score_then_by_order() -> None:
    owners = np.array([1, 0, 1, 1, 0])
    cosines = np.array([0.2, 0.5, 0.9, 0.2, 0.5])
    assert ranks._place(owners, cosines).tolist() == [2, 1, 1, 3, 2]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here: ranks not compared on it")
def test_a_gpu_gives_the_same_ranks() -> None:
    case = make(5, 60, 7, d=64)
    assert_same(pair_ranks(*case, device="cuda"), naive(case))
