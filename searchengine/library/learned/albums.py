"""The albums of a library: images picked by hand, and searches that were saved, by name."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from searchengine.catalog.gathered.albums import StoredAlbum
from searchengine.errors import InputError, LibraryDamagedError, NotListedError, UnknownNameError
from searchengine.library.places import listed_place, named
from searchengine.paths import composed
from searchengine.types import ImageRecord

if TYPE_CHECKING:
    from searchengine.library.library import Library

MOST_LETTERS = 200
"""Of a name."""

NO_NAMES = (".", "..")
"""Browsers take these out of an address. Albums that have them can be seen and taken away."""


@dataclass(frozen=True, slots=True)
class Album:
    """An album of a library."""

    name: str
    images: int
    """That were picked by hand; 0 for a saved search."""
    question: dict[str, str] | None
    """What a saved search asks, by the names that the API has for it: `q`, `under`, `near`, ...
    None where images are picked by hand."""


class Albums:
    """The albums of a library. Images stay in them when their files move."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def __iter__(self) -> Iterator[Album]:
        for stored in self._library.catalog.albums():
            yield self._album(stored)

    def get(self, name: str) -> Album:
        """The album of a name. Raises InputError, with those there are."""
        return self._album(self._stored(name))

    def images(self, name: str) -> list[ImageRecord]:
        """The images that were picked for an album, in the order they were. Raises InputError."""
        catalog = self._library.catalog
        with catalog.snapshot() as now:
            ids = now.album_images(self._stored(name).id)
            records = now.images(ids)
        return [records[image_id] for image_id in ids if image_id in records]

    def add(
        self,
        name: str,
        paths: Iterable[str | os.PathLike[str]] = (),
        *,
        ids: Iterable[int] = (),
    ) -> int:
        """Add the images at and under `paths`, and those of `ids`, to an album; how many are new.

        It is made where there is none. Raises InputError for a name that is a saved search's, or
        none, NothingListedError and NotListedError.
        """
        wanted = self._ids(paths, ids)
        with self._library.writing():
            wanted_name, stored = _required(name), self._find(name)
            if stored is not None and stored.question is not None:
                raise InputError(f"{name!r} is a saved search; choose another name for an album")
            catalog = self._library.catalog
            album = catalog.put_album(wanted_name, None) if stored is None else stored.id
            return catalog.add_to_album(album, wanted)

    def take(
        self,
        name: str,
        paths: Iterable[str | os.PathLike[str]] = (),
        *,
        ids: Iterable[int] = (),
    ) -> int:
        """Take images out of an album, as `add` names them; how many were in it."""
        wanted = self._ids(paths, ids)
        with self._library.writing():
            return self._library.catalog.take_from_album(self._stored(name).id, wanted)

    def save(self, name: str, question: Mapping[str, str]) -> None:
        """Keep a search under a name, in place of one of that name.

        Raises InputError for a name that is an album's of images, or none.
        """
        with self._library.writing():
            wanted, stored = _required(name), self._find(name)
            if stored is not None and stored.question is None:
                raise InputError(f"{name!r} is an album of images; choose another name")
            told = json.dumps(dict(question), sort_keys=True, ensure_ascii=False)
            self._library.catalog.put_album(wanted if stored is None else stored.name, told)

    def remove(self, name: str) -> None:
        """Take an album or saved search out; its images stay. Raises InputError."""
        with self._library.writing():
            self._library.catalog.remove_album(self._stored(name).id)

    def _ids(self, paths: Iterable[str | os.PathLike[str]], ids: Iterable[int]) -> list[int]:
        catalog = self._library.catalog
        wanted: list[int] = []
        for path in named(paths):
            wanted += sorted(catalog.paths_under(listed_place(catalog, path)).values())
        given = list(ids)
        there = catalog.images(given)
        if gone := [each for each in given if each not in there]:
            raise NotListedError(gone[0])
        return list(dict.fromkeys([*wanted, *given]))

    def _find(self, name: str) -> StoredAlbum | None:
        return self._library.catalog.album_called(name.strip())

    def _stored(self, name: str) -> StoredAlbum:
        found = self._find(name)
        if found is None:
            there = ", ".join(each.name for each in self._library.catalog.albums()) or "none"
            raise UnknownNameError(f"no album is called {name!r}; there is: {there}")
        return found

    def _album(self, stored: StoredAlbum) -> Album:
        question = None
        if stored.question is not None:
            try:
                told = json.loads(stored.question)
                question = {str(key): str(value) for key, value in told.items()}
            except (ValueError, AttributeError) as error:
                why = f"the saved search {stored.name!r} is none: {error}"
                raise LibraryDamagedError(self._library.path, why) from error
        return Album(stored.name, stored.images, question)


def _required(name: str) -> str:
    wanted = composed(name.strip())
    if not wanted or len(wanted) > MOST_LETTERS or not wanted.isprintable():
        raise InputError(f"the name of an album has 1 to {MOST_LETTERS} letters, on one line")
    if wanted in NO_NAMES:
        raise InputError(f"an album cannot be called {wanted!r}, which no address can end in")
    return wanted
