"""What an evaluation says on judgements of its own, in rows for the terminal and the page."""

from __future__ import annotations

from cli.notation import DIRECTIONS, count, decimal, hundredths, interval
from searchengine.evaluation.results import Judged

NAMES = {"map@r": "mAP@R", "r_precision": "R-Precision", "map@10": "mAP@10", "ndcg@10": "nDCG@10"}
"""Measures as papers write them; "recall@K" is R@K."""

WITH_INTERVAL = frozenset(("recall@1", "map@r"))
"""What ECCV Caption ranks models by."""


def judged_table(judged: Judged) -> tuple[list[str], list[list[str]]]:
    """The headings, and a row a direction."""
    header = [f"{judged.name}, %"]
    for name in judged.image_retrieval.metrics:
        header.append(NAMES.get(name) or f"R@{name.partition('@')[2]}")
        header += ["95 % CI"] if name in WITH_INTERVAL else []
    rows = []
    for each in (judged.image_retrieval, judged.text_retrieval):
        row = [DIRECTIONS[each.name]]
        for name, share in each.metrics.items():
            row.append(hundredths(share, 2))
            row += [interval(each.intervals[name])] if name in WITH_INTERVAL else []
        rows.append([*row, count(each.queries), decimal(each.relevant, 1)])
    return [*header, "queries", "right answers"], rows
