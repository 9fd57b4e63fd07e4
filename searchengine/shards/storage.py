"""The storage that holds a library in parts: a directory or a bucket. The home of fsspec."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from searchengine.errors import (
    FULL,
    InputError,
    MissingExtraError,
    StorageError,
    first_line,
    reason_of,
)
from searchengine.files import open_ordinary
from searchengine.paths import is_url

CREATING = frozenset(("file", "local", "memory", "s3", "s3a", "gs", "gcs"))
"""Protocols that create an object only where there is none, at once: POSIX links, and conditional
writes of S3 and Google's storage. A library in parts rests on it."""

READERS = 16
"""Small objects that are read side by side: a request takes tens of milliseconds."""

_TRY_AGAIN = (408, 425, 429)
"""Of the statuses of HTTP that say whose fault it is, those that are over in a while."""

_BESIDE = ".part"
"""How the name of a file ends that was being written beside when its process was killed."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An object of a storage."""

    name: str
    """Relative to the storage."""
    size: int
    """Bytes."""
    age: float
    """Seconds since it was written; 0 where the storage does not say."""


class Storage:
    """Named objects below a URL. Any thread may use it. Whatever fails is a StorageError."""

    def __init__(self, url: str) -> None:
        """Raises InputError where the storage cannot create objects safely, and StorageError."""
        protocol = url.partition("://")[0]
        if protocol not in CREATING:
            raise InputError(
                f"{url}: a library in parts lies on one of {', '.join(sorted(CREATING))}, which "
                "create an object only where there is none"
            )
        self._files, self._root = _opened(url.rstrip("/"))
        self._is_local = protocol in ("file", "local")
        self.url = f"file://{self._root}" if self._is_local else url.rstrip("/")

    def __repr__(self) -> str:
        return f"<Storage {self.url}>"

    def path_of(self, name: str) -> str:
        """Where an object is, as fsspec names it."""
        return f"{self._root}/{name}"

    def read(self, name: str) -> bytes:
        """The bytes of an object. Raises StorageError, also where there is none."""
        with self._told(name):
            return cast(bytes, self._files.cat_file(self.path_of(name)))

    def find(self, name: str) -> bytes | None:
        """As `read`, or None where there is no such object."""
        with self._told(name):
            try:
                return cast(bytes, self._files.cat_file(self.path_of(name)))
            except FileNotFoundError:
                return None

    def read_all(self, names: Sequence[str]) -> list[bytes]:
        """The bytes of small objects, in order."""
        with ThreadPoolExecutor(READERS) as pool:
            return list(pool.map(self.read, names))

    def exists(self, name: str) -> bool:
        """Whether there is an object of this name now."""
        with self._told(name):
            self._files.invalidate_cache()
            return bool(self._files.exists(self.path_of(name)))

    def listing(self, folder: str) -> list[Stored]:
        """The objects right below a folder, by name; none where there is no such folder."""
        files = (
            Stored(
                f"{folder}/{entry['name'].rsplit('/', 1)[-1]}",
                int(entry["size"] or 0),
                _age_of(entry),
            )
            for entry in self._entries(folder)
            if entry["type"] == "file"
        )
        return sorted(files, key=lambda stored: stored.name)

    def folders(self, folder: str) -> list[str]:
        """The names of the folders right below a folder."""
        entries = self._entries(folder)
        kept = (entry["name"].rstrip("/") for entry in entries if entry["type"] == "directory")
        return sorted(name.rpartition("/")[2] for name in kept)

    def _entries(self, folder: str) -> list[dict[str, Any]]:
        """What is right below a folder, as fsspec tells it."""
        with self._told(folder):
            self._files.invalidate_cache()
            try:
                found: list[dict[str, Any]] = self._files.ls(self.path_of(folder), detail=True)
            except FileNotFoundError:
                return []
            return found

    def write(self, name: str, data: bytes) -> None:
        """Write an object whole, over one that may be there."""
        with self._told(name):
            if self._is_local:
                with self._beside(name, data) as beside:
                    os.replace(beside, self.path_of(name))
            else:
                self._files.pipe_file(self.path_of(name), data)

    def create(self, name: str, data: bytes) -> bool:
        """Write an object where there is none of that name; returns whether it is this one now.

        Of several who create it at once, one does. So an object of `data` that is there already
        counts as created: a request that was repeated finds its own work.
        """
        with self._told(name):
            try:
                if self._is_local:
                    with self._beside(name, data) as beside:
                        os.link(beside, self.path_of(name))
                else:
                    self._files.pipe_file(self.path_of(name), data, mode="create")
            except Exception as error:  # each storage has a name of its own for it
                there = self.find(name)
                if there is None:
                    raise error from None
                return there == data
            return True

    def fetch(self, name: str, target: Path) -> None:
        """Copy an object to a file of this machine."""
        with self._told(name):
            self._files.get_file(self.path_of(name), str(target))

    def upload(self, source: Path, name: str) -> None:
        """Copy a file of this machine to an object that nobody else writes."""
        with self._told(name):
            if self._is_local:
                os.makedirs(os.path.dirname(self.path_of(name)), exist_ok=True)
            self._files.put_file(str(source), self.path_of(name))

    def remove(self, names: Sequence[str]) -> None:
        """Take objects away; those that are gone already are no error."""
        for name in names:
            with self._told(name), suppress(FileNotFoundError):
                self._files.rm_file(self.path_of(name))

    @contextmanager
    def _beside(self, name: str, data: bytes) -> Iterator[str]:
        """A synced file of `data` beside the object, of a name of its own; gone afterwards."""
        path = self.path_of(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        beside = f"{path}.{secrets.token_hex(8)}{_BESIDE}"
        try:
            with open(beside, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            yield beside
        finally:
            with suppress(FileNotFoundError):
                os.unlink(beside)

    @contextmanager
    def _told(self, name: str) -> Iterator[None]:
        try:
            yield
        except StorageError:
            raise
        except Exception as error:  # of whichever package speaks to the storage
            place = f"{self.url}/{name}"
            if isinstance(error, OSError) and error.errno in FULL:
                why, then = reason_of(error), "free some space and run the same command again"
                raise StorageError(place, why, then) from error
            raise StorageError(place, first_line(error)) from error


@contextmanager
def open_input(url: str) -> Iterator[BinaryIO]:
    """A stream of the bytes at a URL or path.

    Raises OSError, also for what is no ordinary file of this machine, and what the package of the
    storage raises.
    """
    with _fsspec().open(url, "rb") if is_url(url) else open_ordinary(Path(url)) as file:
        yield file


def is_of_object(url: str, error: Exception) -> bool:
    """Whether it is the object that cannot be read, gone or forbidden, and not its storage now."""
    hidden = error.__cause__
    status = getattr(hidden or error, "status", None)
    if isinstance(status, int):
        return 400 <= status < 500 and status not in _TRY_AGAIN
    # fsspec says of whatever happens to it over HTTP that there is no such file.
    is_hidden = hidden is not None and url.startswith(("http://", "https://"))
    return isinstance(error, FileNotFoundError | PermissionError) and not is_hidden


def find_inputs(pattern: str) -> list[str]:
    """The URLs of what lies below a URL, or that a glob means, in order of name.

    Raises StorageError where the storage cannot be asked.
    """
    files, path = _opened(pattern)
    try:
        names = files.glob(path) if "*" in path or "?" in path else files.find(path)
    except Exception as error:
        raise StorageError(pattern, first_line(error)) from error
    return [files.unstrip_protocol(name) for name in sorted(names)]


def _opened(url: str) -> tuple[Any, str]:
    try:
        files, path = _fsspec().core.url_to_fs(url, use_listings_cache=False)
    except ImportError as error:
        raise InputError(f"{url}: {first_line(error)}") from error
    except Exception as error:
        raise StorageError(url, first_line(error)) from error
    return files, path


def _fsspec() -> Any:  # noqa: ANN401 - a module without types
    try:
        import fsspec
    except ImportError as error:
        raise MissingExtraError("libraries in parts need fsspec", "shards") from error
    return fsspec


def _age_of(entry: dict[str, Any]) -> float:
    """Seconds since an entry of a listing was written."""
    written = entry.get("mtime") or entry.get("LastModified") or entry.get("created")
    if written is None:
        return 0.0
    moment = written if isinstance(written, int | float) else written.timestamp()
    return max(0.0, time.time() - moment)
