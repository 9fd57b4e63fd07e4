"""`clipseek compare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import output
from cli.written import require_writable

if TYPE_CHECKING:
    from searchengine.evaluation.compare import AskedBoth, ComparedDirection, Comparison


def compare(
    first: Annotated[
        Path, typer.Argument(metavar="A.json", help="What evaluate --json wrote of one encoder.")
    ],
    second: Annotated[
        Path, typer.Argument(metavar="B.json", help="The same of another, or of other settings.")
    ],
    show: Annotated[
        int, typer.Option(metavar="N", min=0, help="Queries won and lost that are listed.")
    ] = 3,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE.html", help="Write a page with pictures of these queries."),
    ] = None,
) -> None:
    """Compare two evaluations of the same queries: what is more than chance."""
    from cli.pages.compare_page import write_comparison
    from searchengine.evaluation import compare as comparing

    require_writable(report, read=(first, second))
    found = comparing.compare(first, second)
    if report is not None:
        write_comparison(report, found)
        output.note(f"the page: {report}")
    print_comparison(found, show)


def print_comparison(found: Comparison, show: int) -> None:
    """The differences, and the first queries that were won and lost."""
    from cli.notation import DIRECTIONS, hundredths, points

    output.note(f"A: {found.names[0]}, B: {found.names[1]}; differences are B - A, in points")
    rows = []
    for direction in found.directions:
        for k, difference in direction.differences.items():
            rows.append(
                [
                    f"{DIRECTIONS[direction.name]}, R@{k}",
                    *(hundredths(share, 2) for share in direction.recall[k]),
                    points(difference.mean),
                    f"{points(difference.low)} to {points(difference.high)}",
                    f"{difference.p:.3f}",
                    "yes" if difference.is_clear else "no",
                ]
            )
    header = ["paired, %", "A", "B", "difference", "95 % CI", "p", "more than chance"]
    output.print_table(header, rows, left={0, 6})
    for direction in found.directions:
        _print_queries(direction, DIRECTIONS[direction.name], show)


def _print_queries(direction: ComparedDirection, title: str, show: int) -> None:
    output.say()
    output.say(
        f"{title}: B ranks {len(direction.won):,} of {direction.queries:,} queries better and "
        f"{len(direction.lost):,} worse"
    )
    rows = [
        [word, f"{query.first:,}", f"{query.second:,}", _asks(query), query.image]
        for word, queries in (("won", direction.won), ("lost", direction.lost))
        for query in queries[:show]
    ]
    if rows:
        output.print_table(["", "rank in A", "rank in B", "query", "image"], rows, left={0, 3, 4})


def _asks(query: AskedBoth) -> str:
    return "(the image)" if query.caption is None else query.caption
