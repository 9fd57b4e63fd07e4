"""What an index run does not find but must not take for gone: drives that are not mounted.

A picture that is missing below a directory in this list stays in the library, with its vector:

- one that could not be looked into;
- a root without a single picture, though the library lists some there;
- a directory in which there is nothing at all, though the library lists several pictures there:
  the mount point of a drive that is away looks like that, and few people empty a folder and leave
  it;
- one that was on a drive of its own at the last run and is not any more, or is not there at all.

Any other directory that is gone was deleted, and its pictures leave.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from indexers.walk import Walk
from searchengine.paths import is_at_or_below

FEW = 1
"""Pictures in a directory that is found empty and may have been emptied by hand: no loss."""


@dataclass(slots=True)
class Away:
    """The missing pictures that are kept, and where they are listed."""

    kept: dict[str, list[int]] = field(default_factory=dict)
    """Ids of images by the outermost directory that is away or could not be looked into."""
    hidden: set[int] = field(default_factory=set)
    """All ids of images that may be there."""
    directories: frozenset[str] = frozenset()
    """Where something may be that was not seen."""

    def hides(self, path: str) -> bool:
        """Whether a path is below one of the directories."""
        return bool(self.directories) and _outermost_above(path, self.directories) is not None


def find_away(
    walk: Walk,
    missing: Mapping[str, int],
    filled: Collection[str],
    remembered: Iterable[str],
) -> Away:
    """Decide which of the `missing` images may be on a drive that is away, after a walk.

    `missing` has ids by path; `filled` are the roots in which images were found, `remembered` the
    mounts of the last runs.
    """
    unreadable = {entry.path for entry in walk.unreadable if entry.is_dir}
    silent = {root for root in walk.roots if root not in filled and root not in walk.ruled}
    mounts = {mount for mount in remembered if _is_away(mount, walk)}
    sure = unreadable | silent | mounts
    away = Away(directories=frozenset(sure | walk.empty))
    for path, image_id in missing.items() if away.directories else ():
        if (above := _outermost_above(path, away.directories)) is not None:
            away.kept.setdefault(above, []).append(image_id)
    for directory, ids in list(away.kept.items()):
        if directory in sure or len(ids) > FEW:
            away.hidden.update(ids)
        else:
            del away.kept[directory]
    return away


def mounts_to_remember(walk: Walk, away: Away, remembered: Iterable[str]) -> list[str]:
    """The mounts for the next run: those seen, those away with images, and those elsewhere."""
    elsewhere = {
        mount
        for mount in remembered
        if not any(is_at_or_below(mount, root) for root in walk.roots) or mount in away.kept
    }
    return sorted(walk.mounts | elsewhere)


def _is_away(mount: str, walk: Walk) -> bool:
    """Whether a directory that was a mount is none now, and was not left out of the walk."""
    if mount in walk.mounts or not any(is_at_or_below(mount, root) for root in walk.roots):
        return False
    return _outermost_above(mount + os.sep, walk.left_out.keys()) is None


def _outermost_above(path: str, directories: Collection[str]) -> str | None:
    """The outermost of `directories` that a path is below."""
    found = None
    while (end := path.rfind(os.sep)) >= 0:
        path = path[:end]
        if (path or os.sep) in directories:
            found = path or os.sep
    return found
