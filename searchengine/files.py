"""Files: read whole, known by their content, and written beside and renamed."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from searchengine.errors import PathNotFoundError, reason_of

STALE_SECONDS = 600
"""Since the last write to it, after which a file beside is what a killed process left."""

_BESIDE = ".clipseek-{}.part"


def read_file(path: Path) -> bytes:
    """The bytes of a file. Raises PathNotFoundError with the reason."""
    try:
        return path.expanduser().read_bytes()
    except OSError as error:
        raise PathNotFoundError(path, reason_of(error)) from error


def content_hash(data: bytes) -> bytes:
    """What the catalog knows the content of a file by: 16 bytes."""
    return hashlib.blake2b(data, digest_size=16).digest()


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


def _tidy(directory: Path) -> None:
    for left in directory.glob(_BESIDE.format("*")):
        with suppress(OSError):  # another process took it
            if time.time() - left.stat().st_mtime > STALE_SECONDS:
                left.unlink()
