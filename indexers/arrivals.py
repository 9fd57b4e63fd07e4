"""Pictures that come while a run is under way: they take turns with what it found at first."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from indexers.left_out.ignore_files import ignore_files_among
from indexers.plan import Job, Plan, in_turns, make_plan
from indexers.sidecars import Sidecars
from indexers.survey import Settled
from indexers.walk import Walk
from searchengine.catalog.records import Known
from searchengine.errors import PathNotFoundError
from searchengine.images.formats import is_image_name
from searchengine.paths import is_at_or_below, parents

SETTLED = 2.0
"""Seconds that a file must not have changed for before it is read: half a picture is none."""

LOOK = 1.0
"""Seconds between looks at what has come."""

SHARE = 10.0
"""Looks are so many times as far apart as one takes: they hold up a run by a tenth at most."""

Told = Callable[[], Collection[str]]
"""At which paths something has changed, or below, since it was asked last."""


class Arrivals:
    """The jobs of a run, and those of files that come meanwhile and are new to the library.

    What has changed, is gone or is left out is for the next run. So are the last to come: a run
    ends with what it found at first, or a camera that never rests would keep it from its end.
    """

    def __init__(
        self,
        plan: Plan,
        told: Told,
        walk: Callable[[Only], Walk],
        known_at: Callable[[Sequence[str]], Mapping[str, Known]],
    ) -> None:
        """`plan` is the run's, and gets the jobs that are added.

        `walk` looks through the run's roots, and `known_at` says what is listed at some paths.
        """
        self._plan, self._told, self._walk, self._known_at = plan, told, walk, known_at
        self._taken = plan.failed_paths | {job.file.path for job in plan.jobs}
        self._unsettled = set(plan.waiting)
        self._next: list[Job] = []
        """Those that came, the next one last."""
        self._due = time.monotonic() + LOOK

    def jobs(self) -> Iterator[Job]:
        """Each of the plan's in its turn, and before it one that came, where there is any."""
        for job in in_turns(self._plan.jobs):
            if time.monotonic() >= self._due:
                self._look()
            if self._next:
                yield self._take()
            yield job

    def _take(self) -> Job:
        job = self._next.pop()
        self._taken.add(job.file.path)
        self._plan.jobs.append(job)
        return job

    def _look(self) -> None:
        began = time.monotonic()
        if paths := self._unsettled.union(self._told()):
            found = self._found(paths)
            self._unsettled = set(found.waiting)
            came = {job.file.path: job for job in (*self._next, *found.jobs)}
            self._next = in_turns([job for job in came.values() if self._is_new(job)])[::-1]
        ended = time.monotonic()
        self._due = ended + max(LOOK, SHARE * (ended - began))

    def _found(self, paths: Collection[str]) -> Plan:
        """Nothing where a root is gone: the next run tells of it."""
        try:
            walk = self._walk(Only(paths))
        except PathNotFoundError:
            return Plan()
        settled = Settled(SETTLED)
        return make_plan(walk, self._known_at, {}, lambda *_: False, Sidecars(), settled)

    def _is_new(self, job: Job) -> bool:
        return job.image_id is None and job.file.path not in self._taken


class Only:
    """What a walk has to see to come to some paths, and to whatever is below them.

    Links are none of it: only a whole walk can tell which of them lead to what has another path.
    """

    def __init__(self, paths: Collection[str]) -> None:
        self._paths = frozenset(paths)
        self._above = {above for path in paths for above in parents(path)}
        self._folders = [path for path in paths if not is_image_name(path)]

    def __call__(self, entry: os.DirEntry[str]) -> bool:
        """Whether an entry of a folder is one of these, leads there, or says what to leave out."""
        path = entry.path
        if ignore_files_among([entry.name]):
            return True
        if path in self._paths or path in self._above:
            return not entry.is_symlink()
        is_below = any(is_at_or_below(path, folder) for folder in self._folders)
        return is_below and not entry.is_symlink()
