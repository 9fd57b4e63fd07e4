"""Tables as parquet, a column a list. The home of pyarrow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

from searchengine.errors import InputError, MissingExtraError, first_line
from searchengine.types import FileState, ImageEntry, ImageFacts

FILE = ("path", "size", "mtime_ns", "ctime_ns")
"""The columns of `FileState`, by their names and in their order."""

FACTS = ("width", "height", "format", "taken_at", "camera", "latitude", "longitude", "taken_from")
"""The columns of `ImageFacts`, by their names."""

_KINDS: dict[str, str] = {
    "path": "string",
    "size": "int64",
    "mtime_ns": "int64",
    "ctime_ns": "int64",
    "content_hash": "binary",
    "width": "int32",
    "height": "int32",
    "format": "string",
    "taken_at": "timestamp[us]",
    "camera": "string",
    "latitude": "float64",
    "longitude": "float64",
    "taken_from": "string",
    "kind": "string",
    "reason": "string",
    "tried_with": "string",
    "shard": "string",
    "input": "string",
    "text": "string",
    "image_path": "string",
}
"""The type of the columns that we write, in Arrow's words; of others Arrow sees it."""

Columns = Mapping[str, Sequence[Any]]


def to_parquet(columns: Columns) -> bytes:
    """A parquet file of columns of one length, each of the type its name has in `_KINDS`."""
    pa, pq = _arrow()
    table = pa.table(
        {name: pa.array(values, _KINDS.get(name)) for name, values in columns.items()},
    )
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return bytes(sink.getvalue())


def from_parquet(data: bytes, names: Sequence[str]) -> dict[str, list[Any]]:
    """These columns of a parquet file that `to_parquet` made. Raises ValueError for another one."""
    pa, pq = _arrow()
    try:
        table = pq.read_table(pa.BufferReader(data), columns=list(names))
        found = {field.name: field.type for field in table.schema}
        wanted = {
            name: pa.type_for_alias(_KINDS[name]) if name in _KINDS else found.get(name)
            for name in names
        }
        if found == wanted:
            return dict(table.to_pydict())
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"no parquet file: {first_line(error)}") from error
    raise ValueError(f"its columns are {found}, not {wanted}")


def columns_of_entries(entries: Sequence[ImageEntry]) -> Columns:
    """What a part says of its images, in the order of its rows."""
    return {
        **columns_of_files([entry.file for entry in entries]),
        "content_hash": [entry.content_hash for entry in entries],
        **{name: [getattr(entry.facts, name) for entry in entries] for name in FACTS},
    }


def entries_of_columns(columns: Columns) -> list[ImageEntry]:
    """As they were given to `columns_of_entries`."""
    files, facts = files_of_columns(columns), zip(*(columns[name] for name in FACTS), strict=True)
    return [
        ImageEntry(file, content, ImageFacts(**dict(zip(FACTS, said, strict=True))))
        for file, content, said in zip(files, columns["content_hash"], facts, strict=True)
    ]


def columns_of_files(files: Sequence[FileState]) -> dict[str, list[Any]]:
    """What is said of files, a row each."""
    return {name: [getattr(file, name) for file in files] for name in FILE}


def files_of_columns(columns: Columns) -> list[FileState]:
    """As they were given to `columns_of_files`."""
    return [FileState(*row) for row in zip(*(columns[name] for name in FILE), strict=True)]


def row_groups(file: IO[bytes]) -> list[int]:
    """How many rows each row group of a parquet file has, and none is read."""
    _, pq = _arrow()
    found = pq.ParquetFile(file).metadata
    return [found.row_group(number).num_rows for number in range(found.num_row_groups)]


@dataclass(frozen=True, slots=True)
class Cell:
    """A value in a parquet file, and where."""

    column: str
    group: int
    row: int
    """In its group."""
    value: Any


def cells(file: IO[bytes], groups: Sequence[int], columns: Sequence[str]) -> Iterator[Cell]:
    """The cells of these row groups in the first of `columns` that there is.

    Raises InputError where there is none.
    """
    _, pq = _arrow()
    table = pq.ParquetFile(file)
    there = table.schema_arrow.names
    column = next((name for name in columns if name in there), None)
    if column is None:
        raise InputError(f"it has neither a column {' nor '.join(columns)}, but {', '.join(there)}")
    for group in groups:
        batches = table.iter_batches(256, row_groups=[group], columns=[column])
        values = (value for batch in batches for value in batch.column(0).to_pylist())
        for row, value in enumerate(values):
            yield Cell(column, group, row, value)


def _arrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError("libraries in parts need pyarrow", "shards") from error
    return pyarrow, pyarrow.parquet
