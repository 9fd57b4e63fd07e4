"""Tables of parquet, through the one package that reads and writes them here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from searchengine.errors import CaptionFileError, InputError, MissingExtraError, reason_of

_ROWS_AT_A_TIME = 256
"""Rows may hold whole pictures."""


def require() -> Any:  # noqa: ANN401 - a module without types
    """The package. Raises MissingExtraError without it."""
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError("tables of parquet need pyarrow", "parquet") from error
    return pyarrow


def count_rows(path: Path) -> int:
    """How many rows a table says that it has. Raises as `read_rows`."""
    pyarrow = require()
    with _reading(path):
        return int(pyarrow.parquet.read_metadata(path).num_rows)


def read_rows(path: Path, wanted: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The rows of a table, with those of the `wanted` columns that it has.

    Raises CaptionFileError where it cannot be read or has none of them, and MissingExtraError.
    """
    pyarrow = require()
    with _reading(path):
        table = pyarrow.parquet.ParquetFile(path)
        there = table.schema_arrow.names
        columns = [name for name in wanted if name in there]
        if not columns:
            raise CaptionFileError(
                f"{path}: has the columns {', '.join(there)}, and none of {', '.join(wanted)}"
            )
        for batch in table.iter_batches(_ROWS_AT_A_TIME, columns=columns):
            yield from batch.to_pylist()


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except (require().ArrowException, UnicodeDecodeError, OSError) as error:
        raise CaptionFileError(f"{path}: not a table that can be read: {error}") from error


def write_rows(path: Path, columns: Mapping[str, Sequence[str]]) -> None:
    """Write a table of texts. Raises InputError where that cannot be, and MissingExtraError."""
    pyarrow = require()
    try:
        pyarrow.parquet.write_table(pyarrow.table(dict(columns)), path)
    except OSError as error:
        raise InputError(f"cannot write {path}: {reason_of(error)}") from error
