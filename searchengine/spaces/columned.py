"""The columns of a space: asked by searches, kept in step by who writes.

They answer for a moment of the catalog where they are of its state, before and after they are read.
Else, and where they are damaged, the catalog answers.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from searchengine.catalog.catalog import CatalogReads
from searchengine.catalog.rows import STATE
from searchengine.columns import passing
from searchengine.columns.head import Head, read_head
from searchengine.columns.reading import Columns, TornColumnsError
from searchengine.types import Filter, SpaceInfo
from searchengine.vectors.rowset import RowSet

log = logging.getLogger("clipseek")


class KnownColumns:
    """Any thread may ask; one at a time writes."""

    def __init__(self, info: SpaceInfo, directory: Path) -> None:
        self._info = info
        self._directory = directory
        self._kept: Columns | None = None
        self._torn: Head | None = None

    def living(self, now: CatalogReads, count: int) -> RowSet | None:
        """Which of the `count` rows of a moment are an image's; None where the catalog says it."""
        return self._asked(now, count, lambda columns: columns.living)

    def passing(self, now: CatalogReads, count: int, where: Filter) -> RowSet | None:
        """Which of them are of an image that passes the filter; None as in `living`."""
        return self._asked(now, count, lambda columns: self._passing(now, columns, where))

    def _asked(
        self, now: CatalogReads, count: int, ask: Callable[[Columns], RowSet]
    ) -> RowSet | None:
        head = read_head(self._directory)
        if head is None or head == self._torn:
            return None
        if head.rows != count or head.state != now.setting(STATE):
            return None
        columns = self._kept
        if columns is None or columns.head != head:
            self._kept = columns = Columns(self._directory, head, columns)
        try:
            found = ask(columns)
        except TornColumnsError as error:
            if read_head(self._directory) == head:
                self._say_torn(head, error)
            return None
        return found if read_head(self._directory) == head else None

    def _say_torn(self, head: Head, error: Exception) -> None:
        self._torn = head
        log.warning(
            "%s/%s of space %s is damaged: filters ask the catalog, which takes longer, until the "
            "next index run has made it anew",
            head.place,
            error,
            self._info.name,
        )

    def _passing(self, now: CatalogReads, columns: Columns, where: Filter) -> RowSet:
        root = None
        if where.under is not None:
            ids = now.ids_by_path([str(where.under)])
            root = next(iter(now.rows_of(self._info, [*ids.values()]).values()), None)
        found = passing.passing(columns, where, root)
        if (beyond := passing.beyond_columns(where)) != Filter():
            found &= RowSet.of(now.rows_matching(self._info, beyond), found.count)
        return found
