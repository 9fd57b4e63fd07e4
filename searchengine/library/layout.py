"""Where things are in a library's directory, and where the directory is."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from searchengine.errors import (
    LibraryDamagedError,
    LibraryError,
    LibraryNotFoundError,
    LibraryUnusableError,
    reason_of,
)
from searchengine.paths import at_home, is_url, real

if TYPE_CHECKING:
    from searchengine.library.library import Library

CATALOG = "catalog.sqlite"
SPACES = "spaces"
"""The directory that holds one directory a space."""

LOCK = "write.lock"
PID = "writer.pid"
"""Who holds the lock, for the message to others."""


def default_library_path() -> Path:
    """`CLIPSEEK_LIBRARY`, else the user's data directory."""
    if chosen := os.environ.get("CLIPSEEK_LIBRARY"):
        return Path(chosen)
    import platformdirs

    return platformdirs.user_data_path("clipseek", appauthor=False)


def find_directory(path: str | os.PathLike[str] | None, *, create: bool) -> Path:
    """The directory of the library at `path`, or of the default one; made with `create`.

    Raises LibraryNotFoundError, LibraryUnusableError, and LibraryError as `make_directory`.
    """
    directory = Path(real(at_home(default_library_path() if path is None else path)))
    try:
        is_there = (directory / CATALOG).is_file()
    except OSError as error:
        raise LibraryUnusableError(directory, reason_of(error)) from error
    if not is_there:
        if not create:
            raise LibraryNotFoundError(directory)
        make_directory(directory)
    return directory


def url_of(path: str | os.PathLike[str] | None) -> str | None:
    """The URL of a library in parts, where `path`, or without one $CLIPSEEK_LIBRARY, is one."""
    place = os.environ.get("CLIPSEEK_LIBRARY", "") if path is None else os.fspath(path)
    return place if is_url(place) else None


def make_directory(directory: Path) -> None:
    """Make the directory of a new library. Raises LibraryError where that cannot be.

    A directory that holds anything else is refused: it is somebody's, and no library.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        strangers = sorted(p.name for p in directory.iterdir() if p.name not in (LOCK, PID))
    except OSError as error:
        raise LibraryError(f"cannot make a library at {directory}: {error.strerror}") from error
    if strangers:
        raise LibraryError(
            f"{directory} is no library and not empty ({strangers[0]}, ...); "
            "give --library an empty or a new directory"
        )


def discard_empty(library: Library) -> None:
    """Take away a library of which nothing came; what holds anything stays.

    So does the catalog of one with files of a space: without it they would be no library's. It is
    looked at while nobody else can write, and whoever has opened it is told at the next call that
    it is gone. Raises LibraryLockedError and LibraryUnusableError.
    """
    with library.writing():
        if library.spaces() or any(library.catalog.counts().values()):
            return
        spaces = library.path / SPACES
        with suppress(OSError):
            for space in spaces.iterdir():
                space.rmdir()
            spaces.rmdir()
        if spaces.exists():
            return
        for name in (CATALOG, f"{CATALOG}-wal", f"{CATALOG}-shm", LOCK, PID):
            with suppress(OSError):
                (library.path / name).unlink(missing_ok=True)
        with suppress(OSError):
            library.path.rmdir()


def space_directory(library: Path, name: str) -> Path:
    """Where the space of this name is. Raises LibraryDamagedError where that leads elsewhere.

    What lies outside a library is not its to write.
    """
    directory = library / SPACES / name
    if directory.resolve() != library.resolve() / SPACES / name:
        raise LibraryDamagedError(library, f"{SPACES}/{name} leads out of it")
    return directory
