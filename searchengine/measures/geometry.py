"""How well images and texts lie to each other in a space, after the literature on alignment.

Every measure is over unit vectors and is a plain number; the docstring of each field of
`evaluation_types.Health` has its range. Sums over all pairs are taken on at most `SAMPLE` rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from searchengine.measures.ranks import PairRanks
from searchengine.types import Vectors
from searchengine.vectors.file import Rows
from searchengine.vectors.scan_torch import best_rows

SAMPLE = 5_000
"""Rows of each kind for the measures over all pairs: they move by less than their last digit."""

ROWS_AT_A_TIME = 128
"""Of a sample, compared with all of it: 20 MB for a step and what it is made of."""

NEIGHBOURS = 10
"""K of the k-occurrence: the value of Radovanovic et al."""

SEED = 4

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Health:
    """How images and texts lie to each other in the space."""

    true_pair_cosine: float
    random_pair_cosine: float
    modality_gap: float
    linear_separability: float
    alignment: float
    uniformity_images: float
    uniformity_texts: float
    hubness_image_retrieval: float
    hubness_text_retrieval: float
    ranking_accuracy: float


def measure_health(
    images: Vectors | Rows, captions: Vectors | Rows, pairs: PairRanks, gallery: int
) -> Health:
    """The space's health: images (n, d), all with captions; captions (c, d), ranked as `pairs`.

    `gallery` is the number of images that the ranks are among: n and the distractors.
    """
    some_images, some_captions = _some(images), _some(captions)
    return Health(
        true_pair_cosine=float(pairs.cosines.mean()),
        random_pair_cosine=random_pair_cosine(images, captions, pairs.cosines),
        modality_gap=modality_gap(images, captions),
        linear_separability=linear_separability(some_images, some_captions),
        alignment=alignment(pairs.cosines),
        uniformity_images=uniformity(some_images),
        uniformity_texts=uniformity(some_captions),
        hubness_image_retrieval=hubness(some_captions, some_images),
        hubness_text_retrieval=hubness(some_images, some_captions),
        ranking_accuracy=ranking_accuracy(pairs.of_image, gallery),
    )


def random_pair_cosine(
    images: Vectors | Rows, captions: Vectors | Rows, true_cosines: NDArray[np.float64]
) -> float:
    """Mean cosine of all wrong pairs, in [-1, 1]; from the two sums, without any pair."""
    everything = images.sum(axis=0, dtype=np.float64) @ captions.sum(axis=0, dtype=np.float64)
    wrong = len(images) * len(captions) - len(captions)
    return float((everything - true_cosines.sum()) / wrong) if wrong else float("nan")


def modality_gap(images: Vectors | Rows, captions: Vectors | Rows) -> float:
    """Distance of the two means, in [0, 2]: Liang et al., Mind the Gap, NeurIPS 2022."""
    gap = images.mean(axis=0, dtype=np.float64) - captions.mean(axis=0, dtype=np.float64)
    return float(np.linalg.norm(gap))


def linear_separability(images: Vectors, captions: Vectors) -> float:
    """How often a plane tells image vectors from text vectors, in [0.5, 1] but for chance.

    Balanced accuracy on one half of the rows of a least-squares plane fitted to the other half.
    After Shi, Welle, Bjorkman & Kragic, Towards Understanding the Modality Gap in CLIP, ICLR 2023
    workshop on multimodal representation learning.
    """
    sizes = np.array([len(images), len(captions)])
    kind, weight = np.repeat([1.0, -1.0], sizes), np.repeat(sizes**-0.5, sizes)
    rows = np.vstack([images, captions])
    fit = np.random.default_rng(SEED).random(len(rows)) < 0.5
    if len(np.unique(kind[fit])) < 2 or len(np.unique(kind[~fit])) < 2:
        return float("nan")
    design = np.hstack([rows[fit], np.ones((fit.sum(), 1))], dtype=np.float64)
    design *= weight[fit, np.newaxis]
    plane, *_ = np.linalg.lstsq(design, kind[fit] * weight[fit], rcond=None)
    right = np.sign(rows[~fit] @ plane[:-1] + plane[-1]) == kind[~fit]
    return float(np.mean([right[kind[~fit] == side].mean() for side in (1.0, -1.0)]))


def alignment(true_cosines: NDArray[np.float64]) -> float:
    """Mean squared distance of true pairs, in [0, 4], lower is closer.

    Wang & Isola, Understanding Contrastive Representation Learning through Alignment and
    Uniformity on the Hypersphere, ICML 2020, with alpha = 2; on unit vectors 2 - 2 cos.
    """
    return float(np.mean(2 - 2 * true_cosines))


def uniformity(rows: Vectors) -> float:
    """Log mean exp(-2 |x - y|^2) over pairs of different rows, in [-8, 0], lower is more spread.

    Wang & Isola 2020 (see `alignment`), with t = 2.
    """
    if len(rows) < 2:
        return float("nan")
    total = 0.0
    for start in range(0, len(rows), ROWS_AT_A_TIME):
        part = rows[start : start + ROWS_AT_A_TIME]
        squared = np.maximum(2 - 2 * (part @ rows.T).astype(np.float64), 0)
        near = np.exp(-2 * squared)
        near[np.arange(len(part)), np.arange(start, start + len(part))] = 0  # of a row with itself
        total += near.sum()
    return float(np.log(total / (len(rows) * (len(rows) - 1))))


def hubness(queries: Vectors, gallery: Vectors) -> float:
    """Skewness of how often each gallery row is among the first ten of a query; 0 is no hubs.

    Radovanovic et al., Hubs in Space, JMLR 11 (2010), eq. 1.
    """
    _, found = best_rows(gallery, queries, NEIGHBOURS)
    times = np.bincount(found.ravel(), minlength=len(gallery)).astype(np.float64)
    spread = times.std()
    return float(np.mean(((times - times.mean()) / spread) ** 3)) if spread else 0.0


def ranking_accuracy(ranks: Numbers, gallery: int) -> float:
    """The chance, in [0, 1], that a caption's image beats a random wrong one.

    That is the area under the ROC curve of a query, 1 - (rank - 1) / (gallery - 1), averaged over
    the captions; `ranks` has shape (c,), `gallery` is the number of images.
    """
    return float(np.mean(1 - (ranks - 1) / (gallery - 1))) if gallery > 1 else 1.0


def _some(rows: Vectors | Rows) -> Vectors:
    """`SAMPLE` of the rows or all, as float32: numpy multiplies float16 a hundred times slower."""
    if len(rows) > SAMPLE:
        chosen = np.random.default_rng(SEED).choice(len(rows), SAMPLE, replace=False)
        rows = rows[np.sort(chosen)]
    return rows.astype(np.float32)
