"""SQLite's errors as ours."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from searchengine.catalog.sqlite.values import BadValueError
from searchengine.errors import (
    ClipseekError,
    LibraryDamagedError,
    LibraryUnusableError,
    RefusedValueError,
    StorageFullError,
)


@contextmanager
def our_errors(library: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours.

    Those are StorageFullError, LibraryUnusableError, LibraryDamagedError, RefusedValueError for
    values that SQLite has no form for, and for text that UTF-8 cannot hold.
    """
    try:
        yield
    except sa.exc.DBAPIError as error:
        raise _as_ours(error.orig, library) from error
    except sqlite3.Error as error:
        raise _as_ours(error, library) from error
    except BadValueError as error:
        raise LibraryDamagedError(library, str(error)) from error
    except OverflowError as error:
        raise RefusedValueError(f"the catalog cannot hold a value: {error}") from error
    except UnicodeEncodeError as error:
        raise RefusedValueError(
            f"the catalog cannot hold a value: {error.object!r} is no Unicode text, and nothing in "
            "a library is named so; write it in UTF-8"
        ) from error


def _as_ours(error: BaseException | None, library: Path) -> ClipseekError:
    text = str(error)
    if "full" in text or "disk I/O" in text:
        return StorageFullError(library)
    is_empty = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_CONSTRAINT_NOTNULL
    has_no_form = isinstance(
        error, sqlite3.InterfaceError | sqlite3.ProgrammingError | sqlite3.DataError
    )
    if is_empty or has_no_form:
        return RefusedValueError(f"the catalog cannot hold a value: {text}")
    if isinstance(error, sqlite3.OperationalError):
        return LibraryUnusableError(library, text)
    return LibraryDamagedError(library, text)
