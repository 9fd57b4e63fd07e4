"""Pictures and folders that were removed for good: index runs leave them out."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from searchengine.catalog.filters import at_or_under
from searchengine.catalog.sqlite.connection import Database, Reads
from searchengine.catalog.sqlite.schema import excluded, kept_out

REMOVED = "removed for good: clipseek remove --undo"
"""The reason, and the way back."""


class KeptOutReads(Reads):
    """What can be asked about them."""

    def kept_out(self) -> list[str]:
        """Their paths, in order."""
        with self._reading() as connection:
            return list(connection.execute(sa.select(kept_out).order_by(kept_out.c.path)).scalars())


class KeptOutWrites:
    """What the catalog writes of them: each method one transaction."""

    _database: Database

    def keep_out(self, places: Sequence[str]) -> None:
        """Leave out what is at and under these places from now on."""
        with self._database.writing() as connection:
            for table, values in (
                (kept_out, [{"path": place} for place in places]),
                (excluded, [{"path": place, "reason": REMOVED} for place in places]),
            ):
                connection.execute(sqlite.insert(table).on_conflict_do_nothing(), values)

    def take_back(self, places: Sequence[str]) -> int:
        """Let index runs take what is at and under these places again; how many were left out."""
        taken = 0
        with self._database.writing() as connection:
            for place in places:
                taken += connection.execute(
                    sa.delete(kept_out).where(at_or_under(place, kept_out.c.path))
                ).rowcount
                these = at_or_under(place, excluded.c.path), excluded.c.reason == REMOVED
                connection.execute(sa.delete(excluded).where(*these))
        return taken
