"""rclip's database, read as what it is: a file that anybody may have made."""

from __future__ import annotations

import math
import os
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from indexers.elsewhere.listing import LONGEST_PATH, is_file_path, unit_rows
from searchengine.catalog.sqlite.opening import open_to_read
from searchengine.errors import InputError, PathNotFoundError
from searchengine.types import Vectors

NEWEST = 4
"""The version of its tables that rclip 3.3 writes."""

ENCODER = "ViT-B-32-256/datacomp_s34b_b86k"
OLD_ENCODER = "ViT-B-32-quickgelu/openai"
"""What rclip encoded with up to version 2 of its tables, which is rclip 1."""

EXAMPLE = "clipseek import rclip ~/.local/share/rclip/db.sqlite3"


@dataclass(frozen=True, slots=True)
class Entry:
    """A picture as rclip lists it."""

    id: int
    path: str
    size: int
    """Bytes."""
    modified_at: float
    """`st_mtime`: seconds since 1970."""
    caption: str = ""

    def is_of(self, facts: os.stat_result) -> bool:
        """Whether the file is as large and as old as rclip saw it."""
        return (facts.st_size, facts.st_mtime) == (self.size, self.modified_at)


def default_database() -> Path:
    """Where rclip keeps it on this system, or `RCLIP_DATADIR` says."""
    home = Path.home()
    places = {
        "win32": home / "AppData/Roaming/rclip",
        "darwin": home / "Library/Application Support/rclip",
    }
    chosen = os.environ.get("RCLIP_DATADIR")
    place = Path(chosen) if chosen else places.get(sys.platform, home / ".local/share/rclip")
    return place / "db.sqlite3"


@contextmanager
def open_rclip(path: Path) -> Iterator[RclipDatabase]:
    """The database at `path`, which is not changed.

    Raises PathNotFoundError, and InputError for a file that is none of rclip's.
    """
    if not path.is_file():
        raise PathNotFoundError(path, "no database of rclip is there; name it as in: " + EXAMPLE)
    try:
        connection = open_to_read(path)
    except (sqlite3.Error, OSError) as error:
        raise InputError(f"{path} is no database of rclip: {error}") from error
    connection.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
    try:
        yield RclipDatabase(path, connection)
    except sqlite3.Error as error:
        raise InputError(f"{path} is no database that rclip wrote, or damaged: {error}") from error
    finally:
        connection.close()


class RclipDatabase:
    """What it says, value by value; sqlite3.Error where it says nothing of the kind."""

    program = "rclip"

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        """Raises InputError for tables of a version that is not known."""
        self.path = path
        self._connection = connection
        kinds = dict(connection.execute("SELECT name, type FROM sqlite_master"))
        if kinds.get("images") != "table":
            raise InputError(f"{path} is no database of rclip: it has no table of images")
        found = None
        if kinds.get("db_version") == "table":
            found = connection.execute("SELECT version FROM db_version").fetchone()
        version = found[0] if found else 1
        if not isinstance(version, int) or not 1 <= version <= NEWEST:
            raise InputError(
                f"{path} has version {version!r} of rclip's tables, and up to {NEWEST} are known; "
                "index the folders instead: clipseek index PATH"
            )
        self.encoder = ENCODER if version >= 3 else OLD_ENCODER
        """The name of the encoder that made its vectors."""

    def entries(self) -> Iterator[Entry | None]:
        """Every picture that is not deleted, by path; None for a row that cannot be one."""
        rows = self._connection.execute(
            "SELECT id, CASE WHEN typeof(filepath) = 'text' AND length(filepath) <= ? "
            "THEN filepath END, size, modified_at FROM images WHERE deleted IS NULL "
            "ORDER BY filepath",
            (LONGEST_PATH,),
        )
        for number, path, size, modified_at in rows:
            yield _entry(number, path, size, modified_at)

    def vectors(self, numbers: Sequence[int], dim: int) -> tuple[Vectors, list[bool]]:
        """Unit rows of the pictures of these ids, in order, and which of them can be used.

        Rows have shape (n, dim), float32; those that cannot be used are zeros.
        """
        out = np.zeros((len(numbers), dim), dtype=np.float32)
        for place, number in enumerate(numbers):
            found = self._connection.execute(
                "SELECT vector FROM images WHERE id = ? AND typeof(vector) = 'blob' "
                "AND length(vector) = ?",
                (number, 4 * dim),
            ).fetchone()
            if found is not None:
                out[place] = np.frombuffer(found[0], "<f4")
        return unit_rows(out)

    def text_vectors(self, numbers: Sequence[int], dim: int) -> tuple[Vectors, list[bool]]:
        """It has none."""
        return unit_rows(np.zeros((len(numbers), dim)))


def _entry(number: object, path: object, size: object, modified_at: object) -> Entry | None:
    if not (isinstance(number, int) and is_file_path(path) and isinstance(size, int)):
        return None
    if not isinstance(modified_at, float | int) or not math.isfinite(modified_at):
        return None
    return Entry(number, path, size, float(modified_at))
