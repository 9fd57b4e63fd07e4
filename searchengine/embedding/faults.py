"""Whose fault an error is, and what it is called when it is one file's."""

from __future__ import annotations

from concurrent.futures import CancelledError

from searchengine.errors import (
    EncoderError,
    FileTooLargeError,
    ImageError,
    LibraryError,
    MissingExtraError,
    TooManyPixelsError,
    reason_of,
)
from searchengine.paths import escaped
from searchengine.types import FailureKind

NOT_OF_ONE_FILE = (LibraryError, EncoderError, CancelledError, KeyboardInterrupt)
"""What ends a run over many files."""

MAX_REASON_LENGTH = 300
"""Characters kept of a reason: some errors quote bytes of the file."""

_LARGER = ((10**9, "G"), (10**6, "M"), (10**3, "K"))


def failure_kind(error: BaseException, reached: FailureKind) -> FailureKind:
    """The kind of an error over one file; `reached` is that of the step it comes from."""
    if isinstance(error, MemoryError) or isinstance(error.__cause__, MemoryError):
        return FailureKind.MEMORY
    if isinstance(error, FileTooLargeError):
        return FailureKind.TOO_LARGE
    if isinstance(error, TooManyPixelsError):
        return FailureKind.TOO_MANY_PIXELS
    if isinstance(error, MissingExtraError):
        return FailureKind.NEEDS_PACKAGE
    if isinstance(error, ImageError):
        return FailureKind.UNREADABLE
    if isinstance(error, OSError) and error.errno is not None:
        return FailureKind.FILE_SYSTEM
    return reached


def failure_reason(error: BaseException, kind: FailureKind) -> str:
    """Why one file failed, in one line of valid Unicode."""
    if kind is FailureKind.MEMORY:
        return "there is not enough memory to read it"
    if isinstance(error, FileTooLargeError):
        return f"{error}; raise it with --max-file-size {size_that_holds(error.size)}"
    if isinstance(error, ImageError | MissingExtraError):
        return one_line(str(error))
    if kind is FailureKind.FILE_SYSTEM and isinstance(error, OSError):
        return one_line(reason_of(error))
    what = "the encoder refuses it" if kind is FailureKind.ENCODER else "cannot be read"
    return one_line(f"{what}: {str(error) or type(error).__name__}")


def one_line(text: str) -> str:
    """The text without line ends and half characters, cut where it is long."""
    return " ".join(escaped(text).split())[:MAX_REASON_LENGTH]


def size_that_holds(size: int) -> str:
    """The smallest limit that lets so many bytes through, in the notation of the flag: "43G"."""
    for unit, letter in _LARGER:
        if size >= unit:
            return f"{-(-size // unit)}{letter}"
    return str(size)
