"""What an evaluation says: frozen values that the table, the JSON file and the page are made of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from searchengine.evaluation.tasks.groups import Groups
from searchengine.measures.geometry import Health
from searchengine.measures.recall import Direction
from searchengine.measures.relevance import JudgedDirection


@dataclass(frozen=True, slots=True)
class SearchMethodRow:
    """One method of search: exact, or through an index. One line of the table."""

    method: str
    """"exact", "index" or "index, not re-scored"."""
    direction: str
    """Which queries were asked: "image_retrieval" or "text_retrieval"."""
    recall: dict[int, float]
    """By K: R@K of these answers, in [0, 1]."""
    agreement: dict[int, float]
    """By K: mean share of the exact first K that it returns in its first K, in [0, 1]."""
    queries_per_second: float
    p50_ms: float
    """Median latency of one query, the vector given, in milliseconds."""
    p99_ms: float
    bytes_per_image: float
    """Size on disk of what it reads: vectors, or codes and lists."""


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """A published zero-shot number beside the measured one."""

    metric: str
    """CLIP_benchmark's key, such as "image_retrieval_recall@1"."""
    published: float
    """In [0, 1]."""
    measured: float
    """In [0, 1]."""
    source: str


@dataclass(frozen=True, slots=True)
class Failure:
    """One query whose first relevant answer is far down: what came back instead."""

    direction: str
    image: Path
    caption: str
    """The relevant caption (for text_retrieval: its best-ranked own caption)."""
    rank: int
    score: float
    """Cosine of the image and the caption."""
    returned_images: tuple[tuple[Path, float], ...]
    """For image_retrieval: the first images that came back, with their cosines."""
    returned_texts: tuple[tuple[str, float], ...]
    """For text_retrieval: the first texts that came back, with their cosines."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A readable few of the pairs: images, one caption each, and every cosine between them."""

    images: tuple[Path, ...]
    captions: tuple[str, ...]
    cosines: NDArray[np.float32]
    """Shape (n, n): images down, captions across; the diagonal holds the true pairs."""


@dataclass(frozen=True, slots=True)
class Projection:
    """Images and captions on the plane of the two main axes of both together (PCA)."""

    images: NDArray[np.float32]
    """Shape (m, 2)."""
    captions: NDArray[np.float32]
    """Shape (m, 2); row i belongs to image i."""
    explained: tuple[float, float]
    """Share of the variance on each axis, in [0, 1]."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """Everything somebody needs to measure the same again."""

    dataset: str | None
    """Name of a known benchmark and split, or None."""
    file: str
    format: str
    split: str | None
    images: int
    captions: int
    captions_per_image: str
    """A number, or "all"."""
    sha256: str
    """Of the image keys and captions that were used; see `searchengine.evaluation.guard`."""
    encoder: str
    checkpoint: str
    """Fingerprint of the weights."""
    precision: str
    device: str
    prompt: str
    """"{}" where the captions went in as they are."""
    ties: str
    distractors: int
    """Images in the gallery beyond those of the dataset."""
    versions: dict[str, str]


@dataclass(frozen=True, slots=True)
class QueryResult:
    """How one query fared."""

    direction: str
    key: str
    """Of the image, in one spelling, see `searchengine.evaluation.benchmarks.identity`; what the
    file calls it where two images share that."""
    turn: int
    """Which of the image's captions asks, from 0; 0 where the image asks."""
    image: Path
    caption: str | None
    """None where the image asks."""
    rank: int
    """Of the first right answer, from 1."""


@dataclass(frozen=True, slots=True)
class Judged:
    """An evaluation on one set of judgements."""

    name: str
    """Of the file, or "eccv" or "cxc"."""
    image_retrieval: JudgedDirection
    text_retrieval: JudgedDirection
    pairs: int
    """Judged right, for captions that ask and for images that ask together."""
    elsewhere: int
    """Of these, right answers that are not in the gallery: they count as never found."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One evaluation, whole."""

    protocol: Protocol
    warnings: tuple[str, ...]
    """Sentences of the protocol guard, and on what an index would not serve."""
    counts: dict[str, int]
    """What was found and left out: "missing images", "captions of missing images", ..."""
    image_retrieval: Direction
    text_retrieval: Direction
    rsum: float
    """Sum of R@1, R@5 and R@10 of both directions, in percent."""
    captions_cut: float | None
    """Share of the captions, in [0, 1], that are longer than the encoder reads; None where vectors
    were given."""
    coco_1k: dict[str, float] | None
    """R@K in the five folds of COCO's test split, averaged, in [0, 1]; None for other images."""
    queries: tuple[QueryResult, ...]
    """Every query of both directions, in the order of the file."""
    judged: tuple[Judged, ...]
    """By judgements of their own: many right answers a query."""
    groups: Groups | None
    """By a column of the caption file, where that was asked for."""
    methods: tuple[SearchMethodRow, ...]
    published: tuple[PublishedRow, ...]
    health: Health
    failures: tuple[Failure, ...]
    """The worst of both directions, worst first within a direction."""
    sample: Sample
    projection: Projection
    seconds: float
