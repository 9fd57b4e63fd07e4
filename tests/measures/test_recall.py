"""The measures against values by hand, a naive second version, and ir_measures on one run file."""

from __future__ import annotations

from collections.abc import Iterator

import ir_measures
import numpy as np
import pytest
from ir_measures import RR, Qrel, R, ScoredDoc, Success
from numpy.typing import NDArray

from searchengine.measures.agreement import agreement
from searchengine.measures.ranks import PairRanks, pair_ranks
from searchengine.measures.recall import (
    Direction,
    bootstrap,
    image_retrieval,
    success,
    text_retrieval,
)
from tests.support.captioned import Case, make, unit

KS = (1, 2, 5, 10)
TIED, UNTIED = "with ties", "without ties"


def case(kind: str) -> Case:
    """40 images, some without captions, others with up to 5."""
    if kind == TIED:
        return make(8, 40, 5, d=4)
    random = np.random.default_rng(4)
    owners = np.repeat(np.arange(40), random.integers(0, 6, size=40))
    images = unit(random.normal(size=(40, 24)))
    captions = unit(images[owners] + random.normal(size=(len(owners), 24)) / 3)
    return Case(images, captions, owners)


def test_the_cases_are_what_they_are_called() -> None:
    assert pair_ranks(*case(TIED)).image_ties.sum() > 20
    assert pair_ranks(*case(TIED)).caption_ties.sum() > 20
    assert not pair_ranks(*case(UNTIED)).image_ties.any()
    assert not pair_ranks(*case(UNTIED)).caption_ties.any()


def hand_made() -> tuple[PairRanks, NDArray[np.int64]]:
    """Three images with 2, 1 and 3 captions, of which the second image's stands in the middle."""
    owners = np.array([0, 0, 2, 1, 2, 2])
    pairs = PairRanks(
        of_image=np.array([1, 3, 2, 1, 4, 2]),
        of_caption=np.array([4, 2, 1, 6, 3, 9]),
        image_ties=np.array([0, 2, 0, 0, 1, 0]),
        caption_ties=np.array([5, 1, 0, 3, 2, 2]),
        cosines=np.zeros(6),
    )
    return pairs, owners


def test_text_to_image_by_hand() -> None:
    pairs, owners = hand_made()
    found = image_retrieval(pairs, owners, 7, (1, 2, 4))
    assert (found.name, found.gallery, found.tied) == ("image_retrieval", 7, 2)
    assert found.ranks.tolist() == [1, 3, 2, 1, 4, 2]
    assert found.recall == found.true_recall == {1: 2 / 6, 2: 4 / 6, 4: 1.0}
    assert found.median_rank == 2
    assert found.mean_reciprocal_rank == pytest.approx((2 + 1 / 3 + 2 / 2 + 1 / 4) / 6, rel=1e-15)


def test_image_to_text_by_hand() -> None:
    pairs, owners = hand_made()
    found = text_retrieval(pairs, owners, (1, 2, 4))
    assert (found.name, found.gallery) == ("text_retrieval", 6)
    assert found.ranks.tolist() == [2, 6, 1], "the best caption of each image"
    assert found.tied == 2, "only the ties of those count"
    assert found.recall == {1: 1 / 3, 2: 2 / 3, 4: 2 / 3}
    # 4 and 2; 6; 1, 3 and 9
    assert found.true_recall == {
        1: pytest.approx((0 + 0 + 1 / 3) / 3),
        2: pytest.approx((1 / 2 + 0 + 1 / 3) / 3),
        4: pytest.approx((1 + 0 + 2 / 3) / 3),
    }
    assert found.median_rank == 2
    assert found.mean_reciprocal_rank == pytest.approx((1 / 2 + 1 / 6 + 1) / 3, rel=1e-15)


def test_images_without_captions_do_not_ask() -> None:
    pairs, owners = hand_made()
    apart = text_retrieval(pairs, owners * 10 + 3, KS)
    assert apart.recall == text_retrieval(pairs, owners, KS).recall
    assert len(apart.ranks) == 3


class Naive:
    """Both directions as lists of answers, wrong ones first among equals."""

    def __init__(self, data: Case) -> None:
        images, captions = (rows.astype(np.float64) for rows in (data.images, data.captions))
        self.scores = [[float((text * image).sum()) for image in images] for text in captions]
        self.owners = data.owners.tolist()
        self.asking = sorted(set(self.owners))

    def images_for(self, caption: int) -> list[bool]:
        """Whether each answer is relevant, best first."""
        line = self.scores[caption]
        own = self.owners[caption]
        order = sorted(range(len(line)), key=lambda image: (-line[image], image == own))
        return [image == own for image in order]

    def texts_for(self, image: int) -> list[bool]:
        scored = [
            (-line[image], self.owners[text] == image) for text, line in enumerate(self.scores)
        ]
        return [relevant for _, relevant in sorted(scored)]

    def runs(self, name: str) -> list[list[bool]]:
        if name == "image_retrieval":
            return [self.images_for(caption) for caption in range(len(self.owners))]
        return [self.texts_for(image) for image in self.asking]


def directions(data: Case) -> Iterator[tuple[Direction, list[list[bool]]]]:
    pairs, naive = pair_ranks(*data), Naive(data)
    for found in (
        image_retrieval(pairs, data.owners, len(data.images), KS),
        text_retrieval(pairs, data.owners, KS),
    ):
        yield found, naive.runs(found.name)


