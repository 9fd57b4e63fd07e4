"""The files of hits, collected in every way that was asked for, and what became of them."""

from __future__ import annotations

from pathlib import Path

from cli import output
from cli.collecting import collect as collecting
from cli.collecting.collect import Collected
from cli.notation import plural
from searchengine.paths import at_home


def collect_all(
    files: list[Path], copy_to: Path | None, link_to: Path | None, zip_to: Path | None
) -> int:
    """Collect the hits' files where it was asked for; returns how many could not be had."""
    lost = 0
    for place, collect, done in (
        (copy_to, collecting.copy_to, "copied to"),
        (link_to, collecting.link_to, "linked from"),
        (zip_to, collecting.zip_to, "packed into"),
    ):
        if place is not None:
            lost += _tell(collect(files, at_home(place)), f"{done} {place}")
    return lost


def _tell(collected: Collected, done: str) -> int:
    """Say what became of the hits' files; returns how many could not be had."""
    already = f", {collected.already:,} there already" if collected.already else ""
    output.note(f"{plural(collected.done, 'file')} {done}{already}")
    for path, why in collected.failed:
        output.note(f"not had: {path}: {why}")
    return len(collected.failed)
