"""A classification as one HTML page that needs nothing else: its numbers, and what went wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from cli.notation import count, decimal, hundredths, interval, percent, plural
from cli.pages.page import NoThumbnail, decoders, render, thumbnail_of, write_page
from cli.pages.report import EXAMPLE
from cli.pages.report_pictures import SIDE
from cli.pages.report_tables import Table
from searchengine.evaluation.tasks.classification import Accuracy, Classification
from searchengine.images.thumbnails import Thumbnail

WEAKEST = 30
"""Classes in the table, the weakest first."""


@dataclass(frozen=True, slots=True)
class ShownConfusion:
    """A class taken for another, with pictures of it."""

    name: str
    taken_for: str
    often: str
    pictures: Sequence[tuple[Path, Thumbnail | NoThumbnail]]


def write_classes_report(path: Path, result: Classification) -> None:
    """Write the page at `path`, as `cli.pages.report.write_report` does."""
    write_page(path, _page(result), EXAMPLE)


def _page(result: Classification) -> Iterator[str]:
    yield from render(
        "classes.html",
        title=f"{result.dataset}, classification",
        name=result.dataset,
        today=date.today().isoformat(),
        facts=[
            result.encoder,
            plural(result.images, "image"),
            plural(len(result.classes), "class", "classes"),
        ],
        result=(
            f"{percent(result.zero_shot.top_1)} of the images get the right one of "
            f"{count(len(result.classes))} names, {percent(result.top_5)} among the first five; "
            f"what is chosen has a probability of {percent(result.confidence)} in the mean."
        ),
        measures=_measures(result),
        weakest=_weakest(result),
        confusions=_confusions(result),
        protocol=_protocol(result),
    )


def _measures(result: Classification) -> Table:
    ways = (result.zero_shot, *result.probes)
    note = (
        f"Top-5: {hundredths(result.top_5)} ({interval(result.top_5_interval)}). Expected "
        f"calibration error at the encoder\N{RIGHT SINGLE QUOTATION MARK}s own scale: "
        f"{hundredths(result.calibration_error)}. Intervals are bootstrap, over images."
    )
    if result.learned_from:
        note += f" Probes learned from {result.learned_from}."
    header = ["", "top-1", "95\N{NARROW NO-BREAK SPACE}% interval", "mean per class"]
    return Table("Accuracy, in percent", header, [("", [_row(each) for each in ways])], note=note)


def _row(each: Accuracy) -> list[str]:
    return [
        each.way,
        hundredths(each.top_1, 2),
        interval(each.interval),
        hundredths(each.mean_per_class, 2),
    ]


def _weakest(result: Classification) -> Table:
    shares = sorted(result.per_class.items(), key=lambda item: (item[1], item[0]))[:WEAKEST]
    rows = [[name, hundredths(share)] for name, share in shares]
    return Table("The weakest classes, right in percent", ["", "right"], [("", rows)])


def _confusions(result: Classification) -> list[ShownConfusion]:
    paths = list(dict.fromkeys(path for each in result.confusions for path in each.examples))
    with decoders() as pool:
        shown = dict(
            zip(paths, pool.map(lambda path: thumbnail_of(path, SIDE), paths), strict=True)
        )
    return [
        ShownConfusion(
            each.name,
            each.taken_for,
            f"{count(each.times)} of {plural(each.of, 'image')}",
            [(path, shown[path]) for path in each.examples],
        )
        for each in result.confusions
    ]


def _protocol(result: Classification) -> list[tuple[str, str]]:
    many = len(result.templates.texts)
    return [
        ("encoder", result.encoder),
        ("checkpoint", result.checkpoint),
        ("precision", f"{result.precision} on {result.device}"),
        ("templates", f"{result.templates.name}, {count(many)}"),
        ("logit scale", decimal(result.logit_scale, 2)),
        ("images missing", count(result.missing)),
        ("images unreadable", count(result.unreadable)),
        *(("warning", warning) for warning in result.warnings),
        ("ties", "the earlier class"),
        ("seconds", decimal(result.seconds, 1)),
    ]
