"""What is wrong inside a catalog: by SQLite's own checks, and by what its tables say together."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import sqlalchemy as sa

from searchengine.catalog.sqlite.connection import FETCHED_AT_A_TIME
from searchengine.catalog.sqlite.schema import caption_embeddings, embeddings, spaces, tables
from searchengine.catalog.sqlite.values import BadValueError
from searchengine.catalog.sqlite.words import faults_of_words

MOST_FAULTS = 100
"""Sentences of SQLite's own check that are taken: a torn file has thousands."""


def find_faults(connection: sa.Connection) -> list[str]:
    """A sentence a fault; reads all of the catalog."""
    faults: list[str] = []
    for look in (_pages, _references, _values, _rows, faults_of_words):
        faults += _said(look, connection)
    return faults


def _said(look: Callable[[sa.Connection], Iterator[str]], connection: sa.Connection) -> list[str]:
    said: list[str] = []
    try:
        said.extend(look(connection))
    except sa.exc.DBAPIError as error:
        said.append(str(error.orig))
    return said


def _pages(connection: sa.Connection) -> Iterator[str]:
    for line in connection.exec_driver_sql(f"PRAGMA integrity_check({MOST_FAULTS})").scalars():
        if line != "ok":
            yield " ".join(str(line).split())


def _references(connection: sa.Connection) -> Iterator[str]:
    for table, _, owner, _ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
        yield f"{table} refers to {owner} that are not there"


def _values(connection: sa.Connection) -> Iterator[str]:
    for table in tables.sorted_tables:
        try:
            for _ in connection.execute(sa.select(table)).partitions(FETCHED_AT_A_TIME):
                pass
        except BadValueError as error:
            yield str(error)


def _rows(connection: sa.Connection) -> Iterator[str]:
    """Every row of a vector file below the highest has one record."""
    for table in (embeddings, caption_embeddings):
        counted = (
            sa.select(spaces.c.name, sa.func.count(), sa.func.max(table.c.row))
            .join(spaces, spaces.c.id == table.c.space_id)
            .group_by(spaces.c.id)
        )
        for name, count, highest in connection.execute(counted):
            if count != highest + 1:
                yield f"{table.name} lists {count:,} of {highest + 1:,} rows of space {name}"
