"""The parts of a report on judgements of its own, and on the folds of COCO."""

from __future__ import annotations

from cli.judged_table import about_groups, groups_table, judged_table
from cli.notation import DIRECTIONS, hundredths
from cli.pages.report_tables import Table
from searchengine.evaluation.results import Evaluation

_MANY = (
    "R@K is the share of queries with any of their right answers among the first K; mAP@R and "
    "R-Precision look at as many answers as are right; nDCG weighs how right they are."
)


_CHOSEN = (
    "the two groups that differ most of several differ by more than nothing even where all are "
    "served alike."
)


def judged_tables(evaluation: Evaluation) -> list[Table]:
    """COCO 1K, where that was asked, and a table for each set of judgements."""
    tables = []
    if evaluation.coco_1k is not None:
        rows = [
            [name.replace("recall@", "R@"), hundredths(share, 2)]
            for name, share in _named(evaluation.coco_1k)
        ]
        note = "The mean of five folds of 1,000 images, in the order of the file."
        tables.append(Table("COCO 1K, in percent", ["", "R@K"], [("", rows)], note=note))
    for judged in evaluation.judged:
        header, rows = judged_table(judged)
        caption = f"By the judgements of {judged.name}, in percent"
        tables.append(Table(caption, ["", *header[1:]], [("", rows)], note=_MANY))
    if evaluation.groups is not None:
        header, rows = groups_table(evaluation.groups)
        caption = f"By {evaluation.groups.column}, in percent"
        note = "; ".join([*about_groups(evaluation.groups), _CHOSEN])
        tables.append(Table(caption, ["", *header[1:]], [("", rows)], note=note))
    return tables


def _named(shares: dict[str, float]) -> list[tuple[str, float]]:
    """With the direction in words before the measure."""
    return [
        (name.replace(f"{direction}_", f"{title}, "), share)
        for name, share in shares.items()
        for direction, title in DIRECTIONS.items()
        if name.startswith(direction)
    ]
