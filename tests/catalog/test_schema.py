"""The tables: as committed for their version, and fit for another database than SQLite."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from searchengine.catalog.catalog import Catalog
from searchengine.catalog.sqlite.schema import SCHEMA_VERSION, tables
from tests.support.catalogs import schema_of
from tests.support.places import DATA


def test_a_changed_table_raises_the_schema_version(tmp_path: Path) -> None:
    """Libraries of this version are out there: what they hold is in a file, once for all."""
    Catalog(tmp_path / "catalog.sqlite").close()
    committed = DATA / f"schema-{SCHEMA_VERSION}.sql"
    what_to_do = (
        f"the tables are not those of {committed.name}: raise SCHEMA_VERSION in schema.py, add a "
        "step to STEPS in migrations.py, and commit the new tables as another file beside this one"
    )
    assert committed.is_file(), what_to_do
    expected = committed.read_text(encoding="utf-8").split()
    assert schema_of(tmp_path / "catalog.sqlite") == expected, what_to_do


LONG = {
    "images": {"id", "size", "mtime_ns", "ctime_ns"},
    "failures": {"size", "mtime_ns", "ctime_ns"},
    "passed_over": {"files"},
    "checksums": {"space_id", "block", "rows", "crc"},
    "spaces": {"id"},
    "captions": {"id", "image_id"},
    "label_sets": {"id", "space_id", "rows"},
    "labels": {"image_id", "set_id"},
    "label_examples": {"image_id", "set_id"},
    "readings": {"image_id"},
    "embeddings": {"space_id", "row", "owner_id"},
    "albums": {"id"},
    "album_images": {"album_id", "image_id", "position"},
    "caption_embeddings": {"space_id", "row", "owner_id"},
}


@pytest.mark.parametrize("name", LONG)
def test_what_needs_64_bits_has_them_in_postgresql(name: str) -> None:
    """Where INTEGER has 32: a time in nanoseconds does not fit."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    created = str(CreateTable(tables.tables[name]).compile(dialect=dialect))
    found = re.findall(r'^\s*"?(\w+)"? BIG(?:INT|SERIAL)\b', created, re.MULTILINE)
    assert set(found) == LONG[name]


def test_sqlite_takes_64_bits(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path / "catalog.sqlite")
    with sqlite3.connect(catalog.path) as other:
        other.execute(
            "INSERT INTO failures VALUES ('/a', ?, ?, 'x', '', '', '2020-01-01 00:00:00', ?)",
            (2**62, -(2**62), 2**62),
        )
    other.close()
    file = catalog.failed_files()["/a"].file
    assert (file.size, file.mtime_ns, file.ctime_ns) == (2**62, -(2**62), 2**62)
    catalog.close()
