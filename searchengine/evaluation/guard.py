"""The protocol guard: where an evaluation leaves what papers measure, in sentences."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from searchengine.datasets.dataset import ALL, CaptionedImage, Dataset
from searchengine.evaluation.benchmarks import (
    COCO,
    FLICKR8K,
    FLICKR30K,
    NAME_SHAPES,
    Benchmark,
    find_benchmark,
)
from searchengine.measures.recall import Direction

CAPTIONS_PER_IMAGE = 5
"""Captions of an image that papers ask: all of Flickr's, the first five of COCO's five to seven.
CLIP_benchmark asks all of COCO's: every COCO number of its table times 25,010 is whole."""

HALF_PRECISIONS = frozenset(("bfloat16", "float16"))

TIED_SHARE = 0.01
"""Share of tied queries to wonder about. Captions that two images share tie in any precision, but
only 289 images of the COCO test split have one, and it must be their best caption to tie."""


_TITLES = {FLICKR8K: "Flickr8k", FLICKR30K: "Flickr30k", COCO: "COCO"}

_PAPERS = {
    FLICKR8K: "the 1,000 images of its test split",
    FLICKR30K: "the 1,000 images of Karpathy's test split",
    COCO: "the 5,000 images of Karpathy's test split",
}
"""What papers report R@K on."""

_SIZES = {
    FLICKR8K: {
        6000: "its train split",
        8000: "its three splits together",
        8091: "the whole dataset",
        8092: "the whole dataset with the name that has no file",
    },
    FLICKR30K: {
        1014: "Karpathy's val split",
        29000: "Karpathy's train split",
        29783: "the Entities train split",
        31014: "Karpathy's three splits together",
        31783: "the whole dataset",
    },
    COCO: {
        40504: "the whole of val2014",
        82783: "the whole of train2014",
        113287: "Karpathy's train split with restval",
        118287: "the whole of train2017",
        123287: "the whole dataset",
    },
}
"""Numbers of images that give a wrong gallery away; they are read only beside the file names."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What an evaluation did with the images of a split."""

    captions_per_image: int | None = CAPTIONS_PER_IMAGE
    """The first so many captions of an image were asked; None for all."""
    limit: int | None = None
    """Only the first so many images were used; None for all."""
    missing_images: int = 0
    """Images without a file, left out of the gallery with their captions."""
    precision: str = "float32"
    tied_share: float = 0.0
    """Share of queries, in [0, 1], with a wrong answer that scores as high as the right one, in
    the direction that has more of them."""


def guard(
    dataset: Dataset, split: str | None, images: Sequence[CaptionedImage], usage: Usage
) -> list[str]:
    """Sentences on where an evaluation leaves the protocol of papers; empty where it does not.

    `split` and `images` are those of `choose_split`, before a limit and before missing images
    were left out. A user's own images get sentences only on what was left out, and on ties.
    """
    benchmark = find_benchmark(images)
    family = benchmark.family if benchmark else _family(dataset, images)
    sentences = [
        _wrong_images(dataset, split, images, benchmark, family),
        _wrong_captions(images, benchmark, family, usage.captions_per_image),
        _left_out(images, usage),
        _limited(images, usage),
        _ties(usage),
    ]
    return [sentence for sentence in sentences if sentence is not None]


def too_small(directions: Sequence[Direction], owners: NDArray[np.int64]) -> str | None:
    """A sentence where K is so large that every query finds an answer in its first K.

    `owners`, shape (c,), are the image rows of the captions.
    """
    images, texts = directions
    worst = images.gallery, texts.gallery - int(np.unique(owners, return_counts=True)[1].min()) + 1
    sure = []
    for direction, rank in zip(directions, worst, strict=True):
        if ks := [f"R@{k}" for k in direction.recall if k >= rank]:
            sure.append(f"{', '.join(ks)} of {direction.name.replace('_', ' ')}")
    if not sure:
        return None
    return (
        f"{' and '.join(sure)}: 100 whatever the encoder answers, as there is nothing else; "
        f"images: {images.gallery:,}, captions: {texts.gallery:,}; take more, or a smaller -k"
    )


