"""Opening the SQLite file of a catalog: to write, to read, and to read where nobody may write.

In WAL mode SQLite keeps two files beside a catalog while it is open, and even who reads has to make
them. Where that cannot be, the catalog can still be read as it lies there ("immutable"): all of it
is in the one file as long as neither a log of writes nor a journal lies beside it. With one, as in
a snapshot of a disk or beside a writer that was stopped, a copy of both is read. Nothing is locked
then, so each transaction looks whether the files are as they were.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import TypeAlias

READ_BUSY_SECONDS = 5
"""How long a read waits where another process holds all of the catalog. Who opens or closes it as
the only one does, for milliseconds: longer than this only a process that was stopped."""

TIDY_SECONDS = 0.1
"""How long the last step of closing waits for others: it may be left to them."""

FileIdentity: TypeAlias = tuple[int, int]
"""Device and inode."""

FileState: TypeAlias = tuple[int, ...]
"""What changes when a file or one of those beside it is written."""

_LOGS = ("-wal", "-journal")
"""What lies beside a catalog and holds a part of it, where it holds anything."""

_CANNOT_SHARE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_READONLY,
    }
)
"""What SQLite says where it cannot make, write or lock the files beside a catalog."""


class ReadConnection(sqlite3.Connection):
    """A connection that cannot write."""

    seen: FileState | None = None
    """The state of the file it was opened on; None where SQLite's locks keep its reads together."""
    place: tempfile.TemporaryDirectory[str] | None = None
    """Of the copy that it reads, where it reads one."""

    def close(self) -> None:
        """Close it; the copy goes."""
        super().close()
        if self.place is not None:
            self.place.cleanup()


def open_to_read(path: Path) -> ReadConnection:
    """A read-only connection to the catalog at `path`. Raises sqlite3.Error and OSError."""
    try:
        return _connect_to_read(path, "mode=ro")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in _CANNOT_SHARE:
            raise
        state = state_of(path)
        opened = _opened_as_it_lies(path) if _is_whole(path) else _opened_copy(path)
        if state_of(path) != state:
            opened.close()
            raise
        opened.seen = state
        return opened


def open_to_write(path: Path, *, create: bool, wait: float) -> sqlite3.Connection:
    """A connection that may write to the catalog at `path`, made there with `create`.

    It waits `wait` seconds for another process's transaction. Raises sqlite3.Error.
    """
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={'rwc' if create else 'rw'}",
        uri=True,
        timeout=wait,
        isolation_level=None,  # no BEGIN of its own
        check_same_thread=False,
    )
    try:
        connection.execute("PRAGMA trusted_schema = OFF")
        _write_ahead(connection, wait)
        # With WAL, a power cut loses the last transactions at most, never consistency.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def tidy(path: Path, *, wrote: bool) -> None:
    """Bring what was written into the catalog, and take away the files beside it.

    Only where no other process has it open. Closing the last connection that may write does the
    same, but with every reader locked out meanwhile; what it is left to do here takes no time. One
    that may only read leaves the files, and who did not write leaves them where they hold anything.
    """
    log = _beside(path, "-wal")
    with suppress(sqlite3.Error, OSError):
        if not log.exists() or not (wrote or log.stat().st_size == 0):
            return
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=TIDY_SECONDS
        )
        try:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            connection.close()


def identity_of(path: Path) -> FileIdentity | None:
    """Which file is at `path`; None where none is seen."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def state_of(path: Path) -> FileState:
    """The state of the catalog at `path` and of what lies beside it, now."""
    seen: list[int] = []
    for each in (path, *(_beside(path, suffix) for suffix in _LOGS)):
        try:
            status = each.stat()
        except OSError:
            seen += [0, 0]
        else:
            seen += [status.st_mtime_ns, status.st_size]
    return tuple(seen)


def _connect_to_read(path: Path, how: str) -> ReadConnection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?{how}",
        uri=True,
        timeout=READ_BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
        factory=ReadConnection,
    )
    try:
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _is_whole(path: Path) -> bool:
    """Whether everything that was written to the catalog is in the file itself."""
    for suffix in _LOGS:
        try:
            if os.stat(_beside(path, suffix)).st_size:
                return False
        except FileNotFoundError:
            continue
        except OSError:
            return False
    return True


def _opened_as_it_lies(path: Path) -> ReadConnection:
    return _connect_to_read(path, "mode=ro&immutable=1")


def _opened_copy(path: Path) -> ReadConnection:
    """A connection to a copy of the catalog with what lies beside it, made whole."""
    place = tempfile.TemporaryDirectory(prefix="clipseek-")
    try:
        copy = Path(place.name, path.name)
        shutil.copyfile(path, copy)
        for suffix in _LOGS:
            with suppress(FileNotFoundError):
                shutil.copyfile(_beside(path, suffix), _beside(copy, suffix))
        with closing(sqlite3.connect(copy)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        opened = _opened_as_it_lies(copy)
    except BaseException:
        place.cleanup()
        raise
    opened.place = place
    return opened


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _write_ahead(connection: sqlite3.Connection, wait: float) -> None:
    """Where two open a new file at once, SQLite tells one that it is locked, without any wait."""
    until = time.monotonic() + wait
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return
