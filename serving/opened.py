"""The library that is served, as it lies on the disk now: gone, or another one, is noticed.

SQLite answers from a file that was deleted as long as it is open, and from the old one where
another has taken its place.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass

from searchengine.catalog.records import Facets
from searchengine.errors import NothingIndexedError, NothingListedError, reason_of
from searchengine.library.encoders import LoadedEncoders
from searchengine.library.library import Library, open_library
from searchengine.library.places import placed
from searchengine.retrieval.hits import Order
from searchengine.spaces.space import Space
from searchengine.types import Filter
from serving.asking.orders import InOrder, in_order
from serving.counts import Remembered
from serving.encoding import EncoderQueue
from serving.pictures import HeldPictures
from serving.problems import LibraryGoneError

COUNTS_KEPT = 64
"""Filters whose counts are remembered."""

ORDERS_KEPT = 8
"""Orders that are remembered: one of a million images takes 8 MB."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An open library, and what is remembered of it."""

    library: Library
    queue: EncoderQueue
    counts: Remembered[Filter, Facets]
    """How many images each choice of a filter would leave."""
    orders: Remembered[tuple[Filter, Order], InOrder]
    """The images that pass a filter, under its places as they are listed."""
    pictures: HeldPictures
    """Uploads, as vectors of its encoder."""

    def searched_space(self) -> Space:
        """The space that answers. Raises NothingIndexedError."""
        space = self.library.space()
        if self.library.catalog.rows(space.info) == 0:
            raise NothingIndexedError(self.library.path)
        return space

    def warm(self) -> None:
        """Load what encodes texts ahead of the first query, where the library has an encoder.

        The rest of the encoder, and torch, are loaded for the first picture that is asked with.
        """
        if self.library.catalog.spaces():
            self.queue.warm(self.library.space())


class OpenedLibrary:
    """The library at one place. Any thread may ask for it."""

    def __init__(self, library: Library) -> None:
        self.path = library.path
        self._given = library
        self._lock = threading.Lock()
        encoders = library.encoders
        self._load = encoders.load if isinstance(encoders, LoadedEncoders) else None
        self._opened = _opened(library)
        self._identity = self._look()

    @property
    def last(self) -> Opened:
        """The library as it was asked last, whatever has become of it."""
        return self._opened

    @property
    def is_unchanged(self) -> bool:
        """Whether the library that was asked last is still there; takes no time."""
        try:
            return self._look() == self._identity
        except LibraryGoneError:
            return False

    def now(self) -> Opened:
        """The library that is there now; one that was put in its place is opened.

        Raises LibraryGoneError where there is none, and the errors of opening one.
        """
        with self._lock:
            identity = self._look()
            if identity != self._identity:
                opened = _opened(self._open_anew())
                if self._opened.library is not self._given:
                    self._opened.library.close()
                self._opened, self._identity = opened, identity
                opened.warm()
            return self._opened

    def close(self) -> None:
        """End the thread of the encoder, and close what was opened here."""
        self._opened.queue.close()
        if self._opened.library is not self._given:
            self._opened.library.close()

    def _look(self) -> tuple[int, int]:
        """Device and inode of the catalog. While it is open, no other file gets the same."""
        try:
            status = self._given.catalog.path.stat()
        except OSError as error:
            raise LibraryGoneError(self.path, reason_of(error)) from error
        return status.st_dev, status.st_ino

    def _open_anew(self) -> Library:
        return open_library(self.path, load=self._load) if self._load else open_library(self.path)


def _opened(library: Library) -> Opened:
    queue = library.encoders = EncoderQueue(library.encoders)
    opened: Opened

    def count(where: Filter) -> Facets:
        with suppress(NothingListedError):
            where = placed(library.catalog, where)
        return library.catalog.facets(opened.searched_space().info, where)

    def put_in_order(asked: tuple[Filter, Order]) -> InOrder:
        return in_order(library.catalog, opened.searched_space().info, *asked)

    stamp = library.catalog.stamp
    opened = Opened(
        library,
        queue,
        Remembered(count, stamp, COUNTS_KEPT),
        Remembered(put_in_order, stamp, ORDERS_KEPT),
        HeldPictures(),
    )
    return opened
