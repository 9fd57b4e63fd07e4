"""`clipseek align`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import output
from cli.notation import plural
from cli.options import JsonOption, LibraryOption, SpaceOption

if TYPE_CHECKING:
    from searchengine.alignment.judge import Judged, Recalls
    from searchengine.library.learned.align import AlignReport


def align(
    words: Annotated[
        str,
        typer.Option(
            "--try",
            metavar="hub,ridge|all",
            help="What to try: hub, a bias against images that are near to everything; ridge, a "
            "map of the query; all, with procrustes and low-rank, for the table.",
        ),
    ] = "hub,ridge",
    remove: Annotated[bool, typer.Option("--remove", help="Search as before, at once.")] = False,
    library: LibraryOption = None,
    space: SpaceOption = None,
    json_output: JsonOption = False,
) -> None:
    """Learn from the library's own captions what makes its searches better, if anything does.

    Takes 200 captioned images. Each candidate is tried on photos that it was not learned from and
    kept only where it gains beyond chance and leaves everyday searches much as they are. Stored
    vectors stay as they are.
    """
    from searchengine import open_library
    from searchengine.library.learned.align import forget_alignment

    with open_library(library) as opened:
        if remove:
            was_there = forget_alignment(opened, space)
            output.note(
                "searches are as before"
                if was_there
                else "nothing was kept; searches are as before"
            )
            return
        report = opened.align([word.strip() for word in words.split(",")], space=space)
    if json_output:
        output.print_json(_record(report))
        return
    base, *candidates = [report.verdict.base, *report.verdict.candidates]
    rows = [_row("as it is", base, "", ""), *(_row(c.name, c, *_said(c)) for c in candidates)]
    output.print_table(
        (
            "candidate", "kept", "text → image R@1", "R@5", "R@10", "image → text R@1",
            "change of MRR", "everyday answers that stay",
        ),
        rows,
        left={0, 1},
    )  # fmt: skip
    for each in candidates:
        if not each.kept:
            output.note(f"{each.name}: {each.why}")
    kept = " and ".join(report.verdict.kept)
    output.note(
        f"{plural(report.captions, 'caption')} of {plural(report.images, 'image')} among "
        f"{report.gallery:,}; "
        + (f"kept: {kept}; back with: clipseek align --remove" if kept else "kept as it was")
    )


def _said(judged: Judged) -> tuple[str, str]:
    change = judged.reciprocal_rank
    return (
        "yes" if judged.kept else "no",
        f"{change.mean:+.4f} ({change.low:+.4f} to {change.high:+.4f})",
    )


def _row(name: str, judged: Judged, kept: str, change: str) -> tuple[str, ...]:
    to_image, to_text = judged.text_to_image, judged.image_to_text
    return (
        name,
        kept,
        *(_share(to_image, number) for number in range(3)),
        _share(to_text, 0),
        change,
        f"{judged.everyday_kept:.0%}",
    )


def _share(recalls: Recalls, number: int) -> str:
    low, high = recalls.intervals[number]
    return f"{100 * recalls.at[number]:.1f} ({100 * low:.1f} to {100 * high:.1f})"


def _record(report: AlignReport) -> dict[str, Any]:
    def told(judged: Judged) -> dict[str, Any]:
        return {
            "name": judged.name,
            "kept": judged.kept,
            "why": judged.why,
            "mrr_change": judged.reciprocal_rank.mean,
            "mrr_change_interval": [judged.reciprocal_rank.low, judged.reciprocal_rank.high],
            "everyday_kept": judged.everyday_kept,
            "text_to_image": _recalls(judged.text_to_image),
            "image_to_text": _recalls(judged.image_to_text),
        }

    return {
        "space": report.space,
        "captions": report.captions,
        "images": report.images,
        "gallery": report.gallery,
        "kept": list(report.verdict.kept),
        "base": told(report.verdict.base),
        "candidates": [told(each) for each in report.verdict.candidates],
    }


def _recalls(recalls: Recalls) -> dict[str, Any]:
    return {
        f"R@{k}": {"value": value, "interval": list(interval)}
        for k, value, interval in zip((1, 5, 10), recalls.at, recalls.intervals, strict=True)
    }
