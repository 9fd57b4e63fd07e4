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

from searchengine.catalog.sqlite.connection import Database
from searchengine.catalog.sqlite.schema import SCHEMA_VERSION, settings, tables
from searchengine.catalog.sqlite.words import COMPLETE, READING, TABLE
from searchengine.errors import LibraryDamagedError, LibraryTooNewError, LibraryUnusableError

Step: TypeAlias = Callable[[sa.Connection], None]


def _to_2(connection: sa.Connection) -> None:
    """Failures know their kind and what they were tried with; room for what is new in version 2.

    What failed before has neither: it is tried again once.
    """
    old = connection.exec_driver_sql("SELECT * FROM failures").all()
    connection.exec_driver_sql("DROP TABLE failures")
    for statement in _TABLES_OF_2:
        connection.exec_driver_sql(statement)
    for row in old:
        connection.exec_driver_sql(
            "INSERT INTO failures VALUES (?, ?, ?, ?, '', '', ?)", tuple(row)
        )


_TABLES_OF_2 = (
    """CREATE TABLE failures (
    path TEXT NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    reason TEXT NOT NULL,
    kind TEXT NOT NULL,
    tried_with TEXT NOT NULL,
    failed_at DATETIME NOT NULL,
    PRIMARY KEY (path)
)""",
    """CREATE TABLE excluded (
    path TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (path)
)""",
    """CREATE TABLE passed_over (
    root TEXT NOT NULL,
    suffix TEXT NOT NULL,
    reason TEXT NOT NULL,
    files INTEGER NOT NULL,
    PRIMARY KEY (root, suffix, reason)
)
 WITHOUT ROWID""",
    """CREATE TABLE settings (
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (name)
)""",
    """CREATE TABLE checksums (
    space_id INTEGER NOT NULL,
    file TEXT NOT NULL,
    block INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    crc INTEGER NOT NULL,
    PRIMARY KEY (space_id, file, block),
    FOREIGN KEY(space_id) REFERENCES spaces (id)
)
 WITHOUT ROWID""",
)


def _to_3(connection: sa.Connection) -> None:
    """Files know when the system last saw them change; of those listed before it is not known."""
    for table in ("images", "failures"):
        connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN ctime_ns INTEGER")


def _to_4(connection: sa.Connection) -> None:
    """Captions and dates know where they are from; room for words, which the next run fills in."""
    for statement in _STATEMENTS_OF_4:
        connection.exec_driver_sql(statement)


_STATEMENTS_OF_4 = (
    "ALTER TABLE images ADD COLUMN taken_from TEXT",
    "UPDATE images SET taken_from = 'exif' WHERE taken_at IS NOT NULL",
    "CREATE TEMP TABLE kept AS SELECT id, image_id, text FROM captions",
    "CREATE TEMP TABLE last AS SELECT seq FROM sqlite_sequence WHERE name = 'captions'",
    "DROP TABLE captions",
    """CREATE TABLE captions (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    image_id INTEGER NOT NULL,
    text TEXT NOT NULL,
    source TEXT NOT NULL,
    UNIQUE (image_id, source, text),
    FOREIGN KEY(image_id) REFERENCES images (id) ON DELETE CASCADE
)""",
    "INSERT INTO captions SELECT id, image_id, text, 'file' FROM kept",
    "DELETE FROM sqlite_sequence WHERE name = 'captions'",
    "INSERT INTO sqlite_sequence SELECT 'captions', seq FROM last",  # ids are never given twice
    "DROP TABLE temp.kept",
    "DROP TABLE temp.last",
    "CREATE VIRTUAL TABLE words USING fts5(caption, text, name, tokenize = 'unicode61')",
)


def _to_5(connection: sa.Connection) -> None:
    """Room for label sets, labels and examples, and for what was read of images."""
    for statement in _TABLES_OF_5:
        connection.exec_driver_sql(statement)


_TABLES_OF_5 = (
    """CREATE TABLE label_sets (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    definition TEXT NOT NULL,
    space_id INTEGER,
    rows INTEGER NOT NULL,
    UNIQUE (name),
    FOREIGN KEY(space_id) REFERENCES spaces (id) ON DELETE SET NULL
)""",
    """CREATE TABLE labels (
    image_id INTEGER NOT NULL,
    set_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    probability FLOAT NOT NULL,
    PRIMARY KEY (image_id, set_id, name),
    FOREIGN KEY(image_id) REFERENCES images (id) ON DELETE CASCADE,
    FOREIGN KEY(set_id) REFERENCES label_sets (id) ON DELETE CASCADE
)
 WITHOUT ROWID""",
    "CREATE INDEX ix_labels_name ON labels (lower(name))",
    """CREATE TABLE label_examples (
    image_id INTEGER NOT NULL,
    set_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    is_right INTEGER NOT NULL,
    PRIMARY KEY (image_id, set_id, name),
    FOREIGN KEY(image_id) REFERENCES images (id) ON DELETE CASCADE,
    FOREIGN KEY(set_id) REFERENCES label_sets (id) ON DELETE CASCADE
)
 WITHOUT ROWID""",
    """CREATE TABLE readings (
    image_id INTEGER NOT NULL,
    reader TEXT NOT NULL,
    state TEXT NOT NULL,
    failure TEXT,
    PRIMARY KEY (image_id, reader),
    FOREIGN KEY(image_id) REFERENCES images (id) ON DELETE CASCADE
)
 WITHOUT ROWID""",
)