@pytest.mark.parametrize("kind", [TIED, UNTIED])
def test_a_naive_second_version_agrees(kind: str) -> None:
    for found, runs in directions(case(kind)):
        first = [run.index(True) + 1 for run in runs]
        assert found.ranks.tolist() == first
        for k in KS:
            assert found.recall[k] == sum(any(run[:k]) for run in runs) / len(runs)
            shares = [sum(run[:k]) / sum(run) for run in runs]
            assert found.true_recall[k] == pytest.approx(sum(shares) / len(runs), rel=1e-14)
        assert found.median_rank == np.median(first)
        assert found.mean_reciprocal_rank == pytest.approx(
            sum(1 / rank for rank in first) / len(first), rel=1e-14
        )


@pytest.mark.parametrize("kind", [TIED, UNTIED])
def test_ir_measures_agrees_on_the_same_run_file(kind: str) -> None:
    """The run gives each place a score of its own, so nothing is left for a tool to break."""
    for found, runs in directions(case(kind)):
        relevant, run = [], []
        for query, answers in enumerate(runs):
            for place, is_relevant in enumerate(answers):
                run.append(ScoredDoc(str(query), f"{place:04}", float(-place)))
                if is_relevant:
                    relevant.append(Qrel(str(query), f"{place:04}", 1))
        measures = [*(Success @ k for k in KS), *(R @ k for k in KS), RR]
        wanted = ir_measures.calc_aggregate(measures, relevant, run)
        for k in KS:
            assert found.recall[k] == wanted[Success @ k]
            assert found.true_recall[k] == pytest.approx(wanted[R @ k], rel=1e-14)
        assert found.mean_reciprocal_rank == pytest.approx(wanted[RR], rel=1e-14)


def test_ties_are_what_sets_it_apart_from_luck() -> None:
    """With the right answer first among equals the same scores would give more."""
    data = case(TIED)
    scores = data.captions.astype(np.float64) @ data.images.astype(np.float64).T
    own = scores[np.arange(len(data.owners)), data.owners]
    lucky = np.mean((scores > own[:, np.newaxis] + 1e-9).sum(axis=1) < 5)
    assert success(pair_ranks(*data).of_image, [5])[5] < lucky


# the bootstrap


def test_intervals_hold_the_value_and_repeat() -> None:
    ranks = np.random.default_rng(5).geometric(0.3, size=900)
    images = np.repeat(np.arange(180), 5)
    first, again = bootstrap(ranks, images, KS), bootstrap(ranks, images, KS)
    assert first == again
    for k, (low, high) in first.items():
        assert 0 <= low < success(ranks, [k])[k] < high <= 1


def test_intervals_narrow_with_the_root_of_the_images() -> None:
    ranks = np.random.default_rng(6).integers(1, 3, size=6400)

    def width(n: int) -> float:
        low, high = bootstrap(ranks[:n], np.arange(n), [1])[1]
        return high - low

    assert width(100) == pytest.approx(2 * 1.96 * 0.5 / 100**0.5, rel=0.15)
    assert width(100) / width(6400) == pytest.approx(8, rel=0.2)


def test_captions_of_an_image_are_drawn_together() -> None:
    """Five equal outcomes an image are worth one: the interval is that of the images alone."""
    outcome = np.random.default_rng(7).integers(1, 3, size=200)
    together = bootstrap(np.repeat(outcome, 5), np.repeat(np.arange(200), 5), [1])
    assert together == bootstrap(outcome, np.arange(200), [1])
    apart_low, apart_high = bootstrap(np.repeat(outcome, 5), np.arange(1000), [1])[1]
    low, high = together[1]
    assert (high - low) / (apart_high - apart_low) == pytest.approx(5**0.5, rel=0.15)


def test_images_with_more_captions_weigh_more_in_a_resample() -> None:
    """Image 0 has nine captions that hit, image 1 one that misses: R@1 is 0, 0.9 or 1."""
    ranks, images = np.array([1] * 9 + [2]), np.array([0] * 9 + [1])
    assert bootstrap(ranks, images, [1])[1] == (0.0, 1.0)
    assert success(ranks, [1])[1] == 0.9


def test_nothing_to_doubt_has_no_width() -> None:
    assert bootstrap(np.ones(50, dtype=int), np.arange(50), [1]) == {1: (1.0, 1.0)}


# agreement


def test_agreement_by_hand() -> None:
    exact = np.array([[1, 2, 3, 4], [5, 6, 7, 8]])
    found = np.array([[2, 1, 9, 4], [5, -1, -1, -1]])
    assert agreement(exact, exact, 4) == 1
    assert agreement(found, exact, 1) == 1 / 2
    assert agreement(found, exact, 2) == (2 + 1) / 4
    assert agreement(found, exact, 3) == (2 + 1) / 6
    assert agreement(found, exact, 4) == (3 + 1) / 8


def test_agreement_is_within_a_query_and_never_of_nothing() -> None:
    exact = np.array([[0, 1], [2, 3]])
    assert agreement(exact[::-1], exact, 2) == 0
    assert agreement(np.full((2, 2), -1), exact, 2) == 0
    assert agreement(np.array([[-1, 1], [3, -1]]), exact, 2) == 1 / 2


def test_agreement_is_that_of_sets() -> None:
    random = np.random.default_rng(9)
    exact = np.array([random.permutation(30)[:10] for _ in range(50)])
    found = np.array([random.permutation(30)[:10] for _ in range(50)])
    found[random.random(found.shape) < 0.2] = -1
    for k in (1, 3, 10, 20):
        shared = [
            len(set(want[:k]) & set(got[:k])) / len(want[:k])
            for want, got in zip(exact.tolist(), found.tolist(), strict=True)
        ]
        assert agreement(found, exact, k) == pytest.approx(np.mean(shared), rel=1e-14)
