"""What an index run finds before it reads any picture: the walk, the plan, and what has gone."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from indexers.plan import Plan, make_plan, without_those_under
from indexers.walk import Walk, WalkRules
from searchengine.catalog.catalog import Catalog
from searchengine.catalog.records import Known
from searchengine.paths import absolute, below
from searchengine.types import FileState

log = logging.getLogger("clipseek")


@dataclass(slots=True)
class Survey:
    """What the walk and the plan found."""

    plan: Plan
    excluded: int
    failed: list[tuple[str, str]]
    """Files that cannot even be looked at, and why."""
    unreadable: list[tuple[str, str]]
    """Directories that could not be looked into, and why."""
    roots: list[str]


def take_survey(
    catalog: Catalog, paths: Sequence[Path], encoder: str, rules: WalkRules, *, retry_failed: bool
) -> Survey:
    """Walk the paths and hold what is there against the catalog. Raises PathNotFoundError."""
    roots = [absolute(path) for path in paths]
    walk = Walk([Path(root) for root in roots], rules)
    known = catalog.known(encoder, roots)
    filled: set[str] = set()
    plan = make_plan(
        _noting_roots(walk, roots, filled),
        known,
        catalog.failed_files(),
        retry_failed=retry_failed,
    )
    unreadable = [(entry.path, entry.reason) for entry in walk.unreadable if entry.is_dir]
    silent = [] if walk.excluded else [root for root in roots if root not in filled]
    plan.missing = _certainly_gone(plan.missing, known, unreadable, silent)
    return Survey(
        plan=plan,
        excluded=walk.excluded,
        failed=[(entry.path, entry.reason) for entry in walk.unreadable if not entry.is_dir],
        unreadable=unreadable,
        roots=roots,
    )


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
