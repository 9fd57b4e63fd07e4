"""The spaces of an open library."""

from __future__ import annotations

from pathlib import Path

from searchengine.catalog.catalog import Catalog
from searchengine.errors import LibraryDamagedError, NothingIndexedError, SpaceNotFoundError
from searchengine.library.layout import space_directory
from searchengine.spaces.names import space_name
from searchengine.spaces.space import Space
from searchengine.types import SpaceInfo


class OpenSpaces:
    """The spaces of one library, each opened once."""

    def __init__(self, library: Path, catalog: Catalog) -> None:
        self._library = library
        self._catalog = catalog
        self._opened: dict[int, Space] = {}

    def all(self) -> list[Space]:
        """Every space, the default one first."""
        return [self._open(info) for info in self._catalog.spaces()]

    def named(self, name: str | None) -> Space:
        """The space of this name or of this encoder; the default one without a name.

        Raises SpaceNotFoundError, or NothingIndexedError where there is no space at all.
        """
        infos = self._catalog.spaces()
        if not infos:
            raise NothingIndexedError(self._library)
        for info in infos:
            if name is None or name in (info.name, info.encoder):
                return self._open(info)
        raise SpaceNotFoundError(name or "", [info.name for info in infos])

    def searchable(self, name: str | None) -> Space:
        """As `named`, and raises NothingIndexedError where the space has no vectors."""
        space = self.named(name)
        if self._catalog.rows(space.info) == 0:
            raise NothingIndexedError(self._library)
        return space

    def _open(self, info: SpaceInfo) -> Space:
        if info.id not in self._opened:
            if info.name != space_name(info.encoder):
                why = f"spaces.name holds {info.name!a}, which {info.encoder} is not called by"
                raise LibraryDamagedError(self._library, why)
            directory = space_directory(self._library, info.name)
            self._opened[info.id] = Space(info, directory, self._catalog)
        return self._opened[info.id]
