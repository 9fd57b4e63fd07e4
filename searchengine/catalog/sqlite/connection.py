"""The transactions on the SQLite file of a catalog.

Left alone, Python's sqlite3 begins a transaction with the first write, so that each SELECT sees a
moment of its own. Here every transaction is begun in SQL. Reads begin with BEGIN: the first one
fixes the moment that all of them see. Writes begin with BEGIN IMMEDIATE: a writer waits for another
one before it has read anything that the other changes.
"""

from __future__ import annotations

import sqlite3
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import sqlalchemy as sa

from searchengine.catalog.sqlite.faults import our_errors
from searchengine.catalog.sqlite.opening import (
    FileIdentity,
    ReadConnection,
    identity_of,
    open_to_read,
    open_to_write,
    state_of,
    tidy,
)
from searchengine.errors import (
    LibraryClosedError,
    LibraryDamagedError,
    LibraryReplacedError,
    LibraryUnusableError,
    RefusedValueError,
)
from searchengine.geography import distance

DISTANCE = "metres_between"
"""The function of `searchengine.geography.distance` in SQL: of latitude, longitude, and again."""

if TYPE_CHECKING:
    from searchengine.catalog.columns.changes import Follower, Watch

BUSY_SECONDS = 30
"""How long a statement waits for another process's transaction; those last milliseconds."""

IDLE_CONNECTIONS = 2
"""Connections that stay open for the next reads; opening one takes as long as a short search."""

MAX_PARAMETERS = 10_000
"""Values bound in one IN (...): SQLite allows 32,766."""

FETCHED_AT_A_TIME = 10_000
"""Records of a long answer: SQLAlchemy takes a third longer to hand them over one by one."""


class Reads(ABC):
    """What the reads of every subject stand on."""

    @abstractmethod
    def _reading(self) -> AbstractContextManager[sa.Connection]:
        """A connection inside a transaction; SQLite's errors become ours."""


class OneConnection(Reads):
    """Reads over one connection. Any thread may ask; one waits for the other."""

    def __init__(self, connection: sa.Connection, library: Path) -> None:
        """They are of one moment where `connection` is in a transaction, else each of its own."""
        self._connection = connection
        self._library = library
        self._lock = threading.RLock()

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with self._lock, our_errors(self._library):
            yield self._connection


class Watcher(Protocol):
    """Who looks on while a transaction writes."""

    def begun(self, connection: sa.Connection) -> None:
        """It has begun, and changed nothing yet."""

    def ending(self, connection: sa.Connection) -> Callable[[], None] | None:
        """It is about to be committed: what is to be done after that."""


