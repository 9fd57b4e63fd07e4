"""Zero-shot classification, as open_clip does it, and probes on the same vectors."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from searchengine.datasets.classes import ClassNames, LabelledImages
from searchengine.embedding.outcomes import Observer
from searchengine.embedding.regions import Region
from searchengine.encoders.interface import Encoder
from searchengine.evaluation.tasks.pictures import ReadingOptions, encode_regions, find_files
from searchengine.evaluation.tasks.templates import Templates
from searchengine.labels.prompts import in_template
from searchengine.measures.classification import (
    Chosen,
    choose,
    confusions,
    expected_calibration_error,
    per_class,
)
from searchengine.measures.probes import FOLDS, folds, probe
from searchengine.measures.resampling import intervals
from searchengine.types import Vectors

TOP = 5

WORST = 20
"""Pairs of classes that are taken for each other most."""

EXAMPLES = 3
"""Pictures of such a pair."""

NAMES_AT_A_TIME = 64

SAME = 0.9999
"""The least cosine of one picture with itself, in any batch; its files have one size, too."""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Of one way to name images."""

    way: str
    """"zero-shot", "k-NN" or "linear probe"."""
    top_1: float
    interval: tuple[float, float]
    """Bootstrap 95 % interval of `top_1`, over images."""
    mean_per_class: float
    """In [0, 1], each class counting the same."""


@dataclass(frozen=True, slots=True)
class Confusion:
    """One class taken for another."""

    name: str
    taken_for: str
    times: int
    of: int
    """Images of the class."""
    examples: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Classification:
    """A set of labelled images, named."""

    dataset: str
    encoder: str
    checkpoint: str
    precision: str
    device: str
    templates: Templates
    logit_scale: float
    classes: tuple[str, ...]
    images: int
    missing: int
    unreadable: int
    zero_shot: Accuracy
    top_5: float
    top_5_interval: tuple[float, float]
    calibration_error: float
    """Expected calibration error at the encoder's own scale, in [0, 1]."""
    confidence: float
    """Mean probability of what was chosen."""
    probes: tuple[Accuracy, ...]
    learned_from: str
    """What the probes learned from, in words; "" without probes."""
    per_class: dict[str, float]
    """Share of right answers, of the classes that have images."""
    confusions: tuple[Confusion, ...]
    files: tuple[Path, ...]
    """Those that were read, in order."""
    truth: NDArray[np.int64]
    chosen: Chosen
    seconds: float
    warnings: tuple[str, ...] = ()
    """Sentences on numbers that do not say what they seem to."""


@dataclass(frozen=True, slots=True)
class _Encoded:
    files: tuple[Path, ...]
    vectors: Vectors
    truth: NDArray[np.int64]
    missing: int
    unreadable: int


def measure_classification(
    images: LabelledImages,
    names: ClassNames,
    templates: Templates,
    encoder: Encoder,
    observer: Observer,
    *,
    directory: Path | None = None,
    train: LabelledImages | None = None,
    with_probes: bool = False,
    options: ReadingOptions,
) -> Classification:
    """Name every image that can be read; `names` has every class of `images` and `train`.

    `directory` is where the images of a file are; None looks beside it. Probes learn from `train`,
    or without it from four fifths of the images for the last
    fifth, in turn. Raises InputError where no image can be read.
    """
    started = time.monotonic()
    known = _encode(images, names, directory, encoder, observer, options)
    offered = class_vectors(names.names, templates, encoder)
    chosen = choose(known.vectors, offered, known.truth, encoder.logit_scale)
    right = chosen.ranks == 1
    in_top = chosen.ranks <= TOP
    [top_5_interval] = intervals(in_top[:, np.newaxis].astype(float), np.arange(len(in_top)))
    sizes = np.bincount(known.truth, minlength=len(offered))
    probes: tuple[Accuracy, ...] = ()
    learned_from = ""
    warnings = [_about_top(len(offered))]
    if train is not None:
        taught = _encode(train, names, directory, encoder, observer, options)
        said = probe(taught.vectors, taught.truth, known.vectors, len(offered))
        probes = _probes(said.neighbours, said.linear, known.truth, len(offered))
        learned_from = f"{len(taught.files):,} images of {train.path.name}"
        warnings.append(_about_train(known, taught))
    elif with_probes:
        probes = _in_folds(known, len(offered))
        learned_from = f"the images themselves, in {FOLDS} folds"
    shares = per_class(right, known.truth, len(offered))
    return Classification(
        dataset=images.path.name,
        encoder=encoder.name,
        checkpoint=encoder.fingerprint,
        precision=encoder.precision,
        device=encoder.device,
        templates=templates,
        logit_scale=encoder.logit_scale,
        classes=names.names,
        images=len(known.files),
        missing=known.missing,
        unreadable=known.unreadable,
        zero_shot=_accuracy("zero-shot", right, known.truth, len(offered)),
        top_5=float(in_top.mean()),
        top_5_interval=top_5_interval,
        calibration_error=expected_calibration_error(chosen.confidence, right),
        confidence=float(chosen.confidence.mean()),
        probes=probes,
        learned_from=learned_from,
        per_class={names.names[n]: float(shares[n]) for n in np.flatnonzero(sizes)},
        confusions=tuple(_confusions(chosen, known, names.names, sizes)),
        files=known.files,
        truth=known.truth,
        chosen=chosen,
        seconds=time.monotonic() - started,
        warnings=tuple(warning for warning in warnings if warning is not None),
    )


