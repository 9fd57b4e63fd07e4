"""The pictures in a shard: loose files, members of a tar that is read as a stream, rows of a table.

Bytes of a tar or a table are read in the order they lie in, by who takes the members; those of
loose files by the threads that decode.
"""

from __future__ import annotations

import errno
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any, NoReturn

from indexers.passing import NOT_UTF8
from indexers.sharded.plan import Shard
from indexers.sharded.sources import Kind
from searchengine.errors import (
    FileTooLargeError,
    StorageError,
    UnreadableImageError,
    first_line,
)
from searchengine.files import file_state, read_whole
from searchengine.images.formats import is_image_name
from searchengine.paths import escaped, is_text, is_url
from searchengine.shards.storage import is_of_object, open_input
from searchengine.shards.tables import cells
from searchengine.tars import open_tar
from searchengine.types import FileState

PAUSES = (0.5, 3.0)
"""Seconds before an object is asked for again whose storage stumbled."""


@dataclass(frozen=True, slots=True)
class Picture:
    """The bytes of a picture, and the file that they are of."""

    file: FileState
    data: bytes


@dataclass(frozen=True, slots=True)
class Member:
    """A picture of a shard."""

    name: str
    """Its path: a URL, an absolute path, or one of these with the name inside it."""
    read: Callable[[int], Picture]
    """The bytes, up to so many. Raises what `searchengine.files.read_whole` does."""


def members(shard: Shard, limit: int) -> Iterator[Member]:
    """The pictures of a shard, in order; larger ones than `limit` bytes are not held.

    Each has a name of its own that a library can hold. Raises OSError, tarfile.TarError and what
    the storage raises where the shard as a whole cannot be read to its end.
    """
    if shard.kind is Kind.TAR:
        found = _of_tar(shard.inputs[0], limit)
    elif shard.kind is Kind.TABLE:
        found = _of_table(shard.inputs)
    else:
        found = (_of_file(name) for name in shard.inputs)
    return _listable(found)


def _listable(found: Iterator[Member]) -> Iterator[Member]:
    """A tar or a table may hold a name twice, and one that is no text; a library may not."""
    seen: Counter[str] = Counter()
    for member in found:
        name, why = member.name, ""
        if not is_text(name):
            name, why = escaped(name), NOT_UTF8
        elif "\0" in name:
            name, why = name.replace("\0", "\\x00"), "the name holds a NUL; rename it"
        seen[name] += 1
        if seen[name] > 1:
            name += f"#{seen[name]}"
        yield Member(name, _refuse(UnreadableImageError(why)) if why else member.read)


def _of_file(name: str) -> Member:
    if is_url(name):
        return Member(name, lambda limit: _fetched(name, limit))
    return Member(name, lambda limit: _read_here(name, limit))


def _read_here(name: str, limit: int) -> Picture:
    data = read_whole(Path(name), limit)
    return Picture(file_state(name, os.stat(name)), data)


def _fetched(url: str, limit: int) -> Picture:
    """An object that is gone or forbidden fails by itself, a storage that stumbles the shard."""
    for pause in (*PAUSES, None):
        try:
            with open_input(url) as file:
                data = file.read(limit + 1)
                size = getattr(file, "size", None) or len(data)
            break
        except Exception as error:  # of whichever package speaks to the storage
            why = first_line(error.__cause__ or error)
            if is_of_object(url, error):
                raise OSError(getattr(error, "errno", None) or errno.EIO, why) from error
            if pause is None:
                raise StorageError(url, why) from error
            time.sleep(pause)
    if len(data) > limit:
        raise FileTooLargeError(size, limit)
    return Picture(FileState(url, len(data), 0), data)


def _of_tar(url: str, limit: int) -> Iterator[Member]:
    with open_input(url) as file, open_tar(file) as tar:
        for entry in tar:
            if not entry.isfile() or not is_image_name(entry.name) or _is_hidden(entry.name):
                continue
            name = f"{url}/{entry.name.removeprefix('./')}"
            if entry.size > limit:
                yield Member(name, _refuse(FileTooLargeError(entry.size, limit)))
                continue
            content = tar.extractfile(entry)
            assert content is not None, "it is a file"
            written = int(entry.mtime * 1e9) if isfinite(entry.mtime) else 0
            yield _held(FileState(name, entry.size, written), content.read())


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") for part in name.removeprefix("./").split("/"))


def _held(state: FileState, data: bytes) -> Member:
    picture = Picture(state, data)
    return Member(state.path, lambda _limit: picture)


def _refuse(why: Exception) -> Callable[[int], NoReturn]:
    def refuse(_limit: int) -> NoReturn:
        raise why

    return refuse


def _of_table(inputs: tuple[str, ...]) -> Iterator[Member]:
    table = inputs[0].rpartition("#")[0]
    groups = [int(name.rpartition("#")[2]) for name in inputs]
    with open_input(table) as file:
        for cell in cells(file, groups, ("image", "path")):
            place = f"{table}/{cell.group}-{cell.row}"
            if cell.column == "image":
                yield _of_cell(cell.value, place)
            elif isinstance(cell.value, str) and cell.value:
                yield _of_file(_located(cell.value, table))
            else:
                yield Member(place, _refuse(UnreadableImageError("there is no path in its row")))


def _located(name: str, table: str) -> str:
    """A path in a table: where it is relative, from the folder of the table on."""
    return name if is_url(name) or os.path.isabs(name) else f"{table.rpartition('/')[0]}/{name}"


def _of_cell(value: Any, place: str) -> Member:  # noqa: ANN401 - bytes, or as Hugging Face has it
    """A picture in a table: its bytes, or bytes and a path beside them."""
    data, name = (
        (value.get("bytes"), value.get("path")) if isinstance(value, dict) else (value, None)
    )
    named = f"{place}/{name}" if name else place
    if not isinstance(data, bytes):
        return Member(named, _refuse(UnreadableImageError("there are no bytes in its row")))
    return _held(FileState(named, len(data), 0), data)
