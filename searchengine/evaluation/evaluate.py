"""`clipseek evaluate`: R@K both ways of an encoder on captioned images, as papers measure it."""

from __future__ import annotations

import importlib.metadata
import platform
import time
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from searchengine.datasets.dataset import (
    AUTO,
    FORMATS,
    CaptionedImage,
    Dataset,
    choose_split,
    read_dataset,
)
from searchengine.datasets.images import find_images
from searchengine.devices import cuda_or_cpu
from searchengine.embedding.stream import Observer, embed_files
from searchengine.encoders.interface import Encoder
from searchengine.errors import InputError
from searchengine.evaluation.benchmarks import dataset_sha256, recognise
from searchengine.evaluation.examples import Measured, project, sample_pairs, worst_failures
from searchengine.evaluation.guard import Usage, guard
from searchengine.evaluation.index_loss import EXACT, THROUGH, caveats, measure_ways
from searchengine.evaluation.published import published_for
from searchengine.evaluation.results import Evaluation, Protocol, PublishedRow
from searchengine.index import faiss_index
from searchengine.library.library import Library
from searchengine.measures.geometry import measure_health
from searchengine.measures.ranks import pair_ranks
from searchengine.measures.recall import Direction, image_retrieval, text_retrieval
from searchengine.types import Vectors
from searchengine.vectors.file import Rows

AS_THEY_ARE = "{}"
"""The prompt that leaves captions alone."""

TIES = "against the system: a wrong answer with the same score ranks before the relevant one"

PACKAGES = (
    "clipseek", "open_clip_torch", "timm", "transformers", "torch", "faiss-cpu", "faiss-gpu",
    "numpy", "pillow",
)  # fmt: skip
"""Whose versions can change a number."""


@dataclass(frozen=True, slots=True)
class EvaluationOptions:
    """What to measure on, and how."""

    images: Path | None = None
    """Where the images are; None looks beside the caption file."""
    format: str = AUTO
    split: str | None = None
    ks: tuple[int, ...] = (1, 5, 10)
    captions_per_image: int | None = 5
    """The first so many captions of each image; None takes all."""
    prompt: str = AS_THEY_ARE
    """Template around each caption, which stands where {} is."""
    limit: int | None = None
    """Only the first so many images."""
    through: str = EXACT
    """Ways to the answers in the table: "exact", "index" or "both"."""


@dataclass(frozen=True, slots=True)
class _Listed:
    """The part of a caption file that is asked for, and where its images are."""

    dataset: Dataset
    split: str | None
    whole: Sequence[CaptionedImage]
    """The split, before a limit."""
    images: Sequence[CaptionedImage]
    """With the captions that are asked."""
    files: Sequence[Path | None]
    captions_left_out: int
    """Of `images`, beyond the first so many."""


@dataclass(frozen=True, slots=True)
class _Distractors:
    """Images that are no answer to any caption."""

    paths: Sequence[Path]
    rows: Rows
    """Unit rows, shape (n, d)."""


