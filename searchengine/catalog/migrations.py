"""Schema versions: a new catalog is made at the newest one, an older one is brought there.

A step is one function of a connection. It runs in one transaction together with the version that it
leads to, so that a library is always at one version or at the next, whatever interrupts it. While a
step runs foreign keys are not enforced, so a table may be rebuilt under its name as SQLite's
manual says (https://www.sqlite.org/lang_altertable.html, section 7); they are checked at its end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import sqlalchemy as sa

from searchengine.catalog.connection import Database
from searchengine.catalog.schema import SCHEMA_VERSION, tables
from searchengine.errors import LibraryTooNewError

Step: TypeAlias = Callable[[sa.Connection], None]

STEPS: tuple[Step, ...] = ()
"""`STEPS[n - 1]` leads from version n to n + 1. A step is never changed once it was released, and
uses no table of `schema.py`: those are of the newest version."""


def bring_up_to_date(
    database: Database, steps: Sequence[Step] = STEPS, newest: int = SCHEMA_VERSION
) -> None:
    """Make the tables where there are none, or run the steps from the version that is there.

    A catalog that is up to date is only read. Raises LibraryTooNewError for a version after
    `newest`, and what `Database.rebuilding` does.
    """
    with database.reading() as connection:
        found = _version(connection, database, newest)
    while found < newest:
        with database.rebuilding() as connection:
            # Another process may have been here since.
            found = _version(connection, database, newest)
            if found < newest:
                found = _advance(connection, found, steps, newest)


def _version(connection: sa.Connection, database: Database, newest: int) -> int:
    found = int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
    if found > newest:
        raise LibraryTooNewError(database.path.parent, found, newest)
    return found


def _advance(connection: sa.Connection, found: int, steps: Sequence[Step], newest: int) -> int:
    """Make the tables of the newest version, or those of the next one; returns that version."""
    if found == 0:
        tables.create_all(connection)
        reached = newest
    else:
        steps[found - 1](connection)
        reached = found + 1
    connection.exec_driver_sql(f"PRAGMA user_version = {reached}")
    return reached
