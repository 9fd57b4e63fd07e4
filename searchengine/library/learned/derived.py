"""Which derived files a space was given, so that one that is gone is told from one that never was.

Searches answer otherwise without these, and have no way to notice: a check says it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType

from searchengine.alignment.ranking import FILE as ALIGNMENT_FILE
from searchengine.errors import LibraryDamagedError
from searchengine.relevance.kept import FILE as STATISTICS_FILE
from searchengine.spaces.space import Space
from searchengine.spaces.stacked import STACKS_FILE

WITHOUT: Mapping[str, str] = MappingProxyType(
    {
        ALIGNMENT_FILE: "it is gone, so that searches by words answer as before it; learn it again "
        "with clipseek align, or stay without: clipseek align --remove",
        STATISTICS_FILE: "it is gone, so that no hit is told from what does not match; the next "
        "index run measures it anew",
        STACKS_FILE: "it is gone, so that copies are hits of their own; the next index run makes "
        "it anew",
    }
)
"""What it means that one of these files is gone, and what to do."""


def derived_setting(name: str) -> str:
    """The setting of the catalog that keeps which files the space of this name was given."""
    return f"derived {name}"


def note_derived(space: Space, *, dropped: str | None = None) -> None:
    """Note the files that are there; `dropped` is no longer waited for.

    An alignment that was noted stays so, as no index run makes it: of the others those that are
    not there now could not be made. The caller holds the library's lock.
    """
    noted = _noted(space)
    there = {file for file in WITHOUT if (space.directory / file).exists()}
    now = there | (noted & {ALIGNMENT_FILE}) - {dropped}
    if now != noted:
        name = derived_setting(space.info.name)
        space.catalog.set_setting(name, json.dumps(sorted(now)))


def lost(space: Space) -> list[tuple[str, str]]:
    """The files that were noted and are gone: each one's name, and what that means."""
    noted = _noted(space)
    return [
        (file, why)
        for file, why in WITHOUT.items()
        if file in noted and not (space.directory / file).exists()
    ]


def _noted(space: Space) -> set[str]:
    """As they are noted; nothing where it cannot be read, until the next index run."""
    try:
        return set(space.catalog.texts(derived_setting(space.info.name)))
    except LibraryDamagedError:
        return set()
