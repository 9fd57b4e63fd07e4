"""The parts of a report that show images: the similarity matrix and the worst failures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TypeAlias

import numpy as np

from cli.notation import count, decimal, plural
from cli.pages.page import NoThumbnail, Thumbnail, decoders, read_thumbnail
from searchengine.evaluation.results import Evaluation, Failure, Sample
from searchengine.measures.recall import Direction

SIDE = 220
"""Pixels of the longer side of a thumbnail: 5 to 12 KB, so that 24 failures stay under 3 MB."""

RETURNED_SHOWN = 5
"""Answers that are shown of each failure: one row."""

LARGEST_NUMBERED = 20
"""Pairs up to which every cell of the matrix shows its number; beyond, its shade alone."""

Thumbnails: TypeAlias = Mapping[Path, Thumbnail | NoThumbnail]
"""One for every path that a report shows."""


def read_thumbnails(evaluation: Evaluation) -> Thumbnails:
    """Every image of the sample and the failures, each decoded once however often it appears."""
    paths = list(dict.fromkeys(_shown(evaluation)))
    with decoders() as pool:
        thumbnails = pool.map(lambda path: read_thumbnail(path, SIDE), paths)
        return dict(zip(paths, thumbnails, strict=True))


def _shown(evaluation: Evaluation) -> Iterator[Path]:
    yield from evaluation.sample.images
    for failure in evaluation.failures:
        yield failure.image
        yield from (path for path, _ in failure.returned_images[:RETURNED_SHOWN])


def matrix(sample: Sample, thumbnails: Thumbnails) -> Iterator[str]:
    """Every caption of the sample against every image, the true pairs outlined."""
    if not sample.images:
        yield "<p>No sample was taken.</p>\n"
        return
    cosines = sample.cosines.T  # captions read best as rows
    low, high = float(cosines.min()), float(cosines.max())
    shades = (cosines - low) / max(high - low, 1e-9)
    best = cosines.argmax(axis=1)
    right = int((best == np.arange(len(best))).sum())
    dense, marked = "", "underlined"
    if len(sample.images) > LARGEST_NUMBERED:
        dense, marked = " dense", "dotted"
    yield (
        '<p class="note">Cosine of each caption with each image; the true pair of a row is '
        f"outlined. In {count(right)} of {plural(len(best), 'row')} that is the highest; elsewhere "
        f'the highest is {marked}. <span class="scale">{decimal(low, 2)} <i></i> '
        f"{decimal(high, 2)}</span></p>\n"
        '<div class="scroll" role="group" aria-label="Similarity matrix" tabindex="0">'
        f'<table class="matrix{dense}">\n<caption>Captions across images</caption>\n'
        '<thead><tr><th scope="col">caption</th>'
    )
    for path in sample.images:
        yield f'<th scope="col">{thumbnails[path].html(path.name)}</th>'
    yield "</tr></thead>\n<tbody>\n"
    for row, caption in enumerate(sample.captions):
        text = escape(caption)
        yield f'<tr><th scope="row" title="{text}"><span dir="auto">{text}</span></th>'
        for column, cosine in enumerate(cosines[row]):
            yield _cell(float(cosine), float(shades[row, column]), _mark(row, column, best[row]))
        yield "</tr>\n"
    yield "</tbody></table></div>\n"


def _mark(row: int, column: int, best: int) -> str:
    if row == column:
        return "true"
    return "best" if column == best else ""


def _cell(cosine: float, shade: float, kind: str) -> str:
    marked = f' class="{kind}"' if kind else ""
    return f'<td{marked} style="--v:{shade:.2f}"><span>{decimal(cosine, 3)}</span></td>'


def image_failures(
    failures: Sequence[Failure], direction: Direction, thumbnails: Thumbnails
) -> Iterator[str]:
    """Captions that miss their image, with that image and what came back instead."""
    if not failures:
        yield _none_of(direction)
        return
    yield '<ol class="failures" role="list">\n'
    for failure in failures:
        yield f'<li>\n<p class="query" dir="auto"><q>{escape(failure.caption)}</q></p>\n'
        where = f"<b>Its image: rank {count(failure.rank)}</b>"
        figure = _figure(failure.image, failure.score, where, thumbnails)
        yield f'<div class="strip">\n<div class="own">{figure}</div>\n<ol role="list">\n'
        shown = failure.returned_images[:RETURNED_SHOWN]
        for place, (path, score) in enumerate(shown, start=1):
            is_own = path == failure.image
            where = f"<b>{place}</b>" + (" its image" if is_own else "")
            yield '<li class="own">' if is_own else "<li>"
            yield _figure(path, score, where, thumbnails)
            yield "</li>\n"
        yield "</ol>\n</div>\n</li>\n"
    yield "</ol>\n"


def _figure(path: Path, score: float, where: str, thumbnails: Thumbnails) -> str:
    """A picture over its place (HTML), cosine and name."""
    name = escape(path.name)
    return (
        f"<figure>{thumbnails[path].html(path.name)}<figcaption>{where} "
        f'<span class="score">{decimal(score, 3)}</span> '
        f'<bdi class="file" title="{escape(str(path))}">{name}</bdi></figcaption></figure>\n'
    )


def text_failures(
    failures: Sequence[Failure], direction: Direction, thumbnails: Thumbnails
) -> Iterator[str]:
    """Images that miss their captions, with the best of those and what came back instead."""
    if not failures:
        yield _none_of(direction)
        return
    yield '<ol class="failures of-texts" role="list">\n'
    for failure in failures:
        name = escape(failure.image.name)
        yield f"<li>\n<figure>{thumbnails[failure.image].html(failure.image.name)}<figcaption>"
        yield f'<bdi class="file" title="{escape(str(failure.image))}">{name}</bdi>'
        yield "</figcaption></figure>\n<div>\n<p>Its best caption: "
        yield f"<b>rank {count(failure.rank)}</b></p>\n"
        yield from _texts([(failure.caption, failure.score)], failure.caption)
        yield "<p>Returned</p>\n"
        yield from _texts(failure.returned_texts[:RETURNED_SHOWN], failure.caption)
        yield "</div>\n</li>\n"
    yield "</ol>\n"


def _texts(texts: Iterable[tuple[str, float]], own: str) -> Iterator[str]:
    """Captions with their cosines; those in the words of `own` stand out."""
    yield '<ol class="texts" role="list">\n'
    for text, score in texts:
        shown = f"<b>{escape(text)}</b>" if text == own else escape(text)
        yield f'<li><span class="score">{decimal(score, 3)}</span> <bdi>{shown}</bdi></li>\n'
    yield "</ol>\n"


def _none_of(direction: Direction) -> str:
    if int(direction.ranks.max(initial=1)) == 1:
        return "<p>None: every query has a relevant answer in the first place.</p>\n"
    return "<p>None were kept.</p>\n"
