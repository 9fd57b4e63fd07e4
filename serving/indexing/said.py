"""An index run in a sentence. Pure."""

from __future__ import annotations

from serving.indexing.run import Run, Stage
from serving.pages.view import pictures

COUNTS = ("indexed", "unchanged", "moved", "copies", "removed", "failed", "excluded")
"""Of a report; those that are 0 are not said."""


def said_of(run: Run, seconds: float) -> str:
    """How far a run is, or what came of it."""
    if run.stage is Stage.LOOKING:
        return "Looking for pictures"
    if run.stage is Stage.LOADING:
        return f"Loading the encoder; {pictures(run.total)} to read"
    if run.stage is Stage.FAILED:
        return f"It failed: {run.error}"
    if run.stage is Stage.STOPPED:
        return f"Stopped after {pictures(run.done)}; what was done is saved"
    if run.stage is Stage.DONE:
        counts = [f"{run.report[name]:,} {name}" for name in COUNTS if run.report.get(name)]
        found = f"{pictures(run.report.get('found', 0))} found"
        return f"{', '.join([found, *counts])}, in {seconds:,.1f} seconds"
    if run.done >= run.total:
        return f"{pictures(run.total)} read; finishing"
    return f"{run.done:,} of {pictures(run.total)}{left(run, seconds)}"


def left(run: Run, seconds: float) -> str:
    """How long it may still take, once enough of it is done to tell."""
    if run.done < 20 or seconds < 5:
        return ""
    more = seconds / run.done * (run.total - run.done)
    return f", {round(more / 60):,} minutes left" if more > 90 else f", {more:.0f} seconds left"
