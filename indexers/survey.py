"""What an index run finds before it reads any picture: the walk, the plan, and what has gone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from indexers.away import MOUNTS, Away, find_away, mounts_to_remember, read_mounts
from indexers.plan import Plan, make_plan
from indexers.walk import Walk
from searchengine.catalog.catalog import Catalog
from searchengine.paths import is_at_or_below
from searchengine.types import Excluded, FileState, PassedOver


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
    """Under their one spelling."""
    away: Away
    """The images that were not found and are kept."""
    left_out: list[Excluded]
    passed_over: list[PassedOver]
    mounts: list[str]
    """Directories on a device of their own, for the next run."""
    links: dict[str, str]
    """Links to directories that images are listed through, and where they lead."""


def take_survey(catalog: Catalog, walk: Walk, encoder: str, *, retry_failed: bool) -> Survey:
    """Walk and hold what is there against the catalog."""
    known = catalog.known(encoder, walk.roots)
    failed = catalog.failed_files()
    filled: set[str] = set()
    plan = make_plan(
        _noting_roots(walk, walk.roots, filled), known, failed, retry_failed=retry_failed
    )
    remembered = read_mounts(catalog.setting(MOUNTS))
    away = find_away(walk, known, plan.missing, filled, remembered)
    plan.missing = [image_id for image_id in plan.missing if image_id not in away.hidden]
    plan.failed_paths.update(path for path in failed if away.hides(path))
    return Survey(
        plan=plan,
        excluded=walk.excluded,
        failed=[(entry.path, entry.reason) for entry in walk.unreadable if not entry.is_dir],
        unreadable=[(entry.path, entry.reason) for entry in walk.unreadable if entry.is_dir],
        roots=walk.roots,
        away=away,
        left_out=[Excluded(path, reason) for path, reason in walk.left_out.items()],
        passed_over=list(walk.passed_over.counts()),
        mounts=mounts_to_remember(walk, away, remembered),
        links=walk.links,
    )


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
