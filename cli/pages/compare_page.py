"""Two evaluations side by side as one HTML page: differences, and queries won and lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from cli.notation import DIRECTIONS, count, hundredths, plural, points
from cli.pages.page import NoThumbnail, decoders, render, thumbnail_of, write_page
from cli.pages.report import EXAMPLE
from cli.pages.report_pictures import SIDE
from cli.pages.report_tables import Table
from searchengine.evaluation.compare import AskedBoth, ComparedDirection, Comparison
from searchengine.images.thumbnails import Thumbnail

SHOWN = 12
"""Queries won, and as many lost, of each direction."""


@dataclass(frozen=True, slots=True)
class ShownQuery:
    """One query with its picture, and its rank in both."""

    path: Path
    thumbnail: Thumbnail | NoThumbnail
    caption: str
    """Empty where the image asks."""
    ranks: str


def write_comparison(path: Path, found: Comparison) -> None:
    """Write the page at `path`, as `cli.pages.report.write_report` does."""
    write_page(path, _page(found), EXAMPLE)


def _page(found: Comparison) -> Iterator[str]:
    asked = [
        query for each in found.directions for query in (*each.won[:SHOWN], *each.lost[:SHOWN])
    ]
    paths = list(dict.fromkeys(Path(query.image) for query in asked))
    with decoders() as pool:
        thumbnails = pool.map(lambda path: thumbnail_of(path, SIDE), paths)
        pictures = dict(zip(paths, thumbnails, strict=True))

    def shown(queries: Sequence[AskedBoth]) -> list[ShownQuery]:
        return [
            ShownQuery(
                Path(query.image),
                pictures[Path(query.image)],
                query.caption or "",
                f"rank {count(query.first)} in A, {count(query.second)} in B",
            )
            for query in queries[:SHOWN]
        ]

    yield from render(
        "compare.html",
        title=f"{found.names[0]} and {found.names[1]}",
        names=found.names,
        today=date.today().isoformat(),
        table=_table(found),
        directions=[
            (
                DIRECTIONS[each.name],
                f"B ranks {count(len(each.won))} of {plural(each.queries, 'query', 'queries')} "
                f"better and {count(len(each.lost))} worse.",
                [("Won by B", shown(each.won)), ("Lost by B", shown(each.lost))],
            )
            for each in found.directions
        ],
    )


def _table(found: Comparison) -> Table:
    header = ["", "A", "B", "difference", "95\N{NARROW NO-BREAK SPACE}% interval", "p"]
    note = (
        "The difference is B less A, in points, with a paired bootstrap over images: where its "
        "interval leaves 0 out it is more than chance."
    )
    bodies = [(DIRECTIONS[each.name], list(_rows(each))) for each in found.directions]
    return Table("R@K of both, in percent", header, bodies, note=note)


def _rows(each: ComparedDirection) -> Iterator[list[str]]:
    for k, difference in each.differences.items():
        first, second = each.recall[k]
        yield [
            f"R@{k}",
            hundredths(first, 2),
            hundredths(second, 2),
            points(difference.mean),
            f"{points(difference.low)} to {points(difference.high)}",
            f"{difference.p:.3f}",
        ]
