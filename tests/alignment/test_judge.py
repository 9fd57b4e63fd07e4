"""What is kept holds on other photos, and what is learned from nothing is refused."""

from __future__ import annotations

import numpy as np
import pytest

from searchengine.alignment.judge import Material, answers_kept, judge
from searchengine.types import Vectors
from tests.alignment.test_candidates import unit

D = 24
ALL = ("hub", "ridge", "procrustes", "low-rank")


def material(
    images: Vectors, captions: Vectors, of: np.ndarray, everyday: Vectors | None = None
) -> Material:
    asked = unit(np.random.default_rng(9).normal(size=(40, D))) if everyday is None else everyday
    return Material(images, captions, of, np.arange(len(captions)), asked)


def described(n: int, seed: int, noise: float = 0.9) -> tuple[Vectors, Vectors]:
    """Images and a caption of each, near it."""
    random = np.random.default_rng(seed)
    images = unit(random.normal(size=(n, D)))
    return images, unit(images + noise * random.normal(size=(n, D)) / 2)


def test_a_bias_against_hubs_is_kept_where_there_are_some() -> None:
    images, captions = described(400, 1)
    common = unit(np.ones((1, D)))
    captions = unit(captions + 0.7 * common)  # all captions lean one way
    images[::5] = unit(images[::5] + 0.5 * common)  # and so do some images
    verdict = judge(material(images, captions, np.arange(400), everyday=captions[:50]), ["hub"])
    [hub] = verdict.candidates
    assert hub.reciprocal_rank.low > 0
    assert verdict.kept == (("hub",) if hub.everyday_kept >= 0.85 else ())
    assert (verdict.learned.biases is not None) == hub.kept


def test_a_map_is_kept_where_captions_stand_elsewhere() -> None:
    images, captions = described(400, 2)
    stretch = np.eye(D)
    stretch[:6, :6] *= 2.5  # captions make too much of some directions
    captions = unit(captions @ stretch)
    everyday = unit(np.random.default_rng(3).normal(size=(60, D)) * np.r_[np.zeros(6), np.ones(18)])
    verdict = judge(material(images, captions, np.arange(400), everyday), ["ridge"])
    assert [each.reciprocal_rank.low > 0 for each in verdict.candidates] == [True, True]
    assert len(verdict.kept) == 1
    assert sum(each.kept for each in verdict.candidates) == 1
    assert verdict.learned.map is not None


def test_what_changes_everyday_answers_is_refused() -> None:
    images, captions = described(300, 2)
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(D, D)))[0]
    verdict = judge(material(images, unit(captions @ turn), np.arange(300)), ["procrustes"])
    [turned] = verdict.candidates
    assert turned.reciprocal_rank.low > 0.1, "it finds what captions mean"
    assert not turned.kept
    assert "answers to everyday queries change" in turned.why
    assert verdict.learned.map is None
    assert verdict.kept == ()


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_learned_from_captions_of_other_photos(seed: int) -> None:
    """`python -m benchmarks.align` asks twenty seeds on real photos."""
    images, captions = described(250, seed)
    shuffled = np.random.default_rng(seed).permutation(250)
    verdict = judge(material(images, captions[shuffled], np.arange(250)), ALL)
    assert [each.name for each in verdict.candidates if each.kept] == []


def test_an_image_with_the_same_caption_is_not_wrong() -> None:
    images, captions = described(200, 4, noise=0.2)
    images[1::2] = unit(images[::2] + 0.01 * np.random.default_rng(1).normal(size=(100, D)))
    captions[1::2] = captions[::2]
    of = np.arange(200)
    alone = judge(Material(images, captions, of, np.arange(200), captions[:20]), ["hub"])
    alike = judge(Material(images, captions, of, np.arange(200) // 2, captions[:20]), ["hub"])
    assert alone.base.text_to_image.at[0] <= 0.6
    assert alike.base.text_to_image.at[0] > 0.95
    assert alike.base.image_to_text.at[0] > 0.95


def test_as_it_is_is_recall_of_each_caption_among_all() -> None:
    images, captions = described(60, 6)
    verdict = judge(material(images, captions, np.arange(60)), ["hub"])
    ranks = [
        sum(float(caption @ other) >= float(caption @ images[n]) for other in images)
        for n, caption in enumerate(captions)
    ]
    wanted = [np.mean([rank <= k for rank in ranks]) for k in (1, 5, 10)]
    assert verdict.base.text_to_image.at == pytest.approx(wanted)
    assert verdict.base.reciprocal_rank.mean == 0
    assert answers_kept(material(images, captions, np.arange(60)), verdict.learned) <= 1
