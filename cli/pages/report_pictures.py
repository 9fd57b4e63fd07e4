"""The parts of a report that show images: the similarity matrix and the worst failures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from cli.notation import count, decimal, plural
from cli.pages.page import NoThumbnail, decoders, thumbnail_of
from searchengine.evaluation.results import Evaluation, Failure, Sample
from searchengine.images.thumbnails import Thumbnail
from searchengine.measures.recall import Direction

SIDE = 220
"""Pixels of the longer side of a thumbnail: 5 to 12 KB, so that 24 failures stay under 3 MB."""

RETURNED_SHOWN = 5
"""Answers that are shown of each failure: one row."""

LARGEST_NUMBERED = 20
"""Pairs up to which every cell of the matrix shows its number; beyond, its shade alone."""

Thumbnails: TypeAlias = Mapping[Path, Thumbnail | NoThumbnail]
"""One for every path that a report shows."""


@dataclass(frozen=True, slots=True)
class Cell:
    """The cosine of one caption with one image."""

    cosine: str
    shade: float
    """From 0, the lowest of the matrix, to 1, the highest."""
    mark: str
    """`true` for a true pair, `best` for the highest of a row where that is another one."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """Every caption of a sample against every image."""

    images: Sequence[tuple[Path, Thumbnail | NoThumbnail]]
    rows: Sequence[tuple[str, Sequence[Cell]]]
    """Captions with their cells, in the order of the images."""
    low: str
    high: str
    """The lowest and the highest cosine."""
    right: str
    of: str
    """In how many rows the true pair is the highest, of how many."""
    is_dense: bool
    """Whether cells show their shade alone."""


@dataclass(frozen=True, slots=True)
class ImageAnswer:
    """An image with where it stands among the answers."""

    path: Path
    thumbnail: Thumbnail | NoThumbnail
    place: str
    said: str
    """Of its place, after it."""
    score: str
    is_own: bool
    """Whether it is the one that was looked for."""


@dataclass(frozen=True, slots=True)
class ImageFailure:
    """A caption that misses its image, with that image and what came back instead."""

    caption: str
    own: ImageAnswer
    returned: Sequence[ImageAnswer]


@dataclass(frozen=True, slots=True)
class TextAnswer:
    """A caption among the answers."""

    text: str
    score: str
    is_own: bool
    """Whether it is in the words of the image's own."""


@dataclass(frozen=True, slots=True)
class TextFailure:
    """An image that misses its captions, with the best of those and what came back instead."""

    path: Path
    thumbnail: Thumbnail | NoThumbnail
    rank: str
    """Of its best caption."""
    best: TextAnswer
    returned: Sequence[TextAnswer]


def read_thumbnails(evaluation: Evaluation) -> Thumbnails:
    """Every image of the sample and the failures, each decoded once however often it appears."""
    paths = list(dict.fromkeys(_shown(evaluation)))
    with decoders() as pool:
        thumbnails = pool.map(lambda path: thumbnail_of(path, SIDE), paths)
        return dict(zip(paths, thumbnails, strict=True))


def _shown(evaluation: Evaluation) -> Iterator[Path]:
    yield from evaluation.sample.images
    for failure in evaluation.failures:
        yield failure.image
        yield from (path for path, _ in failure.returned_images[:RETURNED_SHOWN])


def matrix_of(sample: Sample, thumbnails: Thumbnails) -> Matrix | None:
    """The matrix of a sample; None where none was taken."""
    if not sample.images:
        return None
    cosines = sample.cosines.T  # captions read best as rows
    low, high = float(cosines.min()), float(cosines.max())
    shades = (cosines - low) / max(high - low, 1e-9)
    best = cosines.argmax(axis=1)
    rows = [
        [
            Cell(decimal(float(cosine), 3), float(shade), _mark(row, column, best[row]))
            for column, (cosine, shade) in enumerate(zip(cosines[row], shades[row], strict=True))
        ]
        for row in range(len(cosines))
    ]
    return Matrix(
        images=[(path, thumbnails[path]) for path in sample.images],
        rows=list(zip(sample.captions, rows, strict=True)),
        low=decimal(low, 2),
        high=decimal(high, 2),
        right=count(int((best == np.arange(len(best))).sum())),
        of=plural(len(best), "row"),
        is_dense=len(sample.images) > LARGEST_NUMBERED,
    )


def _mark(row: int, column: int, best: int) -> str:
    if row == column:
        return "true"
    return "best" if column == best else ""


def image_failures(failures: Iterable[Failure], thumbnails: Thumbnails) -> list[ImageFailure]:
    """What is shown of captions that miss their image."""
    return [
        ImageFailure(
            failure.caption,
            ImageAnswer(
                failure.image,
                thumbnails[failure.image],
                f"Its image: rank {count(failure.rank)}",
                "",
                decimal(failure.score, 3),
                is_own=True,
            ),
            [
                ImageAnswer(
                    path,
                    thumbnails[path],
                    str(place),
                    " its image" if path == failure.image else "",
                    decimal(score, 3),
                    is_own=path == failure.image,
                )
                for place, (path, score) in enumerate(
                    failure.returned_images[:RETURNED_SHOWN], start=1
                )
            ],
        )
        for failure in failures
    ]


def text_failures(failures: Iterable[Failure], thumbnails: Thumbnails) -> list[TextFailure]:
    """What is shown of images that miss their captions."""
    return [
        TextFailure(
            failure.image,
            thumbnails[failure.image],
            count(failure.rank),
            TextAnswer(failure.caption, decimal(failure.score, 3), is_own=True),
            [
                TextAnswer(text, decimal(score, 3), is_own=text == failure.caption)
                for text, score in failure.returned_texts[:RETURNED_SHOWN]
            ],
        )
        for failure in failures
    ]


def why_none(direction: Direction) -> str:
    """Said where a direction has no failures to show."""
    if int(direction.ranks.max(initial=1)) == 1:
        return "None: every query has a relevant answer in the first place."
    return "None were kept."
