"""`clipseek evaluate`: R@K both ways of an encoder on captioned images, as papers measure it."""

from __future__ import annotations

import importlib.metadata
import platform
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from searchengine.datasets.dataset import CaptionedImage
from searchengine.devices import cuda_or_cpu
from searchengine.embedding.files import embed_files
from searchengine.embedding.outcomes import Observer
from searchengine.encoders.interface import Encoder
from searchengine.evaluation.benchmarks import dataset_sha256, identity, recognise
from searchengine.evaluation.distractors import Distractors, lookalikes
from searchengine.evaluation.evaluation_set import (
    EvaluationOptions,
    EvaluationSet,
    count_captions,
)
from searchengine.evaluation.examples import Measured, project, sample_pairs, worst_failures
from searchengine.evaluation.given import GivenVectors
from searchengine.evaluation.guard import Usage, guard, too_small
from searchengine.evaluation.index_loss import caveats, measure_methods
from searchengine.evaluation.judged import coco_1k, measure_positives, rsum
from searchengine.evaluation.published import published_for
from searchengine.evaluation.results import Evaluation, Protocol, PublishedRow, QueryResult
from searchengine.evaluation.tasks.groups import Groups, measure_groups
from searchengine.evaluation.tasks.lengths import about_lengths, cut_share
from searchengine.measures.geometry import measure_health
from searchengine.measures.ranks import pair_ranks
from searchengine.measures.recall import Direction, image_retrieval, text_retrieval
from searchengine.types import Vectors

TIES = "against the system: a wrong answer with the same score ranks before the relevant one"

TEST_IMAGES = "test images in the library, no distractors"

PACKAGES = (
    "clipseek", "open_clip_torch", "timm", "transformers", "torch", "faiss-cpu", "faiss-gpu",
    "numpy", "pillow",
)  # fmt: skip
"""Whose versions can change a number."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An evaluation, and what it was made of."""

    evaluation: Evaluation
    images: Sequence[CaptionedImage]
    """Those that were used, with the captions that asked."""
    data: Measured


def evaluate(
    asked: EvaluationSet,
    encoder: Encoder | GivenVectors,
    observer: Observer,
    distractors: Distractors | None = None,
) -> Evaluation:
    """As `answer`, without what it was made of."""
    return answer(asked, encoder, observer, distractors).evaluation


def answer(
    asked: EvaluationSet,
    encoder: Encoder | GivenVectors,
    observer: Observer,
    distractors: Distractors | None = None,
) -> Answered:
    """Measure an encoder on images and captions.

    Those of `distractors` that are no image of `asked`, neither by path nor by content, join the
    gallery as wrong answers.

    Raises InputError where no image can be read, MissingExtraError where an index is asked for
    without faiss, and the encoder's errors.
    """
    started = time.monotonic()
    options = asked.options
    files = [path for path in asked.files if path is not None]
    vectors, broken = _embed(files, encoder, options, observer)
    is_used = np.array([path is not None and path not in broken for path in asked.files])
    used = [
        (image, path)
        for image, path in zip(asked.images, asked.files, strict=True)
        if path is not None and path not in broken
    ]
    sizes = [len(image.captions) for image in asked.images]
    device = cuda_or_cpu(encoder.device)
    others, counts, warnings = None, asked.counts(broken.keys()), []
    if distractors is not None:
        others = distractors.without(files)
        counts[TEST_IMAGES] = len(distractors.paths) - len(others.paths)
        alike = lookalikes(others, [path for _, path in used], vectors, device=device)
        warnings += [] if alike is None else [alike]
    data = _measure(used, vectors, encoder, options.prompt, others)
    further = len(data.images) - len(used)
    directions = (
        image_retrieval(data.pairs, data.owners, len(data.images), options.ks),
        text_retrieval(data.pairs, data.owners, options.ks),
    )
    protocol = _protocol([image for image, _ in used], asked, encoder, further)
    warnings += _warnings(asked, len(broken), directions, encoder)
    cut = _cut_share(data.captions, encoder, options.prompt)
    small = too_small(directions, data.owners)
    warnings += [] if small is None else [small]
    about = None if cut is None else about_lengths(cut, len(data.captions))
    warnings += [] if about is None else [about]
    evaluation = Evaluation(
        protocol=protocol,
        warnings=(*warnings, *caveats(options.through, len(data.images))),
        counts=counts,
        image_retrieval=directions[0],
        text_retrieval=directions[1],
        rsum=rsum(directions),
        captions_cut=cut,
        coco_1k=None if further else coco_1k([image for image, _ in used], data, options.ks),
        queries=tuple(_queries(used, directions)),
        judged=measure_positives(
            asked.positives,
            data,
            np.flatnonzero(is_used),
            np.flatnonzero(np.repeat(is_used, sizes)),
            options.ks,
            device=device,
        ),
        groups=_groups(asked, np.repeat(is_used, sizes), data, directions),
        methods=measure_methods(
            data.images,
            data.texts,
            data.owners,
            options.ks,
            through=options.through,
            device=device,
        ),
        published=tuple(_published(protocol, directions)),
        health=measure_health(
            data.images[: len(used)], data.texts, data.pairs, gallery=len(data.images)
        ),
        failures=worst_failures(data),
        sample=sample_pairs(data),
        projection=project(data),
        seconds=time.monotonic() - started,
    )
    return Answered(evaluation, [image for image, _ in used], data)


