"""Small pictures of listed images: made on demand, kept on disk up to a size."""

from __future__ import annotations

import logging
import os
import threading
from enum import IntEnum
from pathlib import Path

from searchengine.errors import ImageError, reason_of
from searchengine.files import replacing
from searchengine.images.decode import MAX_MEGAPIXELS
from searchengine.images.thumbnails import read_thumbnail
from searchengine.paths import user_cache
from searchengine.types import ImageRecord
from serving.files.listed import read_listed
from serving.problems import FileChangedError

CACHE_BYTES = 1_000_000_000
"""The most that the cache takes: some 40,000 small pictures."""

KEPT_SHARE = 0.9
"""Of the limit, that is left after clearing: so it is rare."""

log = logging.getLogger("clipseek")


class Side(IntEnum):
    """Pixels of the longer side."""

    SMALL = 480
    """A tile, on screens of twice the density too."""
    LARGE = 1600
    """The detail view."""


def thumbnail_of(record: ImageRecord, side: Side) -> bytes:
    """A JPEG of a listed image, upright, its longer side at most `side`.

    Raises FileChangedError, also where the file cannot be decoded any more.
    """
    # A picture that was indexed may be shown, whatever its size.
    allowed = max(MAX_MEGAPIXELS, record.facts.width * record.facts.height / 1e6)
    name = Path(record.file.path).name
    try:
        shown = read_thumbnail(read_listed(record), side, name=name, max_megapixels=allowed)
    except ImageError as error:
        raise FileChangedError(name, str(error)) from error
    return shown.jpeg


class ThumbnailCache:
    """JPEG files in a directory of their own, named by content: what was used last stays.

    A cache that cannot be written is said once and then done without. Any thread may ask.
    """

    def __init__(self, directory: Path, limit: int = CACHE_BYTES) -> None:
        self._directory = directory
        self._limit = limit
        self._lock = threading.Lock()
        self._bytes: int | None = None  # counted when the first picture is put in
        self._works = True

    def get(self, content_hash: bytes, side: Side) -> bytes | None:
        """The picture, or None where it is not in the cache."""
        path = self._path(content_hash, side)
        try:
            data = path.read_bytes()
            os.utime(path)  # the time of the last use decides what goes
        except OSError:
            return None
        return data

    def put(self, content_hash: bytes, side: Side, data: bytes) -> None:
        """Keep a picture; no reader ever sees half of it."""
        path = self._path(content_hash, side)
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with replacing(path) as beside:
                beside.write_bytes(data)
        except OSError as error:
            if self._works:
                log.warning("thumbnails are not kept: %s: %s", self._directory, reason_of(error))
            self._works = False
            return
        with self._lock:
            if self._bytes is None:
                self._bytes = sum(size for _, size, _ in self._files())
            else:
                self._bytes += len(data)
            if self._bytes > self._limit:
                self._clear()

    def _clear(self) -> None:
        """Delete what was not used for longest until the cache is well below its limit."""
        files = sorted(self._files())
        left = sum(size for _, size, _ in files)
        for _, size, path in files:
            if left <= self._limit * KEPT_SHARE:
                break
            path.unlink(missing_ok=True)
            left -= size
        self._bytes = left

    def _files(self) -> list[tuple[int, int, Path]]:
        """Time of last use in nanoseconds, bytes and path of every file in the cache."""
        found = []
        for path in self._directory.glob("*/*"):
            try:
                status = path.stat()
            except FileNotFoundError:  # another server on the same cache took it
                continue
            found.append((status.st_mtime_ns, status.st_size, path))
        return found

    def _path(self, content_hash: bytes, side: Side) -> Path:
        name = content_hash.hex()
        return self._directory / name[:2] / f"{name}-{side:d}.jpg"


def default_cache() -> Path:
    """Where thumbnails are kept: the user's cache directory."""
    return user_cache("thumbnails")
