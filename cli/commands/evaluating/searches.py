"""`clipseek evaluate-searches`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli import output
from cli.options import JsonOption, LibraryOption, SpaceOption

if TYPE_CHECKING:
    from searchengine.library.judging.searches import SearchedWay, SearchesReport


def evaluate_searches(
    limit: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Ask N of the captions, evenly chosen.")
    ] = None,
    library: LibraryOption = None,
    space: SpaceOption = None,
    json_output: JsonOption = False,
) -> None:
    """Measure what each part of a search is worth: captions, words, alignment, the index.

    Each caption of the library asks for its own image, and counts as not stored while it does.
    """
    from searchengine import open_library
    from searchengine.library.judging.searches import measure_searches

    with open_library(library) as opened:
        report = measure_searches(opened, space, limit)
    if json_output:
        output.print_json(report)
        return
    _print(report)


def _print(report: SearchesReport) -> None:
    from cli.notation import plural
    from searchengine.library.judging.searches import KS

    header = ["searched", *(f"R@{k}, %" for k in KS), "95 % CI of R@1", "adds", "95 % CI"]
    rows = [_row(way) for way in report.ways]
    output.print_table([*header, "more than chance"], rows, left={0, len(header)})
    output.say(
        f"{plural(report.queries, 'caption')} of {plural(report.captioned, 'image')} asked among "
        f"{report.images:,}, each as if it were not stored; {report.encoder}"
    )


def _row(way: SearchedWay) -> list[str]:
    from cli.notation import hundredths, interval, points

    row = [way.what, *(hundredths(share, 2) for share in way.recall.values())]
    row.append(interval(way.interval))
    more = way.difference
    if more is None:
        return [*row, "", "", ""]
    ends = f"{points(more.low)} to {points(more.high)}"
    return [*row, points(more.mean), ends, "yes" if more.is_clear else "no"]
