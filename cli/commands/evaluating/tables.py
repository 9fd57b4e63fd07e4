"""An evaluation on the terminal: tables on stdout, what to know about them on stderr."""

from __future__ import annotations

from cli import output
from cli.judged_table import about_groups, groups_table, judged_table
from cli.notation import DIRECTIONS, count, decimal, half, hundredths, interval, plural, points
from searchengine.evaluation.index_loss import why_other_recall
from searchengine.evaluation.published import how_they_were_measured
from searchengine.evaluation.results import Evaluation, Judged, SearchMethodRow
from searchengine.measures.recall import Direction

SIZES = ("images in the file", "captions in the file")
"""The counts that are no news; the others are, where they are not 0."""


def print_notes(result: Evaluation) -> None:
    """What was measured on, what is odd about it, and the warnings; on stderr."""
    protocol = result.protocol
    split = f", split {protocol.split}" if protocol.split else ""
    output.note(
        f"{protocol.dataset or protocol.file}{split}: {plural(protocol.images, 'image')}, "
        f"{plural(protocol.captions, 'caption')}, read as {protocol.format}; {protocol.encoder} "
        f"({protocol.precision}) on {protocol.device}"
    )
    if protocol.distractors:
        output.note(f"and {plural(protocol.distractors, 'further image')} as wrong answers")
    odd = [f"{what}: {n:,}" for what, n in result.counts.items() if n and what not in SIZES]
    if odd:
        output.note(f"found on the way: {'; '.join(odd)}")
    for warning in result.warnings:
        output.note(f"warning: {warning}")


def print_tables(result: Evaluation) -> None:
    """The measures, then the methods of search, then the published numbers."""
    _print_recall(result)
    output.say(f"RSUM {decimal(result.rsum, 2)}")
    output.say()
    _print_true_recall(result.text_retrieval)
    if result.coco_1k is not None:
        output.say()
        _print_coco_1k(result.coco_1k)
    for judged in result.judged:
        output.say()
        _print_judged(judged)
    if result.groups is not None:
        output.say()
        output.print_table(*groups_table(result.groups), left={0, 1})
        for line in about_groups(result.groups):
            output.say(line)
    if len(result.methods) > 1 or (result.methods and result.methods[0].method != "exact"):
        output.say()
        _print_methods(result)
        why = why_other_recall(result.image_retrieval, result.methods)
        if why is not None:
            output.say(why)
    if result.published:
        output.say()
        _print_published(result)


def _print_recall(result: Evaluation) -> None:
    directions = (result.image_retrieval, result.text_retrieval)
    ks = list(directions[0].recall)
    header = ["retrieval, %", *(head for k in ks for head in (f"R@{k}", "95 % CI"))]
    header += ["median rank", "MRR", "ties"]
    rows = [
        [
            DIRECTIONS[direction.name],
            *(cell for k in ks for cell in _share_and_interval(direction, k)),
            half(direction.median_rank),
            decimal(direction.mean_reciprocal_rank, 3),
            count(direction.tied),
        ]
        for direction in directions
    ]
    output.print_table(header, rows, left={0})


def _share_and_interval(direction: Direction, k: int) -> tuple[str, str]:
    return hundredths(direction.recall[k], 2), interval(direction.intervals[k])


def _print_true_recall(direction: Direction) -> None:
    """Not R@K, so under another name: how many of an image's own captions come first."""
    header = ["own captions found, %", *(f"in first {k}" for k in direction.true_recall)]
    shares = [hundredths(share, 2) for share in direction.true_recall.values()]
    output.print_table(header, [[DIRECTIONS[direction.name], *shares]], left={0})


def _print_coco_1k(shares: dict[str, float]) -> None:
    """The mean of five folds of 1,000 images, as papers report it beside the 5,000."""
    ks = [name.partition("@")[2] for name in shares if name.startswith("image_")]
    rows = [
        [title, *(hundredths(shares[f"{name}_recall@{k}"], 2) for k in ks)]
        for name, title in DIRECTIONS.items()
    ]
    output.print_table(["COCO 1K, %", *(f"R@{k}" for k in ks)], rows, left={0})


def _print_judged(judged: Judged) -> None:
    output.print_table(*judged_table(judged), left={0})
    if judged.elsewhere:
        output.say(
            f"not in the gallery, and never found: {plural(judged.elsewhere, 'right answer')}"
        )


def _print_methods(result: Evaluation) -> None:
    ks = list(result.image_retrieval.recall)
    header = ["text queries", *(f"R@{k}" for k in ks), *(f"agreement@{k}" for k in ks)]
    header += ["queries/s", "p50 ms", "p99 ms", "bytes/image"]
    output.print_table(header, [_method(row, ks) for row in result.methods], left={0})


def _method(row: SearchMethodRow, ks: list[int]) -> list[str]:
    return [
        row.method,
        *(hundredths(row.recall[k], 2) for k in ks),
        *(hundredths(row.agreement[k], 2) for k in ks),
        count(row.queries_per_second),
        decimal(row.p50_ms, 2),
        decimal(row.p99_ms, 2),
        count(row.bytes_per_image),
    ]


def _print_published(result: Evaluation) -> None:
    header = ("published, %", "published", "measured", "points", "source")
    rows = [
        (
            row.metric,
            hundredths(row.published, 2),
            hundredths(row.measured, 2),
            points(row.measured - row.published),
            row.source,
        )
        for row in result.published
    ]
    output.print_table(header, rows, left={0, 4})
    output.say(how_they_were_measured(result.protocol.dataset))
