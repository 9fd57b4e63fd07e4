"""The columns of a space: asked by searches, kept in step by who writes.

They answer for a moment of the catalog where they are of its state, before and after they are read.
Else, and where they are damaged, the catalog answers.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from searchengine.catalog.catalog import CatalogReads
from searchengine.catalog.rows import STATE
from searchengine.types import Filter, SpaceInfo
from searchengine.vectors.rowset import RowSet

if TYPE_CHECKING:
    from searchengine.columns.head import Head
    from searchengine.columns.reading import Columns

MOST_LABELS = 64
"""Labels whose rows are remembered: at ten million rows a megabyte each."""

HEAD = "columns.json"
"""In the directory of a space. What reads it is imported late: few libraries have it."""

log = logging.getLogger("clipseek")


class KnownColumns:
    """Any thread may ask; one at a time writes."""

    def __init__(self, info: SpaceInfo, directory: Path) -> None:
        self._info = info
        self._directory = directory
        self._kept: Columns | None = None
        self._torn: Head | None = None
        self._labelled: tuple[str, dict[str, RowSet]] = ("", {})

    def living(self, now: CatalogReads, count: int) -> RowSet:
        """Which of the `count` rows of a moment are an image's."""
        found = self._asked(now, count, lambda columns: columns.living)
        return RowSet.every(count).without(now.dead_rows(self._info)) if found is None else found

    def passing(self, now: CatalogReads, count: int, where: Filter) -> RowSet:
        """Which of the `count` rows of a moment are of an image that passes the filter."""
        found = self._asked(now, count, lambda columns: self._passing(now, columns, where))
        return RowSet.of(now.rows_matching(self._info, where), count) if found is None else found

    def _asked(
        self, now: CatalogReads, count: int, ask: Callable[[Columns], RowSet]
    ) -> RowSet | None:
        if not (self._directory / HEAD).exists():
            return None
        from searchengine.columns.reading import Columns, TornColumnsError

        head = self._head()
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
            if self._head() == head:
                self._say_torn(head, error)
            return None
        return found if self._head() == head else None

    def _head(self) -> Head | None:
        from searchengine.columns.head import read_head

        return read_head(self._directory)

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
        from searchengine.columns.passing import beyond_columns, passing

        root = None
        if where.under is not None:
            ids = now.ids_by_path([str(where.under)])
            root = next(iter(now.rows_of(self._info, [*ids.values()]).values()), None)
        found = passing(columns, where, root)
        if where.label is not None:
            found &= self._with_label(now, columns, where.label)
        if (beyond := beyond_columns(where)) != Filter():
            found &= RowSet.of(now.rows_matching(self._info, beyond), found.count)
        return found

    def _with_label(self, now: CatalogReads, columns: Columns, label: str) -> RowSet:
        """The rows of images with a label, which are remembered for the state."""
        state, known = self._labelled
        if state != columns.head.state:
            self._labelled = _, known = columns.head.state, {}
        if label not in known:
            if len(known) >= MOST_LABELS:
                known.clear()
            rows = now.rows_matching(self._info, Filter(label=label))
            known[label] = RowSet.of(rows, columns.head.rows)
        return known[label]
