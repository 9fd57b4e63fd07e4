"""Failures: the files that could not be indexed, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from searchengine.catalog.filters import at_or_under
from searchengine.catalog.records import FailedFile
from searchengine.catalog.sqlite.connection import Reads
from searchengine.catalog.sqlite.schema import failures
from searchengine.types import Failure, FailureKind, FileState

_KINDS = {kind.value: kind for kind in FailureKind}


class FailureReads(Reads):
    """What can be asked about failures."""

    def failures(self) -> list[Failure]:
        """Every failed file, by path."""
        with self._reading() as connection:
            found = connection.execute(sa.select(failures).order_by(failures.c.path))
            return [
                Failure(row.path, _kind(row.kind), row.reason, row.tried_with, row.failed_at)
                for row in found
            ]

    def failed_files(self) -> dict[str, FailedFile]:
        """Every failed file as it was when it failed, by path."""
        with self._reading() as connection:
            return {
                row.path: FailedFile(
                    FileState(row.path, row.size, row.mtime_ns, row.ctime_ns),
                    _kind(row.kind),
                    row.reason,
                    row.tried_with,
                )
                for row in connection.execute(sa.select(failures))
            }


def _kind(text: str) -> FailureKind:
    return _KINDS.get(text, FailureKind.UNKNOWN)


def add_failures(connection: sa.Connection, failed: Sequence[FailedFile]) -> None:
    """Record files and the reasons why they failed, now; the latest reason of a path stays."""
    if failed:
        now = datetime.now().replace(microsecond=0)
        insert = sqlite.insert(failures)
        latest = {column.name: insert.excluded[column.name] for column in failures.c}
        connection.execute(
            insert.on_conflict_do_update(index_elements=[failures.c.path], set_=latest),
            [
                {
                    **asdict(failure.file),
                    "kind": failure.kind.value,
                    "reason": failure.reason,
                    "tried_with": failure.tried_with,
                    "failed_at": now,
                }
                for failure in failed
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
