"""What an index run finds before it reads any picture: the walk, the plan, and what has gone."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from indexers.plan import Plan, make_plan, without_those_under
from indexers.trial import Trial
from indexers.walk import NOT_UTF8, Unreadable, Walk, WalkRules
from searchengine.catalog.catalog import Catalog
from searchengine.catalog.records import FailedFile, Known
from searchengine.embedding.faults import failure_kind, failure_reason, one_line
from searchengine.errors import InputError
from searchengine.files import read_whole
from searchengine.images.decode import read_image
from searchengine.paths import absolute, below, is_text
from searchengine.types import FailureKind, FileState

log = logging.getLogger("clipseek")


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
    """Absolute; without those whose names are no text, below which nothing is listed."""


def take_survey(
    catalog: Catalog, paths: Sequence[Path], rules: WalkRules, trial: Trial, *, retry_failed: bool
) -> Survey:
    """Walk the paths and hold what is there against the catalog. Raises PathNotFoundError.

    Files that failed are due when `trial` says so, all of them with `retry_failed`.
    """
    roots = [absolute(path) for path in paths]
    walk = Walk([Path(root) for root in roots], rules)
    listable = [root for root in roots if is_text(root)]
    known = catalog.known(trial.encoder, listable) if listable else {}
    filled: set[str] = set()
    plan = make_plan(
        _noting_roots(walk, roots, filled),
        known,
        catalog.failed_files(),
        lambda failed, now: retry_failed or trial.is_due(failed, now),
    )
    unreadable = [(entry.path, entry.reason) for entry in walk.unreadable if entry.is_dir]
    silent = [] if walk.excluded else [root for root in listable if root not in filled]
    plan.missing = _certainly_gone(plan.missing, known, unreadable, silent)
    return Survey(
        plan=plan,
        excluded=walk.excluded,
        failed=[_failed(entry, trial) for entry in walk.unreadable if not entry.is_dir],
        unreadable=unreadable,
        roots=listable,
    )


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
        filled.update(
            root for root in roots if file.path == root or file.path.startswith(below(root))
        )
        yield file
        if len(filled) == len(roots):
            break
    yield from files


def _certainly_gone(
    missing: Sequence[int],
    known: dict[str, Known],
    unreadable: Sequence[tuple[str, str]],
    silent: Sequence[str],
) -> list[int]:
    """The missing images, less those that may be there but could not be seen."""
    hidden_by = [path for path, _ in unreadable]
    for root in silent:
        listed = len(known) - len(without_those_under(known, [root]))
        if listed:
            hidden_by.append(root)
            log.warning(
                "%s holds no images, but the library lists %s there; they are kept, in case the "
                "drive is not mounted. If they are gone: clipseek remove %s",
                root,
                f"{listed:,}",
                root,
            )
    if not hidden_by:
        return list(missing)
    visible = {record.id for record in without_those_under(known, hidden_by).values()}
    return [image_id for image_id in missing if image_id in visible]


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
