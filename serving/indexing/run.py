"""An index run as those see it who wait for it: folded from the lines that it prints. Pure.

`clipseek index` prints them where `TELLS` is set (`cli.staying.telling`), each a JSON
object: {"stage", "done", "total"} for how far it is, {"skipped", "reason"} for a file that cannot
be used, and at the end its report. Lines that begin with "clipseek: " are notes, of which the last
one says why a run failed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

TELLS = "CLIPSEEK_TELLS"
"""The environment variable by which `clipseek index` tells of itself in lines of JSON."""

NOTE = "clipseek: "

MOST_SKIPPED = 100
"""Files that are named; the library lists all of them once the run has ended."""

MOST_NOTES = 20


class Stage(Enum):
    """How far a run is."""

    LOOKING = "looking"
    """Through the folder."""
    READING = "reading"
    LOADING = "loading"
    """The encoder."""
    ENCODING = "encoding"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


ENDS = frozenset((Stage.DONE, Stage.STOPPED, Stage.FAILED))


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that cannot be used."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Run:
    """A run, as of its last line."""

    folder: str
    stage: Stage = Stage.LOOKING
    done: int = 0
    """Files that were read."""
    total: int = 0
    """Files that are to be read: those that are new, or have changed."""
    failed: int = 0
    skipped: tuple[Skipped, ...] = ()
    """The last MOST_SKIPPED of those that failed."""
    notes: tuple[str, ...] = ()
    error: str | None = None
    """Why it failed, in one line."""
    report: dict[str, Any] = field(default_factory=dict)
    """As `clipseek index --json` prints it; empty before the end."""

    @property
    def is_over(self) -> bool:
        """Whether it has ended, well or not."""
        return self.stage in ENDS


def after_line(run: Run, line: str) -> Run:
    """The run after one more line of it."""
    if line.startswith(NOTE):
        return replace(run, notes=(*run.notes, line.removeprefix(NOTE).strip())[-MOST_NOTES:])
    try:
        told = json.loads(line)
    except ValueError:  # a library of others has something to say
        return run
    if not isinstance(told, dict):
        return run
    if "found" in told:
        return replace(run, report=told)
    if "skipped" in told:
        skipped = Skipped(str(told["skipped"]), str(told["reason"]))
        return replace(run, failed=run.failed + 1, skipped=(*run.skipped, skipped)[-MOST_SKIPPED:])
    if "stage" in told:
        stage = Stage(told["stage"])
        return replace(run, stage=stage, done=int(told["done"]), total=int(told["total"]))
    return run


def after_end(run: Run, code: int, *, stopped: bool) -> Run:
    """The run after its process ended with this code; `stopped` says that somebody asked for it."""
    if code == 0:
        return replace(run, stage=Stage.DONE)
    if stopped:
        return replace(run, stage=Stage.STOPPED)
    why = run.notes[-1] if run.notes else f"the index run ended with code {code}"
    return replace(run, stage=Stage.FAILED, error=why, notes=run.notes[:-1])
