"""What an index run finds before it reads any picture: the walk, the plan, and what has gone."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from indexers.away import Away, find_away, mounts_to_remember
from indexers.passing import NOT_UTF8, Unreadable
from indexers.plan import Plan, make_plan
from indexers.sidecars import Sidecars
from indexers.trial import Trial
from indexers.walk import Walk
from searchengine.catalog.catalog import Catalog
from searchengine.catalog.records import FailedFile, PassedOver
from searchengine.embedding.faults import failure_kind, failure_reason, one_line
from searchengine.errors import InputError
from searchengine.files import read_whole
from searchengine.images.decode import read_image
from searchengine.library.places import MOUNTS
from searchengine.paths import is_at_or_below, is_text
from searchengine.types import Excluded, FailureKind, FileState


@dataclass(slots=True)
class Survey:
    """What the walk and the plan found."""

    plan: Plan
    excluded: int
    failed: list[FailedFile]
    """Files that cannot even be looked at."""
    unreadable: list[tuple[str, str]]
    """Directories that could not be looked into, and why."""
    roots: list[str]
    """Under their one spelling; without those whose names are no text, below which nothing is
    listed."""
    away: Away
    """The images that were not found and are kept."""
    left_out: list[Excluded]
    passed_over: list[PassedOver]
    mounts: list[str]
    """Directories on a device of their own, for the next run."""
    links: dict[str, str]
    """Links to directories that images are listed through, and where they lead."""


def take_survey(
    catalog: Catalog, walk: Walk, trial: Trial, *, retry_failed: bool, settled: float = 0.0
) -> Survey:
    """Walk and hold what is there against the catalog.

    Files that failed are due when `trial` says so, all of them with `retry_failed`; those that have
    changed within the last `settled` seconds are not.
    """
    roots = [root for root in walk.roots if is_text(root)]
    failed = catalog.failed_files()
    filled: set[str] = set()
    plan = make_plan(
        _noting_roots(walk, roots, filled),
        partial(catalog.known, trial.encoder),
        failed,
        lambda before, now: retry_failed or trial.is_due(before, now),
        Sidecars(),
        Settled(settled),
    )
    remembered = catalog.texts(MOUNTS)
    if not plan.waiting:  # one of those may be an image of another name
        plan.missing = catalog.unseen(roots, plan.seen)
    away = find_away(walk, plan.missing, filled, remembered)
    went = {entry.path for entry in walk.unreadable if entry.went}
    plan.missing = {
        path: gone
        for path, gone in plan.missing.items()
        if gone not in away.hidden and path not in went
    }
    plan.failed_paths.update(path for path in failed if away.hides(path))
    return Survey(
        plan=plan,
        excluded=walk.excluded,
        failed=[
            _failed(entry, trial) for entry in walk.unreadable if not (entry.is_dir or entry.went)
        ],
        unreadable=[(entry.path, entry.reason) for entry in walk.unreadable if entry.is_dir],
        roots=roots,
        away=away,
        left_out=[Excluded(path, reason) for path, reason in walk.left_out.items()],
        passed_over=list(walk.passed_over.counts()),
        mounts=mounts_to_remember(walk, away, remembered),
        links=walk.links,
    )


class Settled:
    """Tells of a file whether it has not changed for so many seconds, by the system's own time.

    That of another machine may be ahead: what seems to be changed later than now is settled.
    """

    def __init__(self, seconds: float) -> None:
        self._after = time.time_ns() - int(seconds * 1e9)
        self._is_asked = seconds > 0

    def __call__(self, file: FileState) -> bool:
        """Whether it is."""
        if not self._is_asked:
            return True
        now, times = time.time_ns(), (file.mtime_ns, file.ctime_ns or 0)
        return not any(self._after < changed <= now for changed in times)


def _failed(entry: Unreadable, trial: Trial) -> FailedFile:
    kind = FailureKind.NAME if entry.reason == NOT_UTF8 else FailureKind.FILE_SYSTEM
    reason = one_line(entry.reason)
    return FailedFile(FileState(entry.path, 0, 0), kind, reason, trial.tried_with(kind))


def _noting_roots(
    files: Iterable[FileState], roots: Sequence[str], filled: set[str]
) -> Iterator[FileState]:
    """The same files; `filled` collects the roots that have at least one."""
    files = iter(files)
    for file in files:
        filled.update(root for root in roots if is_at_or_below(file.path, root))
        yield file
        if len(filled) == len(roots):
            break
    yield from files


def require_a_picture(paths: Sequence[Path], max_megapixels: float, max_file_size: int) -> None:
    """Raise InputError where only files are named and none of them can be used.

    The first that can ends the check: of the others the run tells.
    """
    reasons: list[str] = []
    for path in paths:
        if path.is_dir():
            return
        try:
            data = read_whole(path, max_file_size)
            read_image(data, input_size=1, max_megapixels=max_megapixels, name=str(path))
        except Exception as error:  # whatever one file does
            kind = failure_kind(error, FailureKind.UNREADABLE)
            reasons.append(f"{path}: {failure_reason(error, kind)}")
        else:
            return
    if reasons:
        more = f"; nor can the {len(reasons) - 1:,} other files be used" if reasons[1:] else ""
        raise InputError(reasons[0] + more)
