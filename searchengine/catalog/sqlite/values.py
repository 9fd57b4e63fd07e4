"""Values of a catalog, held against what their columns may hold when they are read.

SQLite keeps any kind of value in any column, and the file may be damaged or somebody else's. What
is handed out is of the kind that was written, or an error that names the column.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any

import sqlalchemy as sa

MOST = 2**63 - 1
"""SQLite's integers have 64 bits."""


class BadValueError(Exception):
    """A column holds what it cannot; `connection.our_errors` says in which library."""


class Checked(sa.TypeDecorator[Any]):
    """A type of SQLAlchemy whose values are looked at as they come out of the file."""

    impl = sa.Text
    cache_ok = True

    def __init__(
        self,
        stored: sa.types.TypeEngine[Any],
        column: str,
        kind: type,
        *,
        nullable: bool = False,
        least: int = -MOST - 1,
        most: int = MOST,
        is_name: bool = False,
    ) -> None:
        """`column` is the name for messages, `kind` what sqlite3 makes of a right value.

        Whole numbers lie in [least, most]; a name holds no NUL.
        """
        super().__init__()
        self.impl = stored  # type: ignore[assignment]  # a class only where all are alike
        self.stored, self.column, self.kind = stored, column, kind
        self.nullable, self.least, self.most = nullable, least, most
        self.is_name = is_name

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Callable[[Any], Any]:
        """What turns a value of the file into one of the program. It raises BadValueError."""
        read = self.impl_instance.result_processor(dialect, coltype)
        kind, is_right = self.kind, self._is_right

        def process(value: Any) -> Any:  # noqa: ANN401 - whatever the file holds
            if value is None and self.nullable:
                return None
            if type(value) is not kind or not is_right(value):
                raise self._bad(value)
            if read is None:
                return value
            try:
                return read(value)
            except (ValueError, TypeError) as error:
                raise self._bad(value) from error

        return process

    def _is_right(self, value: Any) -> bool:  # noqa: ANN401 - of `kind`
        if self.kind is int:
            return bool(self.least <= value <= self.most)
        if self.kind is float:
            return isfinite(value)
        return self.kind is not str or not self.is_name or "\0" not in value

    def _bad(self, value: object) -> BadValueError:
        return BadValueError(f"{self.column} holds {ascii(value)[:60]}")


def text(column: str, *, nullable: bool = False) -> Checked:
    """Any text."""
    return Checked(sa.Text(), column, str, nullable=nullable)


def name(column: str) -> Checked:
    """Text that is a path or a name: without NUL, which the system takes in neither."""
    return Checked(sa.Text(), column, str, is_name=True)