class Database:
    """The connections to one SQLite file. Any thread may use it.

    What reads is opened read-only. Where SQLite cannot make or use the files that it keeps beside a
    catalog (no right to write there, a full disk, a writer that was stopped), the catalog is read
    as it lies there, as long as nothing waits beside it to be written into it.
    """

    def __init__(self, path: Path) -> None:
        """Nothing is opened or made before the first transaction."""
        self.path = path
        self.guard: Callable[[], None] | None = None
        """Asked inside each transaction that writes, before it reads or changes anything."""
        self.watcher: Callable[[], Watcher] | None = None
        self.engine = sa.create_engine(
            "sqlite://",
            creator=self._open_to_read,
            poolclass=sa.QueuePool,
            pool_size=IDLE_CONNECTIONS,
            max_overflow=-1,  # as many as there are threads that ask: none waits for another's end
        )
        sa.event.listen(self.engine, "checkout", self._check_out)
        self._file: FileIdentity | None = None
        self._is_shared = True
        """Whether SQLite's files beside it could be made and used."""
        self._wrote = False
        self._is_closed = False

    @cached_property
    def _writer(self) -> sa.Engine:
        return sa.create_engine("sqlite://", creator=self._open_to_write, poolclass=sa.NullPool)

    def close(self) -> None:
        """Close every connection to the file, and tidy up what SQLite keeps beside it.

        It may be closed again; nothing else is answered from then on.
        """
        self._is_closed = True
        self.engine.dispose()
        if self._is_shared and self._file is not None and self._file == identity_of(self.path):
            tidy(self.path, wrote=self._wrote)

    def _open_to_read(self) -> ReadConnection:
        self._require_same_file()
        opened = open_to_read(self.path)
        opened.create_function(DISTANCE, 4, distance, deterministic=True)
        self._is_shared = self._is_shared and opened.seen is None
        self._file = self._file or identity_of(self.path)
        return opened

    def _open_to_write(self) -> sqlite3.Connection:
        self._require_same_file()
        self._wrote = True
        opened = open_to_write(self.path, create=self._file is None, wait=BUSY_SECONDS)
        self._file = self._file or identity_of(self.path)
        return opened

    def _check_out(self, driver: ReadConnection, *_: object) -> None:
        self._require_same_file()
        if driver.seen not in (None, state_of(self.path)):
            raise sa.exc.DisconnectionError("written since: opened anew")

    def _require_same_file(self) -> None:
        """Raises LibraryReplacedError: SQLite would go on answering from a file without a name.

        And LibraryClosedError where it was closed: nobody would close what is opened now.
        """
        if self._is_closed:
            raise LibraryClosedError(self.path.parent)
        if self._file is not None and self._file != identity_of(self.path):
            raise LibraryReplacedError(self.path.parent)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A transaction that sees one moment: that of its first statement.

        Raises StorageFullError, LibraryUnusableError, LibraryReplacedError and LibraryDamagedError,
        as all of these.
        """
        with our_errors(self.path.parent), self.engine.begin() as connection:
            driver = _driver(connection)
            driver.execute("BEGIN")
            yield connection
            seen = cast(ReadConnection, driver).seen
            if seen not in (None, state_of(self.path)):
                why = "it was written to while it was read without SQLite's locks; try again"
                raise LibraryUnusableError(self.path.parent, why)

    @contextmanager
    def reading_now(self) -> Iterator[sa.Connection]:
        """As `reading`; the moment is that of entering."""
        with self.reading() as connection:
            _driver(connection).execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
            yield connection

    @contextmanager
    def asking(self) -> Iterator[sa.Connection]:
        """A connection without a transaction; raises as `reading`."""
        with our_errors(self.path.parent), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction that no other process writes beside; it waits for one that does.

        Raises as `reading`, and RefusedValueError for what SQLite cannot hold: numbers over 64
        bits, text with lone surrogates, values of other types.
        """
        try:
            with our_errors(self.path.parent), self._writer.begin() as connection:
                _driver(connection).execute("BEGIN IMMEDIATE")
                if self.guard is not None:
                    self.guard()
                watcher = None if self.watcher is None else self.watcher()
                if watcher is not None:
                    watcher.begun(connection)
                yield connection
                committed = None if watcher is None else watcher.ending(connection)
        except sa.exc.StatementError as error:
            raise RefusedValueError(f"the catalog cannot hold a value: {error}") from error
        if committed is not None:
            committed()

    @contextmanager
    def rebuilding(self) -> Iterator[sa.Connection]:
        """As `writing`, for changes of tables; references are checked at the end, not before.

        With foreign keys on, dropping a table deletes its rows first, and what refers to them goes
        too. SQLite changes that setting outside a transaction only.
        Raises LibraryDamagedError, and changes nothing, where a reference leads nowhere at the end.
        """
        with our_errors(self.path.parent), self._writer.connect() as connection:
            driver = _driver(connection)
            driver.execute("PRAGMA foreign_keys = OFF")
            try:
                with connection.begin():
                    driver.execute("BEGIN IMMEDIATE")
                    yield connection
                    _check_references(driver, self.path.parent)
            finally:
                driver.execute("PRAGMA foreign_keys = ON")


class Watched:
    """What the catalog does where it writes for those who keep what filters ask elsewhere too."""

    _database: Database

    @cached_property
    def _watch(self) -> Watch:
        from searchengine.catalog.columns.changes import Watch

        return Watch()

    def _watcher(self) -> Watcher:
        return self._watch

    @contextmanager
    def followed_by(self, follower: Follower) -> Iterator[None]:
        """Inside it `follower` is told what each transaction changes for filters."""
        self._watch.follower = follower
        try:
            yield
        finally:
            self._watch.follower = None

    def new_filter_state(self) -> str:
        """Let columns that were made so far be of another state than the catalog."""
        from searchengine.catalog.columns.changes import new_state

        with self._database.writing() as connection:
            return new_state(connection)


def _driver(connection: sa.Connection) -> sqlite3.Connection:
    """What begins a transaction: a listener to SQLAlchemy's "begin" slows down every statement.

    Two short reads take 48 us so, as without any BEGIN, and 77 us with the listener of SQLAlchemy's
    manual.
    """
    driver: Any = connection.connection.dbapi_connection
    return cast(sqlite3.Connection, driver)


def _check_references(driver: sqlite3.Connection, library: Path) -> None:
    for table, _, owner, _ in driver.execute("PRAGMA foreign_key_check").fetchall():
        raise LibraryDamagedError(library, f"{table} refers to {owner} that are not there")


def chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """The values in runs of MAX_PARAMETERS."""
    for start in range(0, len(values), MAX_PARAMETERS):
        yield values[start : start + MAX_PARAMETERS]
