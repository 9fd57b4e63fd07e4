"""Retrieval measures, as functions of ranks; nothing here touches a model or a file.

"Recall" has two meanings. R@K as papers on CLIP report it counts a query as a success when at least
one relevant answer is in the first K ("Success@K" at TREC): here `recall`. The share of a query's
relevant answers that are in the first K is `true_recall`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from searchengine.measures.ranks import PairRanks
from searchengine.measures.resampling import intervals

Ranks: TypeAlias = NDArray[np.int64]
"""The rank of each query's best relevant answer, counted from 1, shape (q,)."""

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Direction:
    """One direction of retrieval, measured. The words are CLIP_benchmark's."""

    name: str
    """"image_retrieval" (a caption asks for its image) or "text_retrieval" (an image asks for any
    of its captions)."""
    gallery: int
    """Answers there are to choose from."""
    ranks: Ranks
    tied: int
    """Queries for which a wrong answer scores exactly as high as the best relevant one."""
    recall: dict[int, float]
    """By K: share of queries, in [0, 1], with at least one relevant answer in the first K."""
    intervals: dict[int, tuple[float, float]]
    """By K: bootstrap 95 % interval of `recall`, over images."""
    true_recall: dict[int, float]
    """By K: mean share of a query's relevant answers that are in the first K. Equals `recall`
    where a query has one relevant answer."""
    median_rank: float
    mean_reciprocal_rank: float


def success(ranks: Numbers, ks: Sequence[int]) -> dict[int, float]:
    """R@K for each K: the share of `ranks`, shape (q,), counted from 1, that are K or better."""
    return {k: float(np.mean(ranks <= k)) for k in ks}


def image_retrieval(
    pairs: PairRanks, owners: Numbers, gallery: int, ks: Sequence[int]
) -> Direction:
    """A caption asks for its image. `owners`, shape (c,), are the image rows of the captions."""
    recall = success(pairs.of_image, ks)
    return Direction(
        name="image_retrieval",
        gallery=gallery,
        ranks=pairs.of_image,
        tied=int(np.count_nonzero(pairs.image_ties)),
        recall=recall,
        intervals=bootstrap(pairs.of_image, owners, ks),
        true_recall=recall,
        median_rank=float(np.median(pairs.of_image)),
        mean_reciprocal_rank=float(np.mean(1 / pairs.of_image)),
    )


def text_retrieval(pairs: PairRanks, owners: Numbers, ks: Sequence[int]) -> Direction:
    """An image asks for any of its captions; only images that have captions ask."""
    asking, query = np.unique(owners, return_inverse=True)
    ranks = np.full(len(asking), np.iinfo(np.int64).max)
    np.minimum.at(ranks, query, pairs.of_caption)
    leads = pairs.of_caption == ranks[query]
    return Direction(
        name="text_retrieval",
        gallery=len(owners),
        ranks=ranks,
        tied=int(np.count_nonzero(pairs.caption_ties[leads])),
        recall=success(ranks, ks),
        intervals=bootstrap(ranks, asking, ks),
        true_recall={k: _true_recall(pairs.of_caption, query, k) for k in ks},
        median_rank=float(np.median(ranks)),
        mean_reciprocal_rank=float(np.mean(1 / ranks)),
    )


def _true_recall(ranks: Numbers, query: Numbers, k: int) -> float:
    found = np.bincount(query, weights=ranks <= k)
    return float(np.mean(found / np.bincount(query)))


def bootstrap(ranks: Numbers, groups: Numbers, ks: Sequence[int]) -> dict[int, tuple[float, float]]:
    """95 % percentile intervals of R@K under resampling of images with replacement.

    `groups`, shape (q,), is the image of each query; see `resampled_means`.
    """
    found = intervals(np.stack([ranks <= k for k in ks], axis=1), groups)
    return dict(zip(ks, found, strict=True))
