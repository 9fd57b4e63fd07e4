"""What has a name in a library beside its images: albums, saved searches and label sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from searchengine.library.library import Library


@dataclass(frozen=True, slots=True)
class Gathered:
    """Names that people gave, in their order."""

    albums: Sequence[str] = ()
    searches: Sequence[tuple[str, Mapping[str, str]]] = ()
    """Saved searches, and what each asks."""
    label_sets: Sequence[str] = ()


def gathered_in(library: Library) -> Gathered:
    """What a library has. Raises LibraryDamagedError for a saved search that is none."""
    found = list(library.albums)
    return Gathered(
        albums=[album.name for album in found if album.question is None],
        searches=[(album.name, album.question) for album in found if album.question is not None],
        label_sets=[stored.name for stored in library.catalog.label_sets()],
    )
