"""Counts of the filters, remembered: everybody asks, and a million images take seconds to count."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from searchengine.catalog.records import Facets
from searchengine.types import Filter

GOOD_FOR = 10
"""A count is good for this many times as long as it took, even if the catalog changes: while an
index run writes, a tenth of the time at most goes into counting. 10,000 images take 40 ms."""

KEPT = 64
"""Filters whose counts are remembered."""


@dataclass(frozen=True, slots=True)
class _Counted:
    facets: Facets
    stamp: tuple[int, ...]
    """Of the catalog, before it was counted."""
    good_until: float
    """On the monotonic clock, in seconds."""


class Counts:
    """The facets of filters. Any thread may ask; at worst two count the same."""

    def __init__(
        self, count: Callable[[Filter], Facets], stamp: Callable[[], tuple[int, ...]]
    ) -> None:
        """`count` asks the catalog, `stamp` gives a value that changes whenever it does."""
        self._count = count
        self._stamp = stamp
        self._known: dict[Filter, _Counted] = {}

    def known(self, where: Filter) -> Facets | None:
        """What is known already and still good; takes no time."""
        known = self._known.get(where)
        if known is None:
            return None
        is_good = time.monotonic() < known.good_until or known.stamp == self._stamp()
        return known.facets if is_good else None

    def forget(self) -> None:
        """Count anew from here on: somebody has changed what they will look for."""
        self._known = {}

    def count(self, where: Filter) -> Facets:
        """What is known, or counted now."""
        if known := self.known(where):
            return known
        stamp, began = self._stamp(), time.monotonic()
        facets = self._count(where)
        now = time.monotonic()
        if len(self._known) >= KEPT:
            self._known = {}
        self._known[where] = _Counted(facets, stamp, now + GOOD_FOR * (now - began))
        return facets
