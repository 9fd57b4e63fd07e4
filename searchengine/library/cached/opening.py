"""A library in parts, opened for reading."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from searchengine.encoders.interface import Encoder
from searchengine.errors import (
    ClipseekError,
    InputError,
    LibraryDamagedError,
    LibraryError,
    LibraryLockedError,
    StorageError,
)
from searchengine.library.cached.copy import CACHE, copy_directory, state_of, update
from searchengine.library.encoders import LoadedEncoders, load_for_queries
from searchengine.library.layout import CATALOG, discard_empty, find_directory
from searchengine.library.library import Library
from searchengine.library.writing import Writer

if TYPE_CHECKING:
    from searchengine.library.check import CheckReport
    from searchengine.retrieval.asked import Asked
    from searchengine.retrieval.hits import Hits
    from searchengine.tuning.tune import TuneReport

LOOK_SECONDS = 10.0
"""Between looks for a new snapshot: a request each."""

WAIT_SECONDS = 0.2
"""Between looks whether another process has made the copy that we wait for."""

log = logging.getLogger("clipseek")


class CopiedLibrary(Library):
    """A copy of a library in parts. It can be asked everything; what it lists is not its own."""

    def __init__(self, url: str, path: Path, load: Callable[[str], Encoder]) -> None:
        with _of_a_copy(url, path):
            super().__init__(path, LoadedEncoders(load))
        self.url = url
        self._is_ours_to_write = False

    def __exit__(self, *raised: object) -> None:
        """Close it; where it was found damaged, what helps is said."""
        super().__exit__(*raised)
        for error in raised:
            if isinstance(error, LibraryDamagedError):
                raise _of_copy(error, self.url, self.path) from error

    def update(self) -> int:
        """Take the newest snapshot; returns its number. Raises as `copy.update`."""
        with self._written():
            return update(self, self.url)

    def measure(self) -> None:
        """Measure what index runs measure of a space, where it has changed enough."""
        with self._written(), self.writing() as writer:
            writer.measure_relevance(self.space())

    def discard(self) -> None:
        """Take away a copy in which nothing came, where nobody writes it."""
        with suppress(ClipseekError, OSError), self._written():
            discard_empty(self)

    def search(self, query: Asked, **options: Any) -> Hits:  # noqa: ANN401 - of `Library.search`
        """As `Library.search`, whatever `present_only` says: files are not on this machine."""
        with _of_a_copy(self.url, self.path):
            return super().search(query, **{**options, "present_only": False})

    def check(self, *, repair: bool = False, **options: Any) -> CheckReport:  # noqa: ANN401
        """As `Library.check`. Raises InputError for `repair`: a copy is fetched again."""
        if repair:
            raise InputError(f"nothing is repaired: {made_anew(self.url, self.path)}")
        return super().check(**options)

    def tune(self, **options: Any) -> TuneReport:  # noqa: ANN401 - of `Library.tune`
        """As `Library.tune`; the settings are kept in the copy, until another index comes."""
        with self._written():
            return super().tune(**options)

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """Refused: parts never change. Raises InputError."""
        if not self._is_ours_to_write:
            raise InputError(
                f"{self.url} is a library in parts, which is only added to, by: clipseek index "
                f"SOURCE --library {self.url}"
            )
        with super().writing() as writer:
            yield writer

    @contextmanager
    def _written(self) -> Iterator[None]:
        self._is_ours_to_write = True
        try:
            yield
        finally:
            self._is_ours_to_write = False


def open_copy(
    url: str, *, cache: Path | None = None, load: Callable[[str], Encoder] = load_for_queries
) -> CopiedLibrary:
    """The newest snapshot of the library at a URL, copied to `cache` as far as it is not there.

    Where the storage does not answer, the copy that is there serves, and that is said. Raises
    StorageError where there is none, and NothingIndexedError where nothing was published.
    """
    directory = copy_directory(url, cache)
    was_there = (directory / CATALOG).exists()
    try:
        directory = find_directory(directory, create=True)
    except LibraryError as error:
        if not os.path.lexists(directory):
            raise LibraryError(f"{error}; choose another place for copies: {CACHE}") from error
        gone = LibraryDamagedError(directory, "it holds no catalog")
        raise _of_copy(gone, url, directory) from error
    library = CopiedLibrary(url, directory, load)
    try:
        with _of_a_copy(url, directory):
            _bring_up_to_date(library)
    except BaseException:
        if not was_there:
            library.discard()
        library.close()
        raise
    return library


def made_anew(url: str, directory: Path) -> str:
    """What to do about a damaged copy."""
    return f"it is a copy of {url}: remove {directory}, and the next command fetches it again"


@contextmanager
def _of_a_copy(url: str, directory: Path) -> Iterator[None]:
    """What helps a library of one's own is no help to a copy."""
    try:
        yield
    except LibraryDamagedError as error:
        raise _of_copy(error, url, directory) from error


def _of_copy(error: LibraryDamagedError, url: str, directory: Path) -> LibraryDamagedError:
    return LibraryDamagedError(directory, error.why, made_anew(url, directory))


def _bring_up_to_date(library: CopiedLibrary) -> None:
    before = state_of(library).number
    while True:
        try:
            if library.update() != before:
                library.measure()
            return
        except LibraryLockedError:
            if state_of(library).number:
                return  # another process is about to bring it further
            time.sleep(WAIT_SECONDS)
        except StorageError as error:
            number = state_of(library).number
            if not number:
                raise
            log.warning("%s; searching snapshot %s, which is here", error, number)
            return


@contextmanager
def following(library: Library) -> Iterator[None]:
    """Inside it a library in parts takes every new snapshot, within `LOOK_SECONDS`.

    Questions go on meanwhile: each is answered by one snapshot or by the next.
    """
    if not isinstance(library, CopiedLibrary):
        yield
        return
    ended = threading.Event()

    def follow() -> None:
        while not ended.wait(LOOK_SECONDS):
            try:
                library.update()
            except LibraryLockedError:
                pass  # another server of this copy does it
            except ClipseekError as error:
                log.warning("no newer snapshot: %s", error)

    follower = threading.Thread(target=follow, name="snapshots", daemon=True)
    follower.start()
    try:
        yield
    finally:
        ended.set()
        follower.join()