def _about_top(classes: int) -> str | None:
    if classes > TOP:
        return None
    return f"top-{TOP} is 100 whatever the encoder answers: there are {classes} classes in all"


def _about_train(known: _Encoded, taught: _Encoded) -> str | None:
    """A sentence where the probes have learned from images that they are asked for."""
    alike: dict[int, list[int]] = {}
    for row, file in enumerate(taught.files):
        alike.setdefault(file.stat().st_size, []).append(row)
    seen = sum(
        bool((taught.vectors[alike.get(file.stat().st_size, [])] @ vector > SAME).any())
        for file, vector in zip(known.files, known.vectors, strict=True)
    )
    if not seen:
        return None
    return (
        f"{seen:,} of the {len(known.files):,} images are among those of --train too: what k-NN "
        "and the linear probe find of them is no test"
    )


def class_vectors(names: Sequence[str], templates: Templates, encoder: Encoder) -> Vectors:
    """A unit row a name: the mean of its unit rows in all templates, shape (names, d).

    So does open_clip's `build_zero_shot_classifier`.
    """
    many = len(templates.texts)
    rows = []
    for first in range(0, len(names), NAMES_AT_A_TIME):
        some = names[first : first + NAMES_AT_A_TIME]
        texts = [in_template(text, name) for name in some for text in templates.texts]
        vectors = encoder.encode_texts(texts).reshape(len(some), many, -1)
        rows.append(vectors.mean(axis=1))
    means = np.concatenate(rows)
    unit: Vectors = means / np.linalg.norm(means, axis=1, keepdims=True)
    return unit


def _encode(
    images: LabelledImages,
    names: ClassNames,
    directory: Path | None,
    encoder: Encoder,
    observer: Observer,
    options: ReadingOptions,
) -> _Encoded:
    places = (
        {file: Path(file) for file in images.files}
        if images.is_folder
        else find_files(images.files, directory, images.path)
    )
    there = [
        (Region(places[file]), names.numbers[each])
        for file, each in zip(images.files, images.classes, strict=True)
        if file in places
    ]
    pictures = encode_regions([region for region, _ in there], encoder, observer, options)
    used = [(region, number) for region, number in there if region in pictures.rows]
    return _Encoded(
        tuple(region.path for region, _ in used),
        pictures.vectors[[pictures.rows[region] for region, _ in used]],
        np.array([number for _, number in used], dtype=np.int64),
        missing=len(images.files) - len(there),
        unreadable=len(there) - len(used),
    )


def _in_folds(known: _Encoded, classes: int) -> tuple[Accuracy, ...]:
    near, straight = np.empty_like(known.truth), np.empty_like(known.truth)
    for learned, asked in folds(known.truth):
        said = probe(known.vectors[learned], known.truth[learned], known.vectors[asked], classes)
        near[asked], straight[asked] = said.neighbours, said.linear
    return _probes(near, straight, known.truth, classes)


def _probes(
    neighbours: NDArray[np.int64],
    linear: NDArray[np.int64],
    truth: NDArray[np.int64],
    classes: int,
) -> tuple[Accuracy, ...]:
    return (
        _accuracy("k-NN", neighbours == truth, truth, classes),
        _accuracy("linear probe", linear == truth, truth, classes),
    )


def _accuracy(
    way: str, right: NDArray[np.bool_], truth: NDArray[np.int64], classes: int
) -> Accuracy:
    [bounds] = intervals(right[:, np.newaxis].astype(float), np.arange(len(right)))
    mean = float(np.nanmean(per_class(right, truth, classes)))
    return Accuracy(way, float(right.mean()), bounds, mean)


def _confusions(
    chosen: Chosen, known: _Encoded, names: Sequence[str], sizes: NDArray[np.int64]
) -> list[Confusion]:
    found = []
    for own, other, times in confusions(chosen.first, known.truth, WORST):
        places = np.flatnonzero((known.truth == own) & (chosen.first == other))
        surest = places[np.argsort(-chosen.confidence[places], kind="stable")][:EXAMPLES]
        examples = tuple(known.files[place] for place in surest)
        found.append(Confusion(names[own], names[other], times, int(sizes[own]), examples))
    return found
