"""What an evaluation says by judgements and by groups, in rows for the terminal and the page."""

from __future__ import annotations

from cli.notation import DIRECTIONS, count, decimal, hundredths, interval, plural, points
from searchengine.evaluation.results import Judged
from searchengine.evaluation.tasks.groups import Gap, Groups

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


def groups_table(groups: Groups) -> tuple[list[str], list[list[str]]]:
    """The headings, and a row for each direction and value."""
    ks = list(groups.rows[0].recall)
    header = [f"by {groups.column}, %", "", *(head for k in ks for head in (f"R@{k}", "95 % CI"))]
    rows = [
        [
            row.value,
            DIRECTIONS[row.direction],
            *(
                cell
                for k in ks
                for cell in (hundredths(row.recall[k], 2), interval(row.intervals[k]))
            ),
            count(row.queries),
        ]
        for row in groups.rows
    ]
    return [*header, "queries"], rows


def about_groups(groups: Groups) -> list[str]:
    """The largest gaps, and what was left out."""
    said = [_gap_said(gap) for gap in groups.gaps]
    if groups.left_out:
        said.append(f"{plural(groups.left_out, 'caption')} without a value: in no group")
    return said


def _gap_said(gap: Gap) -> str:
    if gap.worst == gap.best:
        return f"{DIRECTIONS[gap.direction]}, R@{gap.k}: no gap"
    return (
        f"{DIRECTIONS[gap.direction]}, largest gap of R@{gap.k}: {points(gap.difference)} points "
        f"({points(gap.low)} to {points(gap.high)}) from {gap.worst} to {gap.best}"
    )
