"""Which pictures that are listed elsewhere are taken over, and what becomes of the others."""

from __future__ import annotations

import os
import stat
from collections import Counter
from dataclasses import dataclass
from enum import Enum

from indexers.elsewhere.listing import Listed, Listing
from indexers.plan import AT_A_TIME, in_runs
from indexers.sidecars import Sidecar, Sidecars
from searchengine.catalog.records import Known
from searchengine.files import file_state
from searchengine.library.library import Library
from searchengine.paths import Places, parents
from searchengine.types import FileState


class Fate(Enum):
    """What becomes of a picture that is listed elsewhere."""

    TAKEN = "taken over"
    KNOWN = "known"
    """The library has its vector already."""
    TWICE = "twice"
    """Its file is listed before it."""
    GONE = "gone"
    """Nothing is at its path, or nothing that may be read."""
    CHANGED = "changed"
    """The file is not the one that was encoded."""
    SEEN_OTHERWISE = "seen otherwise"
    """The other program sees another picture in it than clipseek does: not upright, without its
    transparency, from another part of the file."""
    REMOVED = "removed"
    """It was removed from the library for good."""
    UNUSABLE = "unusable"
    """What is listed is no picture's path, facts and unit vector."""


@dataclass(frozen=True, slots=True)
class Job:
    """A picture to take over."""

    number: int
    """The id of its vector there."""
    file: FileState
    image_id: int | None
    sidecar: Sidecar


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is to be taken over."""

    jobs: list[Job]
    captions: list[tuple[str, str]]
    """(path, text) of all whose file is the one that was encoded, in the library already or not."""
    caption_ids: dict[str, int]
    """The id of a picture that each text is the caption of."""
    first_gone: str | None
    """The path of the first whose file is gone."""


def choose(listing: Listing, library: Library, encoder: str, counts: Counter[Fate]) -> Chosen:
    """The pictures to take over into the space of `encoder`; the others are counted."""
    kept_out = frozenset(library.catalog.kept_out())
    places, sidecars = Places(), Sidecars()
    jobs: list[Job] = []
    captions: list[tuple[str, str]] = []
    caption_ids: dict[str, int] = {}
    seen: set[str] = set()
    first_gone = None
    for run in in_runs(listing.entries(), AT_A_TIME):
        looks = [None if each is None else _look_at(each, places, kept_out) for each in run]
        paths = [found.path for found in looks if isinstance(found, FileState)]
        known = library.catalog.known(encoder, paths)
        for listed, found in zip(run, looks, strict=True):
            if listed is None or found is None:
                counts[Fate.UNUSABLE] += 1
                continue
            if isinstance(found, Fate):
                counts[found] += 1
                if found is Fate.GONE and first_gone is None:
                    first_gone = listed.path
                continue
            if listed.caption:
                captions.append((found.path, listed.caption))
                caption_ids.setdefault(listed.caption, listed.id)
            record = known.get(found.path)
            if found.path in seen:
                counts[Fate.TWICE] += 1
            elif record is not None and _is_in(record, found):
                counts[Fate.KNOWN] += 1
            else:
                image_id = None if record is None else record.id
                jobs.append(Job(listed.id, found, image_id, sidecars(found.path)))
            seen.add(found.path)
    return Chosen(jobs, captions, caption_ids, first_gone)


def _look_at(listed: Listed, places: Places, kept_out: frozenset[str]) -> FileState | Fate:
    """The file as it is now, under its one spelling; or why it is left out."""
    try:
        facts = os.stat(listed.path)
    except OSError:
        return Fate.GONE
    if not stat.S_ISREG(facts.st_mode):
        return Fate.GONE
    if not listed.is_of(facts):
        return Fate.CHANGED
    path = places.real(listed.path)
    if not kept_out.isdisjoint((path, *parents(path))):
        return Fate.REMOVED
    return file_state(path, facts)


def _is_in(record: Known, file: FileState) -> bool:
    is_same = (record.size, record.mtime_ns) == (file.size, file.mtime_ns)
    return is_same and record.has_vector