def _family(dataset: Dataset, images: Sequence[CaptionedImage]) -> str | None:
    """Whose images these seem to be, by the file's own word or by all their names.

    Flickr30k's names are mere numbers, so they count only in one of Flickr30k's sizes.
    """
    if dataset.name in _TITLES:
        return dataset.name
    names = [posixpath.basename(image.file) for image in images]
    for family, shape in NAME_SHAPES.items():
        sizes = {1000, *_SIZES[FLICKR30K]}
        if (family != FLICKR30K or len(names) in sizes) and all(map(shape.fullmatch, names)):
            return family
    return None


def _wrong_images(
    dataset: Dataset,
    split: str | None,
    images: Sequence[CaptionedImage],
    benchmark: Benchmark | None,
    family: str | None,
) -> str | None:
    if family is None or (benchmark is not None and benchmark.reported):
        return None
    if benchmark is not None:
        what = f"These are the {len(images):,} images of {benchmark.name}"
    else:
        what = _what(dataset, split, len(images), family)
    way_out = (
        "evaluate that split with --split test"
        if "test" in dataset.splits and split != "test"
        else "evaluate a file of that split"
    )
    return (
        f"{what}, but papers report {_PAPERS[family]}: do not set these numbers beside published "
        f"ones, or {way_out}"
    )


def _what(dataset: Dataset, split: str | None, count: int, family: str) -> str:
    title = _TITLES[family]
    images = f"images of {title}" if dataset.name == family else f"images named like {title}'s"
    if count in _SIZES[family]:
        return f"These are {count:,} {images}, as many as {_SIZES[family][count]}"
    if split == ALL and dataset.splits:
        return f"These are {count:,} {images}, all splits of the file together"
    if split not in (None, "test", ALL):
        return f"These are the {count:,} {images} in the split {split!r}"
    hint = "; Karpathy's val split is one such" if (family, count) == (COCO, 5000) else ""
    return f"These are {count:,} {images} that are no test split known here{hint}"


def _wrong_captions(
    images: Sequence[CaptionedImage],
    benchmark: Benchmark | None,
    family: str | None,
    captions_per_image: int | None,
) -> str | None:
    if family is None:
        return None
    asked = [len(image.captions[:captions_per_image]) for image in images]
    papers = CAPTIONS_PER_IMAGE * len(images)
    if max(asked, default=0) > CAPTIONS_PER_IMAGE:
        others = ", though CLIP_benchmark and open_clip ask all" if family == COCO else ""
        return (
            f"{sum(asked):,} captions are asked, up to {max(asked)} of an image, but papers ask "
            f"the first five ({papers:,}){others}: use --captions-per-image 5, or say which"
        )
    more = captions_per_image is not None and any(
        len(image.captions) > captions_per_image for image in images
    )
    way_out = "use --captions-per-image 5" if more else "use a file with all captions"
    if max(asked, default=0) == 1:
        return (
            "Only one caption of each image is asked, but papers ask five: an image then has one "
            f"chance instead of five to be right, and the numbers cannot be compared; {way_out}"
        )
    if benchmark is not None and sum(asked) < papers:
        return (
            f"{sum(asked):,} captions are asked, but papers ask {papers:,}, five of every image: "
            f"the numbers cannot be compared; {way_out}"
        )
    return None


def _left_out(images: Sequence[CaptionedImage], usage: Usage) -> str | None:
    if not usage.missing_images:
        return None
    are = "is" if usage.missing_images == 1 else "are"
    return (
        f"{usage.missing_images:,} of {len(images):,} images {are} missing, so this is another and "
        "smaller gallery, which is easier: find them with --images, or do not compare the numbers"
    )


def _limited(images: Sequence[CaptionedImage], usage: Usage) -> str | None:
    if usage.limit is None or usage.limit >= len(images):
        return None
    used = "one" if usage.limit == 1 else f"{usage.limit:,}"
    are = "is" if usage.limit == 1 else "are"
    return (
        f"Only the first {used} of {len(images):,} images {are} used, and a smaller gallery "
        "is easier: leave --limit away for numbers to compare"
    )


def _ties(usage: Usage) -> str | None:
    if usage.precision not in HALF_PRECISIONS or usage.tied_share <= TIED_SHARE:
        return None
    return (
        f"{usage.tied_share:.1%} of the queries are tied in {usage.precision}, which rounds scores "
        "to the same value, and ties count against the system: encode in float32 to compare"
    )