def evaluate(
    captions: Path,
    encoder: Encoder,
    options: EvaluationOptions,
    observer: Observer,
    distractors: Library | None = None,
) -> Evaluation:
    """Measure an encoder on the images and captions of a file.

    The images of `distractors` that the file does not name join the gallery as wrong answers, by
    the vectors that the library stores.

    Raises CaptionFileError, InputError and PathNotFoundError for files that are not as they should
    be, LibraryError where the library has no vectors of this encoder, MissingExtraError where an
    index is asked for without faiss, and the encoder's errors.
    """
    started = time.monotonic()
    require_sense(options)
    listed = _list(captions, options)
    files = [path for path in listed.files if path is not None]
    others = None if distractors is None else _other_images(distractors, encoder, files)
    observer.planned(len(files))
    observer.started()
    vectors, broken = embed_files(files, encoder, observer)
    used = [
        (image, path)
        for image, path in zip(listed.images, listed.files, strict=True)
        if path is not None and path not in broken
    ]
    data = _measure(used, vectors, encoder, options, others)
    further = len(data.images) - len(used)
    directions = (
        image_retrieval(data.pairs, data.owners, len(data.images), options.ks),
        text_retrieval(data.pairs, data.owners, options.ks),
    )
    protocol = _protocol([image for image, _ in used], listed, encoder, options, further)
    warnings = _warnings(listed, len(broken), directions, encoder, options)
    return Evaluation(
        protocol=protocol,
        warnings=(*warnings, *caveats(options.through, len(data.images))),
        counts=_counts(listed, broken.keys()),
        image_retrieval=directions[0],
        text_retrieval=directions[1],
        ways=measure_ways(
            data.images,
            data.texts,
            data.owners,
            options.ks,
            through=options.through,
            device=cuda_or_cpu(encoder.device),
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


def require_sense(options: EvaluationOptions) -> None:
    """Raises InputError or MissingExtraError where the options say nothing that can be done."""
    numbers = [*options.ks, options.captions_per_image, options.limit]
    if not options.ks or any(number is not None and number < 1 for number in numbers):
        raise InputError("every K, the captions of an image and the limit are whole numbers from 1")
    if "{}" not in options.prompt:
        raise InputError(f"the prompt {options.prompt!r} has no {{}} where the caption goes")
    if options.through not in THROUGH:
        raise InputError(f"unknown way {options.through!r}; choose {', '.join(THROUGH)}")
    if options.format not in FORMATS:
        raise InputError(f"unknown format {options.format!r}; choose {', '.join(FORMATS)}")
    if options.through != EXACT:
        faiss_index.load_faiss()


def _list(captions: Path, options: EvaluationOptions) -> _Listed:
    dataset = read_dataset(captions, options.format)
    split, whole = choose_split(dataset, options.split)
    asked = options.captions_per_image
    chosen = whole[: options.limit]
    images = [replace(image, captions=image.captions[:asked]) for image in chosen]
    files = find_images(images, options.images, captions)
    left_out = _captions(chosen) - _captions(images)
    return _Listed(dataset, split, whole, images, files, left_out)


def _captions(images: Sequence[CaptionedImage]) -> int:
    return sum(len(image.captions) for image in images)


def _measure(
    used: Sequence[tuple[CaptionedImage, Path]],
    vectors: Vectors,
    encoder: Encoder,
    options: EvaluationOptions,
    others: _Distractors | None,
) -> Measured:
    captions = [caption for image, _ in used for caption in image.captions]
    texts = encoder.encode_texts([options.prompt.replace("{}", caption) for caption in captions])
    owners = np.repeat(np.arange(len(used)), [len(image.captions) for image, _ in used])
    paths = [path for _, path in used]
    if others is not None:
        vectors = np.concatenate([vectors, others.rows], dtype=np.float32)
        paths += others.paths
    pairs = pair_ranks(vectors, texts, owners, device=cuda_or_cpu(encoder.device))
    return Measured(paths, captions, owners, vectors, texts, pairs)


def _other_images(library: Library, encoder: Encoder, paths: Sequence[Path]) -> _Distractors:
    """The library's images less those of `paths`, with their rows in the encoder's space."""
    library.use_encoder(encoder)
    space = library.space(encoder.name)
    rows, names = library.catalog.embedded_images(space.info)
    named = {str(path) for path in paths}
    kept = [place for place, name in enumerate(names) if name not in named]
    stored = space.images.read(library.catalog.rows(space.info))
    return _Distractors([Path(names[place]) for place in kept], stored[rows[kept]])


def _warnings(
    listed: _Listed,
    broken: int,
    directions: tuple[Direction, Direction],
    encoder: Encoder,
    options: EvaluationOptions,
) -> list[str]:
    usage = Usage(
        captions_per_image=options.captions_per_image,
        limit=options.limit,
        missing_images=listed.files.count(None) + broken,
        precision=encoder.precision,
        tied_share=max(direction.tied / len(direction.ranks) for direction in directions),
    )
    return guard(listed.dataset, listed.split, listed.whole, usage)


def _counts(listed: _Listed, broken: Set[Path]) -> dict[str, int]:
    places = list(zip(listed.images, listed.files, strict=True))
    missing = [image for image, path in places if path is None]
    unreadable = [image for image, path in places if path in broken]
    return {
        **listed.dataset.counts,
        "missing images": len(missing),
        "captions of missing images": _captions(missing),
        "unreadable images": len(unreadable),
        "captions of unreadable images": _captions(unreadable),
        "captions beyond the number asked": listed.captions_left_out,
    }


def _protocol(
    used: Sequence[CaptionedImage],
    listed: _Listed,
    encoder: Encoder,
    options: EvaluationOptions,
    distractors: int,
) -> Protocol:
    asked = options.captions_per_image
    return Protocol(
        dataset=recognise(used),
        file=str(listed.dataset.path),
        format=listed.dataset.format,
        split=listed.split,
        images=len(used),
        captions=_captions(used),
        captions_per_image="all" if asked is None else str(asked),
        sha256=dataset_sha256(used),
        encoder=encoder.name,
        checkpoint=encoder.fingerprint,
        precision=encoder.precision,
        device=encoder.device,
        prompt=options.prompt,
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
