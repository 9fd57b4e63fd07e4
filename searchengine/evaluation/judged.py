"""An evaluation on judgements of its own: many right images a caption, many captions an image.

Also what papers report beside R@K: the sum of it (RSUM), and the mean over the five folds of COCO's
test split (1K).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from searchengine.datasets.dataset import CaptionedImage
from searchengine.datasets.positives import Pairs, Positives, read_positives
from searchengine.errors import InputError
from searchengine.evaluation.benchmarks import identity
from searchengine.evaluation.examples import Measured
from searchengine.evaluation.results import Judged
from searchengine.measures.ranks import pair_ranks
from searchengine.measures.recall import Direction, image_retrieval, success, text_retrieval
from searchengine.measures.relevance import JudgedDirection, judgements, measure_judged
from searchengine.types import Vectors

RSUM_KS = (1, 5, 10)

FOLDS = 5

COCO_IN_ORDER = "da31c1695cfabac7c9ac0176297f05c887cbbccc74d2a241017ece58a0ad2989"
"""SHA-256 of the identities of COCO's Karpathy test images, joined by line feeds, in the order of
Karpathy's file: that of the folds. The package eccv-caption and VSE++'s pairs have the same."""

Numbers = NDArray[np.int64]
Places = NDArray[np.int32]


def positives_of(images: Sequence[CaptionedImage], sources: Sequence[str]) -> tuple[Positives, ...]:
    """The judgements of some files on these images and their captions, numbered in their order.

    Raises as `read_positives`.
    """
    if not sources:
        return ()
    by_image: dict[str, int] = {}
    by_caption: dict[str, int] = {}
    number = 0
    for place, image in enumerate(images):
        for name in (identity(image.key), image.key, image.file):
            by_image.setdefault(name, place)
        for turn in range(len(image.captions)):
            for name in caption_ids(image, turn):
                by_caption.setdefault(name, number)
            number += 1
    return tuple(read_positives(source, by_caption, by_image) for source in sources)


def caption_ids(image: CaptionedImage, turn: int) -> list[str]:
    """What a caption may be called, the usual name first: its id, or its image and its place."""
    if image.caption_ids:
        return [image.caption_ids[turn]]
    return [f"{image.key}#{turn}", f"{identity(image.key)}#{turn}"]


def measure_positives(
    positives: Sequence[Positives],
    data: Measured,
    used: Numbers,
    used_captions: Numbers,
    ks: Sequence[int],
    *,
    device: str,
) -> tuple[Judged, ...]:
    """Measure on each of `positives`, whose numbers are those of all images and captions asked.

    `used` and `used_captions` are the numbers of those that `data` has, in its order. Raises
    InputError where nothing right is left.
    """
    return tuple(_measure(each, data, used, used_captions, ks, device=device) for each in positives)


def _measure(
    positives: Positives,
    data: Measured,
    used: Numbers,
    used_captions: Numbers,
    ks: Sequence[int],
    *,
    device: str,
) -> Judged:
    first, second = positives.by_caption, positives.by_image
    if not (_has_known(first, used_captions, used) and _has_known(second, used_captions, used)):
        raise InputError(
            f"{positives.name}: no right pair of a caption and an image that are both here"
        )
    # One direction after the other: the pairs of both at once take memory (50 MB a million).
    found, pairs, elsewhere = _direction(
        "image_retrieval",
        (first.captions, first.images, first.gains, used_captions, used),
        (data.texts, data.images, data.owners),
        ks,
        device,
    )
    of_texts, more, lacking = _direction(
        "text_retrieval",
        (second.images, second.captions, second.gains, used, used_captions),
        (data.images, data.texts, np.arange(len(data.images))),
        ks,
        device,
    )
    return Judged(positives.name, found, of_texts, pairs + more, elsewhere + lacking)


def _has_known(pairs: Pairs, captions: Numbers, images: Numbers) -> bool:
    right = pairs.gains > 0
    if _is_every(captions, pairs.captions) and _is_every(images, pairs.images):
        return bool(right.any())
    right &= np.isin(pairs.captions, captions)
    right &= np.isin(pairs.images, images)
    return bool(right.any())


def _direction(
    name: str,
    pairs: tuple[Places, Places, NDArray[np.float32], Numbers, Numbers],
    vectors: tuple[Vectors, Vectors, Numbers],
    ks: Sequence[int],
    device: str,
) -> tuple[JudgedDirection, int, int]:
    """One direction measured, how many pairs it has, and how many of them are not there.

    `pairs` are what `_renumbered` takes; `vectors` those that ask, the gallery, and the groups.
    """
    asking, gallery, groups = vectors
    judged = judgements(*_renumbered(*pairs))
    measured = measure_judged(name, asking, gallery, judged, ks, groups, device=device)
    return measured, len(judged.queries), int(np.count_nonzero(judged.answers < 0))


def _renumbered(
    queries: Places,
    answers: Places,
    gains: NDArray[np.float32],
    asking: Numbers,
    gallery: Numbers,
) -> tuple[NDArray[np.integer[Any]], NDArray[np.integer[Any]], NDArray[np.float32]]:
    """Pairs by the places of both sides among those used; answers that are not get numbers below 0.

    Those whose query is not used are left out.
    """
    if _is_every(asking, queries) and _is_every(gallery, answers):
        return queries, answers, gains
    asked = np.isin(queries, asking)
    queries, answers, gains = queries[asked], answers[asked], gains[asked]
    places = np.where(
        np.isin(answers, gallery), np.searchsorted(gallery, answers), -1 - np.abs(answers) * 2
    )
    places -= (places < 0) & (answers < 0)  # odd and even: no two answers share a number
    return np.searchsorted(asking, queries), places, gains


def _is_every(used: Numbers, numbers: Places) -> bool:
    """Whether every one of `numbers` is used, and all of those up to the last: as in most sets."""
    return len(used) == used[-1] + 1 and bool(((numbers >= 0) & (numbers <= used[-1])).all())


def rsum(directions: Sequence[Direction]) -> float:
    """The sum of R@1, R@5 and R@10 of both directions, in percent: from 0 to 600."""
    shares = [success(direction.ranks, RSUM_KS) for direction in directions]
    return 100 * sum(sum(share.values()) for share in shares)


def coco_1k(
    images: Sequence[CaptionedImage], data: Measured, ks: Sequence[int]
) -> dict[str, float] | None:
    """R@K in the five folds of COCO's Karpathy test split, averaged; None for other images.

    By "image_retrieval_recall@K" and "text_retrieval_recall@K", in [0, 1].
    """
    order = "\n".join(identity(image.key) for image in images)
    if hashlib.sha256(order.encode()).hexdigest() != COCO_IN_ORDER:
        return None
    size = len(images) // FOLDS
    shares: dict[str, list[float]] = {}
    for fold in range(FOLDS):
        first = fold * size
        inside = (data.owners >= first) & (data.owners < first + size)
        owners = data.owners[inside] - first
        pairs = pair_ranks(data.images[first : first + size], data.texts[inside], owners)
        both = image_retrieval(pairs, owners, size, ks), text_retrieval(pairs, owners, ks)
        for direction in both:
            for k, share in direction.recall.items():
                shares.setdefault(f"{direction.name}_recall@{k}", []).append(share)
    return {name: float(np.mean(folds)) for name, folds in shares.items()}