def _to_6(connection: sa.Connection) -> None:
    """Room for albums and for what stays out; places are found by an index.

    Cameras that do not know where they are write 0, 0, where there is nothing but sea.
    """
    for statement in _STATEMENTS_OF_6:
        connection.exec_driver_sql(statement)


_STATEMENTS_OF_6 = (
    "UPDATE images SET latitude = NULL, longitude = NULL WHERE latitude = 0 AND longitude = 0",
    "CREATE INDEX ix_images_latitude ON images (latitude) WHERE latitude IS NOT NULL",
    "CREATE INDEX ix_captions_place ON captions (text, image_id) WHERE source = 'place'",
    """CREATE TABLE albums (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    question TEXT,
    UNIQUE (name)
)""",
    """CREATE TABLE album_images (
    album_id INTEGER NOT NULL,
    image_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (album_id, image_id),
    FOREIGN KEY(album_id) REFERENCES albums (id) ON DELETE CASCADE,
    FOREIGN KEY(image_id) REFERENCES images (id) ON DELETE CASCADE
)
 WITHOUT ROWID""",
    "CREATE INDEX ix_album_images_image_id ON album_images (image_id)",
    """CREATE TABLE kept_out (
    path TEXT NOT NULL,
    PRIMARY KEY (path)
)
 WITHOUT ROWID""",
)


def _to_7(_connection: sa.Connection) -> None:
    """The tables stay. Who writes says what filters ask anew: programs before would not."""


STEPS: tuple[Step, ...] = (_to_2, _to_3, _to_4, _to_5, _to_6, _to_7)
"""`STEPS[n - 1]` leads from version n to n + 1. A step is never changed once it was released, and
uses no table of `schema.py`: those are of the newest version."""

SAME_TABLES = 6
"""The oldest version with the tables of the newest: where it cannot be written, it is read as it
is."""


def bring_up_to_date(
    database: Database, steps: Sequence[Step] = STEPS, newest: int = SCHEMA_VERSION
) -> None:
    """Make the tables where there are none, or run the steps from the version that is there.

    A catalog that is up to date is only read. Raises LibraryTooNewError for a version after
    `newest`, LibraryDamagedError for one that holds anything but tables of ours,
    LibraryUnusableError for one before `SAME_TABLES` that cannot be written, and what
    `Database.rebuilding` does.
    """
    found = 0
    if database.path.exists():
        with database.reading() as connection:
            found = _version(connection, database, newest)
    while found < newest:
        try:
            with database.rebuilding() as connection:
                # Another process may have been here since.
                found = _version(connection, database, newest)
                if found < newest:
                    found = _advance(connection, found, steps, newest)
        except LibraryUnusableError as error:
            if found == 0:
                raise
            if found >= SAME_TABLES and newest == SCHEMA_VERSION:
                return
            why = f"it has schema {found} and must once be brought to {newest}, but {error.why}"
            raise LibraryUnusableError(database.path.parent, why) from error


def _version(connection: sa.Connection, database: Database, newest: int) -> int:
    found = int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
    if found > newest:
        raise LibraryTooNewError(database.path.parent, found, newest)
    _require_tables(connection, database, are_ours=found > 0)
    return found


def _require_tables(connection: sa.Connection, database: Database, *, are_ours: bool) -> None:
    """Raise LibraryDamagedError where the catalog holds what no clipseek has made.

    A view in the place of a table may never end, and a trigger writes what nobody asked for.
    """
    made = connection.exec_driver_sql("SELECT type, name, sql FROM sqlite_master").all()
    for kind, name, sql in made:
        is_virtual = "VIRTUAL" in (sql or "").upper() and sql != TABLE
        if not are_ours or kind not in ("table", "index") or is_virtual:
            why = f"the catalog holds a {kind} {name!r}, which clipseek has not made"
            raise LibraryDamagedError(database.path.parent, why)


def _advance(connection: sa.Connection, found: int, steps: Sequence[Step], newest: int) -> int:
    """Make the tables of the newest version, or those of the next one; returns that version."""
    if found == 0:
        tables.create_all(connection)
        connection.exec_driver_sql(TABLE)
        connection.execute(sa.insert(settings).values(name=COMPLETE, value=READING))
        reached = newest
    else:
        steps[found - 1](connection)
        reached = found + 1
    connection.exec_driver_sql(f"PRAGMA user_version = {reached}")
    return reached
