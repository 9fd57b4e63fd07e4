"""What a reader of an evaluation looks at: failures, a readable sample, a plane of the space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from searchengine.evaluation.results import Failure, Projection, Sample
from searchengine.measures.ranks import PairRanks
from searchengine.types import Vectors
from searchengine.vectors.scan import scan

FAILURES = 12
"""Shown for each direction."""

RETURNED = 4
"""Answers shown for a failure."""

SAMPLED = 12
"""Images in the similarity matrix: their captions can still be read beside it."""

PROJECTED = 400
"""Pairs on the plane: more are a cloud."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Images and captions with their vectors and ranks, as an evaluation used them."""

    paths: Sequence[Path]
    """Of every row of `images`: those with captions, then the distractors."""
    captions: Sequence[str]
    owners: NDArray[np.int64]
    """The image row of each caption, shape (c,)."""
    images: Vectors
    texts: Vectors
    pairs: PairRanks


def worst_failures(data: Measured) -> tuple[Failure, ...]:
    """The queries whose first relevant answer is furthest down, in both directions, worst first.

    One caption an image: the picture that nobody describes well would fill the page otherwise.
    """
    return (*_lost_images(data), *_lost_texts(data))


def _lost_images(data: Measured) -> list[Failure]:
    ranks = data.pairs.of_image
    worst = _first_of_each(np.argsort(-ranks, kind="stable"), data.owners)
    lost = [number for number in worst if ranks[number] > 1][:FAILURES]
    scores, found = scan(data.images, data.texts[lost], RETURNED)
    return [
        Failure(
            direction="image_retrieval",
            image=data.paths[data.owners[number]],
            caption=data.captions[number],
            rank=int(ranks[number]),
            score=float(data.pairs.cosines[number]),
            returned_images=tuple(
                (data.paths[row], float(score)) for row, score in zip(rows, line, strict=True)
            ),
            returned_texts=(),
        )
        for number, rows, line in zip(lost, found.tolist(), scores.tolist(), strict=True)
    ]


def _lost_texts(data: Measured) -> list[Failure]:
    ranks = data.pairs.of_caption
    best = np.array(_first_of_each(np.argsort(ranks, kind="stable"), data.owners))
    worst = best[np.argsort(-ranks[best], kind="stable")]
    lost = [number for number in worst.tolist() if ranks[number] > 1][:FAILURES]
    scores, found = scan(data.texts, data.images[data.owners[lost]], RETURNED)
    return [
        Failure(
            direction="text_retrieval",
            image=data.paths[data.owners[number]],
            caption=data.captions[number],
            rank=int(ranks[number]),
            score=float(data.pairs.cosines[number]),
            returned_images=(),
            returned_texts=tuple(
                (data.captions[row], float(score)) for row, score in zip(rows, line, strict=True)
            ),
        )
        for number, rows, line in zip(lost, found.tolist(), scores.tolist(), strict=True)
    ]


def _first_of_each(captions: NDArray[np.int64], owners: NDArray[np.int64]) -> list[int]:
    """`captions` in their order, less those of an image that came before."""
    _, first = np.unique(owners[captions], return_index=True)
    chosen: list[int] = captions[np.sort(first)].tolist()
    return chosen


def sample_pairs(data: Measured) -> Sample:
    """Images spread evenly over the set, the first caption of each, and all their cosines."""
    asking, first = np.unique(data.owners, return_index=True)
    picked = np.unique(np.linspace(0, len(asking) - 1, min(SAMPLED, len(asking))).astype(int))
    texts = data.texts[first[picked]]
    return Sample(
        images=tuple(data.paths[row] for row in asking[picked]),
        captions=tuple(data.captions[number] for number in first[picked]),
        cosines=data.images[asking[picked]].astype(np.float32) @ texts.T,
    )


def project(data: Measured) -> Projection:
    """Images and their first captions on the two main axes of both together."""
    asking, first = np.unique(data.owners, return_index=True)
    picked = np.unique(np.linspace(0, len(asking) - 1, min(PROJECTED, len(asking))).astype(int))
    both = np.vstack([data.images[asking[picked]], data.texts[first[picked]]]).astype(np.float64)
    centred = both - both.mean(axis=0)
    _, spread, axes = np.linalg.svd(centred, full_matrices=False)
    points = np.zeros((len(both), 2), dtype=np.float32)
    points[:, : len(axes[:2])] = centred @ axes[:2].T
    shares = np.zeros(2)
    if spread.any():
        shares[: len(spread[:2])] = (spread**2 / (spread**2).sum())[:2]
    images, captions = np.split(points, 2)
    return Projection(images, captions, (float(shares[0]), float(shares[1])))