def _groups(
    asked: EvaluationSet,
    is_used: NDArray[np.bool_],
    data: Measured,
    directions: tuple[Direction, Direction],
) -> Groups | None:
    """By the column that is asked for; `is_used` says which captions of `asked` were."""
    if asked.options.by is None:
        return None
    values = [value for value, used in zip(asked.values, is_used, strict=True) if used]
    ranks = directions[0].ranks, directions[1].ranks
    return measure_groups(asked.options.by, values, data.owners, ranks, asked.options.ks)


def _embed(
    files: Sequence[Path],
    encoder: Encoder | GivenVectors,
    options: EvaluationOptions,
    observer: Observer,
) -> tuple[Vectors, dict[Path, str]]:
    if isinstance(encoder, GivenVectors):
        return encoder.rows_of(files), {}
    observer.planned(len(files))
    observer.started()
    return embed_files(
        files,
        encoder,
        observer,
        workers=options.workers,
        max_megapixels=options.max_megapixels,
        max_file_size=options.max_file_size,
    )


def _cut_share(
    captions: Sequence[str], encoder: Encoder | GivenVectors, prompt: str
) -> float | None:
    """Of captions whose vectors were given nobody knows."""
    if isinstance(encoder, GivenVectors):
        return None
    return cut_share([prompt.replace("{}", caption) for caption in captions], encoder)


def _measure(
    used: Sequence[tuple[CaptionedImage, Path]],
    vectors: Vectors,
    encoder: Encoder | GivenVectors,
    prompt: str,
    others: Distractors | None,
) -> Measured:
    captions = [caption for image, _ in used for caption in image.captions]
    texts = encoder.encode_texts([prompt.replace("{}", caption) for caption in captions])
    owners = np.repeat(np.arange(len(used)), [len(image.captions) for image, _ in used])
    paths = [path for _, path in used]
    if others is not None:
        vectors = np.concatenate([vectors, others.rows], dtype=np.float32)
        paths += others.paths
    pairs = pair_ranks(vectors, texts, owners, device=cuda_or_cpu(encoder.device))
    return Measured(paths, captions, owners, vectors, texts, pairs)


def _queries(
    used: Sequence[tuple[CaptionedImage, Path]], directions: tuple[Direction, Direction]
) -> Iterator[QueryResult]:
    asked, found = (iter(direction.ranks.tolist()) for direction in directions)
    keys = [identity(image.key) for image, _ in used]
    if len(set(keys)) < len(keys):  # as the names of a camera in several folders
        keys = [image.key for image, _ in used]
    for key, (image, path) in zip(keys, used, strict=True):
        for turn, caption in enumerate(image.captions):
            yield QueryResult(directions[0].name, key, turn, path, caption, next(asked))
    for key, (_, path) in zip(keys, used, strict=True):
        yield QueryResult(directions[1].name, key, 0, path, None, next(found))


def _warnings(
    asked: EvaluationSet,
    broken: int,
    directions: tuple[Direction, Direction],
    encoder: Encoder | GivenVectors,
) -> list[str]:
    usage = Usage(
        captions_per_image=asked.options.captions_per_image,
        limit=asked.options.limit,
        missing_images=asked.files.count(None) + broken,
        precision=encoder.precision,
        tied_share=max(direction.tied / len(direction.ranks) for direction in directions),
    )
    return guard(asked.dataset, asked.split, asked.whole, usage)


def _protocol(
    used: Sequence[CaptionedImage],
    asked: EvaluationSet,
    encoder: Encoder | GivenVectors,
    distractors: int,
) -> Protocol:
    most = asked.options.captions_per_image
    return Protocol(
        dataset=recognise(used),
        file=str(asked.dataset.path),
        format=asked.dataset.format,
        split=asked.split,
        images=len(used),
        captions=count_captions(used),
        captions_per_image="all" if most is None else str(most),
        sha256=dataset_sha256(used),
        encoder=encoder.name,
        checkpoint=encoder.fingerprint,
        precision=encoder.precision,
        device=encoder.device,
        prompt=asked.options.prompt,
        ties=TIES,
        distractors=distractors,
        versions=_versions(),
    )


def _versions() -> dict[str, str]:
    """Versions of Python and of the installed ones of `PACKAGES`."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def _published(protocol: Protocol, directions: tuple[Direction, Direction]) -> list[PublishedRow]:
    """Published numbers beside the measured ones; none where distractors make it another task."""
    measured = {
        f"{direction.name}_recall@{k}": value
        for direction in directions
        for k, value in direction.recall.items()
    }
    if protocol.dataset is None or protocol.distractors:
        return []
    return [
        PublishedRow(row.metric, row.value, measured[row.metric], row.source)
        for row in published_for(protocol.encoder, protocol.dataset)
        if row.metric in measured
    ]
