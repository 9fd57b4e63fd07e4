"""One evaluation as one HTML page that needs nothing else, made to be read beside a paper."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np

from cli.notation import count, decimal, interval, percent, plural
from cli.pages.page import render, write_page
from cli.pages.plane_chart import plane_chart
from cli.pages.rank_chart import rank_chart
from cli.pages.recall_chart import recall_at, recall_chart
from cli.pages.report_judged import judged_tables
from cli.pages.report_pictures import (
    image_failures,
    matrix_of,
    read_thumbnails,
    text_failures,
    why_none,
)
from cli.pages.report_tables import (
    Table,
    curve_table,
    health_rows,
    methods_table,
    protocol_pairs,
    published_table,
    rank_table,
    recall_table,
)
from searchengine.evaluation.index_loss import why_other_recall
from searchengine.evaluation.results import Evaluation, Protocol
from searchengine.measures.recall import Direction

EXAMPLE = "report.html"
"""A good name for a report."""

CURVE_TABLE_KS = (1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1_000)
"""K at which the curves are also given in numbers."""


def write_report(path: Path, evaluation: Evaluation) -> None:
    """Write `evaluation` as a self-contained page at `path`, over what was there.

    Images are shown as their files are now; one that is gone or unreadable gets a tile that says
    so. An ordinary file is written beside and renamed, so `path` is never half a page.

    Raises InputError where `path` cannot be written or has the name of an image.
    """
    write_page(path, _page(evaluation), EXAMPLE)


def _page(evaluation: Evaluation) -> Iterator[str]:
    protocol = evaluation.protocol
    name = protocol.dataset or Path(protocol.file).name
    yield from render(
        "report.html",
        title=f"{name}, retrieval evaluation",
        name=name,
        today=date.today().isoformat(),
        facts=_facts(protocol),
        result=f"{_result(evaluation.image_retrieval)} {_result(evaluation.text_retrieval)}",
        warnings=evaluation.warnings,
        protocol=protocol_pairs(protocol, evaluation.seconds),
        counts=[(what.replace("_", " "), count(n)) for what, n in evaluation.counts.items()],
        versions=list(protocol.versions.items()),
        **_measures(evaluation),
        **_pictures(evaluation),
    )


def _facts(protocol: Protocol) -> list[str]:
    facts = [
        protocol.encoder,
        plural(protocol.images, "image"),
        plural(protocol.captions, "caption"),
    ]
    if protocol.distractors:
        facts.append(plural(protocol.distractors, "distractor"))
    return facts


def _result(direction: Direction) -> str:
    """What the first and the last K say of one direction, in a sentence."""
    ks = sorted(direction.recall)
    if not ks:
        return ""
    first, last = ks[0], ks[-1]
    asks, finds = ("caption", "their image")
    if direction.name == "text_retrieval":
        asks, finds = ("image", "one of their captions")
    where = "first" if first == 1 else f"in the first {first}"
    bounds = direction.intervals.get(first)
    margin = f" (95\N{NARROW NO-BREAK SPACE}% interval {interval(bounds)})" if bounds else ""
    end = f", and {percent(direction.recall[last])} in the first {last}" if last != first else ""
    return (
        f"Of {plural(len(direction.ranks), asks)}, {percent(direction.recall[first])} find {finds} "
        f"{where} among {count(direction.gallery)}{margin}{end}."
    )


def _measures(evaluation: Evaluation) -> dict[str, object]:
    directions = (evaluation.image_retrieval, evaluation.text_retrieval)
    projection, protocol = evaluation.projection, evaluation.protocol
    return {
        "recall": recall_table(evaluation),
        "rsum": decimal(evaluation.rsum, 2),
        "judged": judged_tables(evaluation),
        "ranks": rank_table(evaluation),
        "published": published_table(evaluation.published, protocol.dataset),
        "methods": methods_table(
            evaluation.methods,
            why_other_recall(evaluation.image_retrieval, evaluation.methods),
        ),
        "curves": recall_chart(directions),
        "histogram": rank_chart(directions),
        "curve_numbers": _curve_numbers(directions),
        "projection": plane_chart(projection) if len(projection.images) else None,
        "health": health_rows(evaluation.health),
    }


def _curve_numbers(directions: tuple[Direction, ...]) -> Table:
    largest = max(direction.gallery for direction in directions)
    ks = [k for k in CURVE_TABLE_KS if k <= largest]
    curves = {
        each.name: np.where(np.array(ks) <= each.gallery, recall_at(each.ranks, ks), np.nan)
        for each in directions
    }
    return curve_table(ks, {name: [float(v) for v in curve] for name, curve in curves.items()})


def _pictures(evaluation: Evaluation) -> dict[str, object]:
    thumbnails = read_thumbnails(evaluation)
    asked, found = evaluation.image_retrieval, evaluation.text_retrieval
    lost = [failure for failure in evaluation.failures if failure.direction == asked.name]
    missed = [failure for failure in evaluation.failures if failure.direction == found.name]
    return {
        "images": count(asked.gallery),
        "captions": count(found.gallery),
        "matrix": matrix_of(evaluation.sample, thumbnails),
        "image_failures": image_failures(lost, thumbnails),
        "no_image_failures": why_none(asked),
        "text_failures": text_failures(missed, thumbnails),
        "no_text_failures": why_none(found),
    }
