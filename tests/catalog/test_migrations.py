"""Schema versions run forward, one transaction a step, with planted steps."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from searchengine.catalog.sqlite.connection import Database
from searchengine.catalog.sqlite.migrations import STEPS, Step, bring_up_to_date
from searchengine.catalog.sqlite.schema import SCHEMA_VERSION, tables
from searchengine.catalog.sqlite.words import SHADOWS
from searchengine.errors import LibraryDamagedError, LibraryTooNewError
from tests.support.catalogs import make_catalog


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A catalog that says it is of version 1: the steps here are planted."""
    make_catalog(tmp_path / "catalog.sqlite").close()
    other = sqlite3.connect(tmp_path / "catalog.sqlite")
    other.execute("PRAGMA user_version = 1")
    other.close()
    opened = Database(tmp_path / "catalog.sqlite")
    yield opened
    opened.close()


def _ask(database: Database, sql: str) -> list[tuple[object, ...]]:
    """An answer by other means than the program's."""
    connection = sqlite3.connect(f"file:{database.path}?mode=ro", uri=True)
    found = connection.execute(sql).fetchall()
    connection.close()
    return found


def _version(database: Database) -> int:
    [(version,)] = _ask(database, "PRAGMA user_version")
    return int(str(version))


def _tables(database: Database) -> set[str]:
    names = _ask(database, "SELECT name FROM sqlite_master WHERE type = 'table'")
    return {str(name) for (name,) in names} - {"sqlite_sequence"}


def _add_table(connection: sa.Connection) -> None:
    connection.exec_driver_sql("CREATE TABLE stickers (name TEXT NOT NULL)")
    connection.exec_driver_sql("INSERT INTO stickers SELECT path FROM images ORDER BY id")


def _add_column(connection: sa.Connection) -> None:
    connection.exec_driver_sql("ALTER TABLE stickers ADD COLUMN size INTEGER NOT NULL DEFAULT 7")


def _fail_half_way(connection: sa.Connection) -> None:
    connection.exec_driver_sql("CREATE TABLE half (name TEXT)")
    connection.exec_driver_sql("DELETE FROM captions")
    raise ZeroDivisionError


def test_there_is_a_step_for_every_version_after_the_first() -> None:
    assert len(STEPS) == SCHEMA_VERSION - 1


def test_steps_run_in_order_and_once(database: Database) -> None:
    bring_up_to_date(database, (_add_table, _add_column), 3)
    bring_up_to_date(database, (_add_table, _add_column), 3)
    assert _version(database) == 3
    assert _ask(database, "SELECT name, size FROM stickers LIMIT 1") == [("/photos/a/red.jpg", 7)]


def test_a_library_between_two_versions_runs_what_is_left(database: Database) -> None:
    bring_up_to_date(database, (_add_table,), 2)
    bring_up_to_date(database, (_fail_half_way, _add_column), 3)
    assert _version(database) == 3
    assert _ask(database, "SELECT count(*), min(size) FROM stickers") == [(4, 7)]


@pytest.mark.parametrize(
    ("steps", "reached"), [((_fail_half_way,), 1), ((_add_table, _fail_half_way), 2)]
)
def test_a_step_that_fails_half_way_leaves_the_version_before_it(
    database: Database, steps: tuple[Step, ...], reached: int
) -> None:
    with pytest.raises(ZeroDivisionError):
        bring_up_to_date(database, steps, 1 + len(steps))
    assert _version(database) == reached
    added = {"stickers"} if reached == 2 else set()
    assert _tables(database) == set(tables.tables) | SHADOWS | {"words"} | added
    assert _ask(database, "SELECT count(*) FROM captions") == [(3,)]
    bring_up_to_date(database, (_add_table, _add_column), 3)
    assert _version(database) == 3


def test_a_newer_version_is_refused(database: Database) -> None:
    bring_up_to_date(database, (_add_table,), 2)
    with pytest.raises(LibraryTooNewError, match="has schema 2, this clipseek knows up to 1"):
        bring_up_to_date(database, (), 1)


def test_a_new_catalog_is_made_at_the_newest_version_without_a_step(tmp_path: Path) -> None:
    database = Database(tmp_path / "catalog.sqlite")
    bring_up_to_date(database, (_fail_half_way,), 2)
    assert _version(database) == 2
    assert _tables(database) == set(tables.tables) | SHADOWS | {"words"}
    database.close()


def test_two_that_open_at_once_migrate_once(database: Database) -> None:
    """The second reads the old version while the first one's step runs, waits, and looks again."""
    second = Database(database.path)
    runs: list[str] = []

    def second_run(_: sa.Connection) -> None:
        runs.append("second")

    waiting = threading.Thread(target=lambda: bring_up_to_date(second, (second_run,), 2))

    def first_run(connection: sa.Connection) -> None:
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive(), "it does not wait for the step that runs"
        runs.append("first")
        _add_table(connection)

    bring_up_to_date(database, (first_run,), 2)
    waiting.join(60)
    assert not waiting.is_alive()
    assert runs == ["first"]
    assert _version(database) == 2
    second.close()


def _rebuild_images(connection: sa.Connection) -> None:
    """As SQLite's manual says: a table beside, its rows copied, the old one dropped."""
    connection.exec_driver_sql(
        "CREATE TABLE new_images (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, path TEXT)"
    )
    connection.exec_driver_sql("INSERT INTO new_images SELECT id, path FROM images")
    connection.exec_driver_sql("DROP TABLE images")
    connection.exec_driver_sql("ALTER TABLE new_images RENAME TO images")


def test_a_table_rebuilt_under_its_name_keeps_what_refers_to_it(database: Database) -> None:
    owned = _ask(database, "SELECT * FROM embeddings")
    bring_up_to_date(database, (_rebuild_images,), 2)
    assert _ask(database, "SELECT * FROM embeddings") == owned
    assert _ask(database, "SELECT count(*) FROM captions") == [(3,)]
    assert _ask(database, "SELECT max(id) FROM images") == [(5,)]
    with database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM images WHERE id = 1")
    assert _ask(database, "SELECT count(*) FROM captions") == [(1,)], "foreign keys stayed off"


def test_a_step_that_leaves_a_reference_to_nothing_is_undone(database: Database) -> None:
    def drop_red(connection: sa.Connection) -> None:
        connection.exec_driver_sql("DELETE FROM images WHERE id = 1")

    with pytest.raises(LibraryDamagedError, match="refers to images that are not there"):
        bring_up_to_date(database, (drop_red,), 2)
    assert _version(database) == 1
    assert _ask(database, "SELECT count(*) FROM images") == [(4,)]
