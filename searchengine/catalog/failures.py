"""Failures: the files that could not be indexed, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from searchengine.catalog.connection import Reads
from searchengine.catalog.filters import at_or_under
from searchengine.catalog.schema import failures
from searchengine.types import Failure, FileState


class FailureReads(Reads):
    """What can be asked about failures."""

    def failures(self) -> list[Failure]:
        """Every failed file, by path."""
        query = sa.select(failures.c.path, failures.c.reason, failures.c.failed_at)
        with self._reading() as connection:
            found = connection.execute(query.order_by(failures.c.path))
            return [Failure(**row._mapping) for row in found]

    def failed_files(self) -> dict[str, tuple[int, int]]:
        """Size and mtime_ns of every failed file at the time it failed, by path."""
        query = sa.select(failures.c.path, failures.c.size, failures.c.mtime_ns)
        with self._reading() as connection:
            return {path: (size, mtime) for path, size, mtime in connection.execute(query)}


def add_failures(connection: sa.Connection, failed: Sequence[tuple[FileState, str]]) -> None:
    """Record files and the reasons why they failed, now; the latest reason of a path stays."""
    if failed:
        now = datetime.now().replace(microsecond=0)
        insert = sqlite.insert(failures)
        latest = {
            name: insert.excluded[name] for name in ("size", "mtime_ns", "reason", "failed_at")
        }
        connection.execute(
            insert.on_conflict_do_update(index_elements=[failures.c.path], set_=latest),
            [
                {**asdict(file), "reason": reason, "kind": "", "tried_with": "", "failed_at": now}
                for file, reason in failed
            ],
        )


def clear_failures(connection: sa.Connection, files: Sequence[FileState]) -> None:
    """Drop the failures of these files: they are indexed now."""
    _drop(connection, [file.path for file in files])


def forget_failures(connection: sa.Connection, roots: Sequence[str], keep: set[str]) -> None:
    """Drop the failures at or under `roots` that are not in `keep`: those files are gone."""
    inside = sa.or_(*(at_or_under(root, failures.c.path) for root in roots))
    listed = connection.execute(sa.select(failures.c.path).where(inside)).scalars()
    _drop(connection, [path for path in listed if path not in keep])


def _drop(connection: sa.Connection, paths: Sequence[str]) -> None:
    if paths:
        connection.execute(
            sa.delete(failures).where(failures.c.path == sa.bindparam("gone")),
            [{"gone": path} for path in paths],
        )
