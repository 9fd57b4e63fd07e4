"""One evaluation as one HTML page that needs nothing else, made to be read beside a paper."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from html import escape
from pathlib import Path
from string import Template

import numpy as np

from cli import output
from cli.notation import count, interval, percent, plural
from cli.pages.charts import projection_chart, rank_chart, recall_at, recall_chart
from cli.pages.page import read_html, require_page_name, start_page, write_page
from cli.pages.report_pictures import image_failures, matrix, read_thumbnails, text_failures
from cli.pages.report_tables import (
    curve_table,
    health_table,
    protocol_lists,
    published_table,
    rank_table,
    recall_table,
    ways_table,
)
from searchengine.evaluation.results import Evaluation, Projection
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


def require_place(path: Path) -> None:
    """Raises InputError where `write_report` could not write, before there is an evaluation."""
    require_page_name(path, EXAMPLE)
    output.require_place(path)


def _page(evaluation: Evaluation) -> Iterator[str]:
    name = evaluation.protocol.dataset or Path(evaluation.protocol.file).name
    yield start_page(f"{name}, retrieval evaluation")
    parts = {**_header(name, evaluation), **_measures(evaluation), **_pictures(evaluation)}
    yield Template(read_html("report.html")).substitute(parts)


def _header(name: str, evaluation: Evaluation) -> dict[str, str]:
    protocol, today = evaluation.protocol, date.today().isoformat()
    facts = [
        escape(protocol.encoder),
        plural(protocol.images, "image"),
        plural(protocol.captions, "caption"),
    ]
    if protocol.distractors:
        facts.append(plural(protocol.distractors, "distractor"))
    facts.append(f'<time datetime="{today}">{today}</time>')
    return {
        "name": escape(name),
        "facts": "".join(f"<li>{fact}</li>" for fact in facts),
        "result": f"{_result(evaluation.image_retrieval)} {_result(evaluation.text_retrieval)}",
        "warnings": _warnings(evaluation.warnings),
        "today": today,
    }


def _result(direction: Direction) -> str:
    """What the first and the last K say of one direction, in a sentence; plain text."""
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


def _warnings(warnings: tuple[str, ...]) -> str:
    if not warnings:
        return ""
    listed = "".join(f"<li>{escape(warning)}</li>\n" for warning in warnings)
    return (
        '<section class="warnings" aria-labelledby="warnings">\n'
        f'<h2 id="warnings">Read these numbers with care</h2>\n<ul>\n{listed}</ul>\n</section>\n'
    )


def _measures(evaluation: Evaluation) -> dict[str, str]:
    directions = (evaluation.image_retrieval, evaluation.text_retrieval)
    return {
        "recall": recall_table(evaluation),
        "ranks": rank_table(evaluation),
        "published": published_table(evaluation.published),
        "ways": ways_table(evaluation.methods),
        "curves": recall_chart(directions),
        "histogram": rank_chart(directions),
        "curve_table": _curve_numbers(directions),
        "projection": _projection(evaluation.projection),
        "health": health_table(evaluation.health),
        "protocol": "".join(protocol_lists(evaluation)),
    }


def _curve_numbers(directions: tuple[Direction, ...]) -> str:
    largest = max(direction.gallery for direction in directions)
    ks = [k for k in CURVE_TABLE_KS if k <= largest]
    curves = {
        each.name: np.where(np.array(ks) <= each.gallery, recall_at(each.ranks, ks), np.nan)
        for each in directions
    }
    return curve_table(ks, {name: [float(v) for v in curve] for name, curve in curves.items()})


def _projection(projection: Projection) -> str:
    if not len(projection.images):
        return "<p>Nothing to show.</p>\n"
    return projection_chart(projection)


def _pictures(evaluation: Evaluation) -> dict[str, str]:
    thumbnails = read_thumbnails(evaluation)
    asked, found = evaluation.image_retrieval, evaluation.text_retrieval
    by_name = {
        name: [failure for failure in evaluation.failures if failure.direction == name]
        for name in (asked.name, found.name)
    }
    return {
        "images": count(asked.gallery),
        "captions": count(found.gallery),
        "matrix": "".join(matrix(evaluation.sample, thumbnails)),
        "image_failures": "".join(image_failures(by_name[asked.name], asked, thumbnails)),
        "text_failures": "".join(text_failures(by_name[found.name], found, thumbnails)),
    }
