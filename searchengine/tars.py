"""Tars as streams, read to their very end: what is damaged or cut off is an error."""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

_GZIP = b"\x1f\x8b"
_AT_ONCE = 2**20


@contextmanager
def open_tar(file: BinaryIO) -> Iterator[tarfile.TarFile]:
    """A tar, as it is or packed by gzip, bzip2 or xz, whose members are to be taken in order.

    On leaving, what is behind them is read too: checksums stand there. Raises tarfile.TarError,
    EOFError and OSError.
    """
    head = file.read(len(_GZIP))
    stream: Any = _Begun(head, file)
    if head == _GZIP:  # by itself tarfile does not look at gzip's checksum
        stream = gzip.GzipFile(fileobj=stream)
    try:
        with tarfile.open(fileobj=stream, mode="r|*", tarinfo=_Strict) as tar:
            yield tar
            while cast(BinaryIO, tar.fileobj).read(_AT_ONCE):
                pass
    except zlib.error as error:
        raise tarfile.ReadError(f"its gzip is damaged: {error}") from error


class _Strict(tarfile.TarInfo):
    """A header that is damaged or missing is an error: by itself tarfile takes it for the end."""

    @classmethod
    def fromtarfile(cls, tarfile_: tarfile.TarFile) -> _Strict:
        try:
            return super().fromtarfile(tarfile_)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(f"the tar is damaged or cut off: {error}") from error


class _Begun:
    """A stream of which the first bytes were looked at."""

    def __init__(self, head: bytes, file: BinaryIO) -> None:
        self._head, self._file = head, file

    def read(self, size: int) -> bytes:
        head, self._head = self._head, b""
        return head + self._file.read(size - len(head))
