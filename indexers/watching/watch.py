"""The loop: an index run, then one more whenever something has changed, or might have."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from indexers import arrivals
from indexers.arrivals import Told
from indexers.pipeline import IndexReport
from indexers.reading import IndexOptions
from indexers.watching.changes import Changes
from indexers.watching.mounts import is_remote
from searchengine.errors import LibraryError, LibraryLockedError, PathNotFoundError
from searchengine.library.layout import CATALOG
from searchengine.paths import Places

TICK = 0.5
"""Seconds after which somebody who wants the end is noticed, and folders that come back."""

SOON = 3.0
"""Seconds after a run that found something, or was in somebody's way, before the next one: what was
being written is there by then, and so is what the system could not tell of in a burst."""

SELDOM = 300.0
"""Seconds between looks where the system tells of changes: it may not tell of all."""

REST = 10.0
"""Where it tells of none, looks are so many times as far apart as one takes, `SOON` at least."""

log = logging.getLogger("clipseek")

Root = tuple[str, tuple[int, int]]
"""What is there, and which one it is: device and inode."""

Run = Callable[[list[Path], Told], IndexReport]
"""A run over some folders, and who tells it of what comes meanwhile."""


def settled(options: IndexOptions) -> IndexOptions:
    """How runs of a watch go: as those before, less what is for one run alone."""
    return replace(options, retry_failed=False, settled=arrivals.SETTLED)


def watch(
    roots: Sequence[Path],
    library: Path,
    run: Run,
    *,
    first: Run | None = None,
    is_wanted: Callable[[], bool] = lambda: True,
) -> None:
    """Keep a library up to date with `roots`, until `is_wanted` says no or somebody interrupts.

    `run` opens it, brings it up to date with those of them that are there, and with what it is
    told of meanwhile, and reports. A root that is gone is waited for, and what the library lists
    there stays; a library that is gone is waited for too, and while another process writes to it
    it is tried again. Raises what `run` does otherwise, and whatever `first` does, which is in its
    place once.
    """
    places, catalog = [Places().real(root) for root in roots], str(library / CATALOG)
    awaited = dict.fromkeys(places, "what the library lists there stays")
    awaited[catalog] = "nothing is indexed until it is back"
    pace = Pace()
    changes, there = Changes((), str(library)), list[Root]()
    library_there = _there([catalog])
    away: set[str] = set()
    try:
        while is_wanted():
            now = _there(places)
            if now != there:
                changes.close()
                there = now
                changes = Changes([place for place, _ in there], str(library))
                pace.at_once()
            if (now := _there([catalog])) != library_there:
                library_there = now
                pace.at_once()
            _tell_of_those_away(awaited, [*there, *library_there], away)
            if there and library_there and pace.is_due(time.monotonic()):
                began = time.monotonic()
                changes.told()  # what came before is there to be found
                paths = [Path(place) for place, _ in there]
                if first is None:
                    found = _run(run, paths, changes.told, catalog)
                else:
                    found, first = _had_to_do(first(paths, changes.told)), None
                are_told = changes.are_told and not any(is_remote(place) for place, _ in there)
                pace.ran(began, time.monotonic(), found=found, are_told=are_told)
            if changes.wait(TICK):
                pace.changed()
    finally:
        changes.close()


@dataclass(slots=True)
class Pace:
    """When the next run is due. Times are in seconds, of one clock."""

    due: float = 0.0
    earliest: float = 0.0
    """Never before: half of the time at most goes into runs."""

    def is_due(self, now: float) -> bool:
        """Whether it is now."""
        return now >= max(self.due, self.earliest)

    def at_once(self) -> None:
        """Another folder is there."""
        self.due = self.earliest = 0.0

    def changed(self) -> None:
        """Something changed."""
        self.due = 0.0

    def ran(self, began: float, ended: float, *, found: bool, are_told: bool) -> None:
        """A run is over; `found` says that it had something to do, or that more is coming."""
        took = ended - began
        self.earliest = ended + min(took, SOON)
        if found:
            self.due = ended + SOON
        else:
            self.due = ended + (SELDOM if are_told else max(SOON, REST * took))


def _run(run: Run, there: list[Path], told: Told, catalog: str) -> bool:
    """Whether it had something to do, or could not be done."""
    library_there = _there([catalog])
    try:
        report = run(there, told)
    except LibraryLockedError as error:
        log.warning("%s; it is tried again", error)
        return True
    except PathNotFoundError:  # it went since it was looked for: the next look tells of it
        return True
    except (LibraryError, OSError):
        if _there([catalog]) == library_there:
            raise
        return True  # as above
    return _had_to_do(report)


def _had_to_do(report: IndexReport) -> bool:
    done = report.indexed + report.moved + report.copies + report.removed
    return bool(done or report.waiting)


def _there(places: Sequence[str]) -> list[Root]:
    found: list[Root] = []
    for place in places:
        try:
            facts = os.stat(place)
            os.scandir(place).close() if os.path.isdir(place) else None
        except OSError:
            continue
        found.append((place, (facts.st_dev, facts.st_ino)))
    return found


def _tell_of_those_away(awaited: Mapping[str, str], there: Sequence[Root], away: set[str]) -> None:
    """Say which are gone and what of it, once, and which are back; `away` were gone before."""
    now = awaited.keys() - {place for place, _ in there}
    for place in sorted(now - away):
        log.warning("%s is not there: %s", place, awaited[place])
    for place in sorted(away - now):
        log.warning("%s is back", place)
    away.clear()
    away.update(now)
