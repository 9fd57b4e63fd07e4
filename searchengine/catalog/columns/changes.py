"""Which rows a transaction changes for filters, whatever it is that writes.

Triggers of the connection that writes, which are never in the catalog, note the rows. Where there
are any, the transaction also gives the setting `STATE` another value: a random one, as a power cut
may take back what was written, and something else may be written then.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import sqlalchemy as sa

from searchengine.catalog.columns.facts import (
    FROM_ROW_ON,
    TOUCHED,
    RowFacts,
    UnfitError,
    read_facts,
)
from searchengine.catalog.rows import STATE
from searchengine.catalog.surveys import read_setting, set_setting
from searchengine.types import SpaceInfo

_TOUCHED = (
    " BEGIN INSERT INTO touched SELECT space_id, row FROM embeddings AS e WHERE {} AND NOT EXISTS "
    "(SELECT 1 FROM touched AS t WHERE t.space_id = e.space_id AND t.row = e.row); END"
)
"""Not OR IGNORE: within what a foreign key does SQLite takes that for ABORT."""
_FILTERED = ("path", "mtime_ns", "width", "height", "taken_at", "camera")
_LABELLED = {
    "INSERT": "NEW.image_id",
    "UPDATE OF image_id, name": "OLD.image_id, NEW.image_id",
    "DELETE": "OLD.image_id",
}
_WATCH = (
    "PRAGMA temp_store = MEMORY",
    "CREATE TEMP TABLE touched (space_id INTEGER, row INTEGER, PRIMARY KEY (space_id, row)) "
    "WITHOUT ROWID",
    "CREATE TEMP TABLE appended (space_id INTEGER PRIMARY KEY, row INTEGER)",
    "CREATE TEMP TRIGGER watch_new AFTER INSERT ON main.embeddings BEGIN "
    "INSERT OR IGNORE INTO appended VALUES (NEW.space_id, NEW.row); END",
    "CREATE TEMP TRIGGER watch_owner AFTER UPDATE OF owner_id ON main.embeddings"
    + _TOUCHED.format("space_id = OLD.space_id AND row = OLD.row"),
    "CREATE TEMP TRIGGER watch_image AFTER UPDATE ON main.images WHEN "
    + " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in _FILTERED)
    + _TOUCHED.format("owner_id = NEW.id"),
    *(
        f"CREATE TEMP TRIGGER watch_label_{number} AFTER {what} ON main.labels"
        + _TOUCHED.format(f"owner_id IN ({whose})")
        for number, (what, whose) in enumerate(_LABELLED.items())
    ),
)


class Follower(Protocol):
    """Who keeps columns in step with the catalog."""

    def in_step(self, state: str) -> Sequence[tuple[SpaceInfo, int]]:
        """The spaces whose columns are those of this state, and how many rows they have."""

    def follow(self, state: str, changed: Mapping[int, Sequence[RowFacts] | None]) -> None:
        """Bring those columns to this state: what changed, by the space's id.

        None where columns cannot say it.
        """


class Watch:
    """Tells what each transaction changes for filters, in the catalog and to a follower."""

    def __init__(self) -> None:
        self.follower: Follower | None = None

    def begun(self, connection: sa.Connection) -> None:
        """Note what changes from now on, in this transaction."""
        for statement in _WATCH:
            connection.exec_driver_sql(statement)

    def ending(self, connection: sa.Connection) -> Callable[[], None] | None:
        """What is to be done once the transaction is committed, which is about to be."""
        changed = "SELECT EXISTS (SELECT 1 FROM {}) "
        tables = ("touched", "appended")
        which = " UNION ALL ".join(changed.format(f"temp.{name}") for name in tables)
        if not any(connection.exec_driver_sql(which).scalars()):
            return None
        before = read_setting(connection, STATE)
        now = new_state(connection)
        follower = self.follower
        if follower is None or before is None:
            return None
        facts = {
            space.id: _changed_facts(connection, space, rows)
            for space, rows in follower.in_step(before)
        }
        return lambda: follower.follow(now, facts) if facts else None


def new_state(connection: sa.Connection) -> str:
    """Give the state another value, and return it."""
    state = os.urandom(8).hex()
    set_setting(connection, STATE, state)
    return state


def _changed_facts(
    connection: sa.Connection, space: SpaceInfo, rows: int
) -> Sequence[RowFacts] | None:
    try:
        touched = read_facts(connection, space, TOUCHED, space.id)
        return [*touched, *read_facts(connection, space, FROM_ROW_ON, rows)]
    except UnfitError:
        return None
