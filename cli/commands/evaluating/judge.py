"""`clipseek judge`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import output
from cli.notation import hundredths, interval, plural, points
from cli.options import JsonOption, LibraryOption
from cli.written import require_writable

if TYPE_CHECKING:
    from searchengine.library.judging.pool import Verdict

ENOUGH = 30
"""Queries from which on an interval is narrow enough to tell encoders apart."""


def judge(
    queries: Annotated[
        Path, typer.Argument(metavar="QUERIES", help="Queries of your own, one a line; 30 or more.")
    ],
    page: Annotated[Path, typer.Option(metavar="FILE.html", help="The page to judge on.")] = Path(
        "judge.html"
    ),
    judged: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What the page saved: compare the encoders by it."),
    ] = None,
    json: JsonOption = False,
    library: LibraryOption = None,
) -> None:
    """Find which encoder or way of search serves your own queries best, by your own judgement."""
    from cli.pages.judge_page import write_judge_page
    from searchengine import open_library
    from searchengine.datasets.text_files import read_texts
    from searchengine.library.judging.pool import ask_all, measure_pool, read_judged

    if json and judged is None:
        raise typer.BadParameter("--json has the numbers of --judged FILE: give that too")
    texts = read_texts(queries)
    known = None if judged is None else read_judged(judged)
    if known is None:
        require_writable(page, read=(queries,))
    with open_library(library) as opened:
        pool = ask_all(opened, texts)
    if known is None:
        write_judge_page(page, pool)
        if len(texts) < ENOUGH:
            output.note(f"{plural(len(texts), 'query', 'queries')}: {ENOUGH} or more tell more")
        output.note(
            f"the page: {page}; tick what is right, save, then: clipseek judge {queries} --judged "
            "FILE"
        )
        return
    verdict = measure_pool(pool, known)
    if json:
        output.print_json(_record(verdict))
    else:
        _print(verdict)


def _print(verdict: Verdict) -> None:
    from searchengine.library.judging.pool import RANKED_BY

    rows = []
    for number, each in enumerate(verdict.ways):
        first = number == 0
        difference = each.difference
        rows.append(
            [
                each.way.encoder,
                each.way.what,
                hundredths(each.metrics["recall@1"], 2),
                hundredths(each.metrics["map@10"], 2),
                hundredths(each.metrics[RANKED_BY], 2),
                interval(each.interval),
                "" if first else points(difference.mean),
                "" if first else f"{points(difference.low)} to {points(difference.high)}",
                "" if first else "yes" if difference.is_clear else "no",
            ]
        )
    header = ["encoder", "asked", "first right, %", "mAP@10", "nDCG@10", "95 % CI"]
    header += ["difference", "95 % CI", "more than chance"]
    output.print_table(header, rows, left={0, 1, 8})
    output.say(
        f"{plural(verdict.queries, 'query', 'queries')} with a right image; differences are to the "
        "first line"
    )
    if verdict.unjudged:
        output.say(f"not judged, and counted as wrong: {plural(verdict.unjudged, 'answer')}")


def _record(verdict: Verdict) -> dict[str, Any]:
    return {
        "queries": verdict.queries,
        "unjudged": verdict.unjudged,
        "ways": [
            {
                "space": each.way.space,
                "encoder": each.way.encoder,
                "asked": each.way.what,
                "metrics": each.metrics,
                "ndcg@10_interval_95": list(each.interval),
                "difference": each.difference.mean,
                "difference_interval_95": [each.difference.low, each.difference.high],
                "p": each.difference.p,
            }
            for each in verdict.ways
        ],
    }
