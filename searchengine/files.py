"""Files: read whole, known by their content, and written beside and renamed."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO

from searchengine.errors import (
    FULL,
    FileTooLargeError,
    InputError,
    LibraryError,
    LibraryUnusableError,
    PathNotFoundError,
    StorageFullError,
    reason_of,
)
from searchengine.paths import at_home
from searchengine.types import FileState

MAX_FILE_SIZE = 2 * 10**9
"""Bytes: well over any camera's RAW file and most scans, and less than most machines' memory."""

STALE_SECONDS = 600
"""Since the last write to it, after which a file beside is what a killed process left."""

PIECE = 2**20
"""Bytes of a large file that are read at a time."""

_BESIDE = ".clipseek-{}.part"


def file_state(path: str, status: os.stat_result) -> FileState:
    """What `os.stat` says of a file, as the catalog keeps it."""
    return FileState(path, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def read_file(path: Path, limit: int = MAX_FILE_SIZE) -> bytes:
    """The bytes of a file that a person named.

    Raises PathNotFoundError with the reason, and InputError for more than `limit` bytes or than
    there is memory for.
    """
    try:
        return read_whole(at_home(path), limit)
    except FileTooLargeError as error:
        raise InputError(f"{path}: {error}; files are read whole") from error
    except MemoryError as error:
        raise InputError(f"{path}: there is not enough memory to read it") from error
    except (OSError, ValueError) as error:  # a name with a NUL in it is a ValueError
        reason = reason_of(error) if isinstance(error, OSError) else str(error)
        raise PathNotFoundError(path, reason) from error


def read_whole(path: Path, limit: int = MAX_FILE_SIZE) -> bytes:
    """The bytes of an ordinary file, whatever becomes of its name meanwhile.

    Its size is looked at before anything is read, and no more is read than that. Raises
    FileTooLargeError over `limit` bytes, and OSError as `open` does, for what is no ordinary file
    (pipes and devices may have no end), and for a file that grows while it is read.
    """
    with open_ordinary(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > limit:
            raise FileTooLargeError(size, limit)
        data = file.read(size + 1)
    if len(data) > size:
        raise OSError(errno.EAGAIN, "it is being written", str(path))
    return data


@contextmanager
def open_ordinary(path: Path) -> Iterator[BinaryIO]:
    """An ordinary file, to read. Raises OSError as `open` does, and for what is none."""
    with open(path, "rb", opener=_open_at_once) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "not an ordinary file", str(path))
        yield file


def _open_at_once(path: str, flags: int) -> int:
    """Open without waiting for somebody at the other end of a pipe; Windows has neither flag."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))


def read_small(path: Path, most: int = 1_000_000) -> bytes:
    """The bytes of a file of ours, which somebody may have put something else in the place of.

    Raises OSError where it is no ordinary file, as a pipe, that would never end, or larger than
    `most` bytes.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_size > most:
            raise OSError(errno.EINVAL, "no file that clipseek wrote", str(path))
        return file.read(most)


def unwritable(library: Path, name: str, error: OSError) -> LibraryError:
    """What it means that a file of a library cannot be written."""
    if error.errno in FULL:
        return StorageFullError(library)
    return LibraryUnusableError(library, f"{name}: {reason_of(error)}")


def open_own(path: Path) -> BinaryIO:
    """A file of ours, to read and to write, made where there is none.

    Raises OSError where a link is in its place, as what that names is not ours to write, and for
    anything else that is no ordinary file: nobody waits for the other end of a pipe.
    """
    flags = os.O_RDWR | os.O_CREAT
    for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"):  # no system has them all
        flags |= getattr(os, name, 0)
    descriptor = os.open(path, flags, 0o644)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not an ordinary file", str(path))
    return os.fdopen(descriptor, "r+b")


def sync_directory(path: Path) -> None:
    """Make a new file's name last through a power cut, where the system lets us."""
    if os.name == "posix":
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def checksum_of(path: Path) -> int:
    """CRC-32 of a file's bytes. Raises OSError."""
    crc = 0
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            crc = zlib.crc32(piece, crc)
    return crc


def content_hash(data: bytes) -> bytes:
    """What the catalog knows the content of a file by: BLAKE2b of 16 bytes."""
    return content_hash_of_pieces((data,))


def content_hash_of_pieces(pieces: Iterable[bytes]) -> bytes:
    """As `content_hash`, of a file's bytes in order."""
    found = hashlib.blake2b(digest_size=16)
    for piece in pieces:
        found.update(piece)
    return found.digest()


def content_hash_of(path: Path) -> bytes:
    """As `content_hash`, of a file of any size. Raises OSError, also for no ordinary file."""
    with open_ordinary(path) as file:
        return content_hash_of_pieces(iter(partial(file.read, PIECE), b""))


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """An empty file beside `path` to write to, which takes its place when the block ends.

    So `path` is never half a file: where the block raises, it is as before and the file beside is
    gone. That file has a name of its own, so any number of processes and threads may replace one
    path at once, the last one staying. It ends with the permissions of an ordinary new file,
    whatever the writer gave it. Nothing is synced: after a power cut `path` may be empty. What
    killed processes left in the directory is taken away. A link at `path` is itself replaced.

    Raises OSError where the directory cannot be written or `path` is a directory.
    """
    _tidy(path.parent)
    beside = path.with_name(_BESIDE.format(os.urandom(8).hex()))
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
    os.close(descriptor)
    try:
        yield beside
        if stat.S_IMODE(beside.stat().st_mode) != mode:  # safetensors makes files for their owner
            beside.chmod(mode)
        os.replace(beside, path)
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """Where to write what somebody wants at `path`: beside it, as `replacing` does.

    A link at `path` stays a link, and a device such as /dev/stdout is written to as it is: renamed
    over, it would be gone. Raises OSError as `replacing` does.
    """
    if path.exists() and not path.is_file():
        yield path
    else:
        with replacing(path.resolve()) as beside:
            yield beside


def _tidy(directory: Path) -> None:
    for left in directory.glob(_BESIDE.format("*")):
        with suppress(OSError):  # another process took it
            if time.time() - left.stat().st_mtime > STALE_SECONDS:
                left.unlink()
