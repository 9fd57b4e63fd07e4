"""A listed image's file, as it was indexed or not at all.

A name can lead to another file from one moment to the next, so it is used once: everything is asked
of the open file. Size and time can be made to fit, so the content decides. It is read for that once
for each state in which the system shows the file, and the state compared after each piece that is
read: whoever writes to a file changes it.
"""

from __future__ import annotations

import os
import stat
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from searchengine.errors import reason_of
from searchengine.files import content_hash, content_hash_of_pieces, file_state
from searchengine.types import ImageRecord
from serving.problems import FileChangedError

PIECE = 128 * 2**10
"""Bytes that are read at a time, and the most that waits for a client that does not read."""

REMEMBERED = 20_000
"""States of files whose content is known, some 300 bytes each."""

SETTLED_SECONDS = 2.0
"""Since the last change of a file, after which another one must show: clocks of file systems are
coarse, and a change in the same tick would not."""

TRIES = 3
"""Readings of a file that shows a change each time, after which it is being written to."""

_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a pipe in the place of a photo is not waited for
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)


@dataclass(frozen=True, slots=True)
class _State:
    """A file as the system shows it; a write to it changes one of these."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int


class ListedFile:
    """The open file of a listed image. Close it. Any thread may use it, one at a time."""

    def __init__(self, record: ImageRecord) -> None:
        """Open it. Raises FileChangedError where it is gone, no file, or of other size or time.

        Links are followed, as they are when photos are indexed: the content decides.
        """
        self.path = Path(record.file.path)
        self._record = record
        self._lock = threading.Lock()
        try:
            self._descriptor = os.open(self.path, _FLAGS)
        except (OSError, ValueError) as error:
            raise self._changed(error) from error
        try:
            self._state = self._look()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file; a read that is under way is waited for, as its number is given anew."""
        with self._lock:
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self._state.size

    @property
    def state(self) -> _State:
        """As the file was when it was opened, or read through."""
        return self._state

    def read(self, start: int, count: int) -> bytes:
        """Up to `count` bytes from `start` on, at least one, of the content that was indexed.

        Raises FileChangedError.
        """
        while True:
            data = self._read(start, count)
            if self._look() == self._state:
                return data
            self.check()  # a new name or a deletion shows as a change too

    def read_all(self) -> bytes:
        """All of it, if that is what was indexed. Raises FileChangedError."""
        data = b"".join(self._pieces(self.size))
        self._require(content_hash(data))
        return data

    def check(self) -> None:
        """Read it through. Raises FileChangedError where its content is not what was indexed."""
        for _ in range(TRIES):
            before = self._look()
            self._require(content_hash_of_pieces(self._pieces(PIECE)))
            if self._look() == before:
                self._state = before
                return
        raise self._changed()

    def _pieces(self, count: int) -> Iterator[bytes]:
        at = 0
        while at < self.size:
            piece = self._read(at, min(count, self.size - at))
            at += len(piece)
            yield piece

    def _read(self, start: int, count: int) -> bytes:
        try:
            with self._lock:
                os.lseek(self._descriptor, start, os.SEEK_SET)
                data = os.read(self._descriptor, count)
        except OSError as error:
            raise self._changed(error) from error
        if not data:
            raise self._changed()
        return data

    def _look(self) -> _State:
        """The open file as the system shows it now, if it still may be the one in the catalog."""
        try:
            with self._lock:
                status = os.fstat(self._descriptor)
        except OSError as error:
            raise self._changed(error) from error
        listed = self._record.file
        if file_state(listed.path, status) != listed or not stat.S_ISREG(status.st_mode):
            raise self._changed()
        return _State(
            status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
        )

    def _require(self, digest: bytes) -> None:
        if digest != self._record.content_hash:
            raise self._changed()

    def _changed(self, error: OSError | ValueError | None = None) -> FileChangedError:
        why = "the file has changed since it was indexed"
        if isinstance(error, OSError):
            why = reason_of(error)
        elif error is not None:
            why = str(error)
        return FileChangedError(self.path.name, why)


class KnownContents:
    """Which files were read through and found as they were indexed. Any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[_State, bytes] = OrderedDict()

    def open(self, record: ImageRecord) -> ListedFile:
        """The file of a listed image, its content as it was indexed. Raises FileChangedError."""
        file = ListedFile(record)
        try:
            if not self._knows(file.state, record.content_hash):
                began = time.time_ns()
                file.check()
                if began - file.state.ctime_ns > SETTLED_SECONDS * 1e9:
                    self._remember(file.state, record.content_hash)
        except BaseException:
            file.close()
            raise
        return file

    def _knows(self, state: _State, content_hash: bytes) -> bool:
        with self._lock:
            return self._known.get(state) == content_hash

    def _remember(self, state: _State, content_hash: bytes) -> None:
        with self._lock:
            self._known[state] = content_hash
            self._known.move_to_end(state)
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)


def read_listed(record: ImageRecord) -> bytes:
    """The bytes of a listed image's file, if they are the ones that were indexed.

    So nothing that took its place since then is ever shown. Raises FileChangedError.
    """
    file = ListedFile(record)
    try:
        return file.read_all()
    finally:
        file.close()
