"""Opening a catalog: wherever it lies, by several at once, and without waiting for a writer."""

from __future__ import annotations

import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from searchengine.catalog.catalog import Catalog
from searchengine.catalog.sqlite import connection
from searchengine.catalog.sqlite.schema import SCHEMA_VERSION, tables
from searchengine.errors import LibraryError, LibraryUnusableError
from tests.support.catalogs import ASKED, make_catalog


@pytest.mark.parametrize("name", ["what?now", "100%25", "a?mode=ro", "per%cent#", "a b&c", "ü:@;"])
def test_any_directory_name_is_only_a_name(tmp_path: Path, name: str) -> None:
    directory = tmp_path / name
    directory.mkdir()
    make_catalog(directory / "catalog.sqlite").close()
    assert os.listdir(tmp_path) == [name]
    assert os.listdir(directory) == ["catalog.sqlite"]
    again = Catalog(directory / "catalog.sqlite")
    assert again.counts()["images"] == 4
    again.close()


def test_opening_and_reading_need_no_writers_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "catalog.sqlite"
    make_catalog(path).close()
    monkeypatch.setattr(connection, "BUSY_SECONDS", 0.1)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    catalog = Catalog(path)
    assert catalog.counts()["images"] == 4
    with pytest.raises(LibraryUnusableError, match="is locked"):
        catalog.add_captions([])
    holder.execute("COMMIT")
    assert catalog.add_captions([]) == (0, [])
    catalog.close()
    holder.close()


def test_several_make_one_new_catalog_together(tmp_path: Path) -> None:
    path, openers = tmp_path / "catalog.sqlite", 8
    together = Barrier(openers, timeout=60)

    def open_and_count(_: int) -> dict[str, int]:
        together.wait()
        catalog = Catalog(path)
        found = catalog.counts()
        catalog.close()
        return found

    with ThreadPoolExecutor(openers) as pool:
        found = list(pool.map(open_and_count, range(openers)))
    assert found == [{"images": 0, "failures": 0, "captions": 0}] * openers
    with sqlite3.connect(path) as made:
        assert made.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
    made.close()


@pytest.mark.parametrize("question", ASKED)
def test_sqlites_errors_are_the_librarys(tmp_path: Path, question: str) -> None:
    catalog = make_catalog(tmp_path / "catalog.sqlite")
    with sqlite3.connect(catalog.path) as other:
        for table in (*tables.tables, "words"):
            other.execute(f"ALTER TABLE {table} RENAME TO other_{table}")
    other.close()
    with pytest.raises(LibraryError, match=rf"{tmp_path}: no such (fts5 )?table"):
        ASKED[question](catalog)
    with catalog.snapshot() as now, pytest.raises(LibraryError, match=r"no such (fts5 )?table"):
        ASKED[question](now)
    catalog.close()
