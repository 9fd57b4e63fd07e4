"""Every error clipseek raises on purpose.

ClipseekError
├── InputError              what was asked for cannot be done as asked
│   ├── PathNotFoundError
│   ├── QueryError
│   ├── NotListedError
│   ├── FileTooLargeError
│   ├── NothingListedError
│   ├── RefusedValueError
│   └── CaptionFileError
├── ImageError              one picture cannot be used
│   ├── UnreadableImageError
│   └── TooManyPixelsError
├── LibraryError            the library on disk
│   ├── LibraryNotFoundError
│   ├── LibraryLockedError
│   ├── LibraryTooNewError
│   ├── LibraryUnusableError
│   ├── LibraryReplacedError
│   ├── LibraryClosedError
│   ├── LibraryDamagedError
│   ├── NothingIndexedError
│   ├── SpaceNotFoundError
│   ├── EncoderMismatchError
│   ├── StorageError
│   └── StorageFullError
├── EncoderError            the model
│   ├── UnknownEncoderError
│   ├── EncoderUnavailableError
│   │   └── EncoderNotHereError
│   └── DeviceUnavailableError
└── MissingExtraError       an optional dependency is not installed

A message names the thing, the numbers and the next command, in one line.
"""

from __future__ import annotations

import errno
import sys
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT)
"""What the system says where a disk, or a share of it, has no room left."""


def reason_of(error: OSError) -> str:
    """What the system says of a file, for the middle of a sentence."""
    return (error.strerror or str(error)).lower()


def first_line(error: BaseException) -> str:
    """What an error of another library says, in one line."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


class ClipseekError(Exception):
    """Base of all known errors: the command line shows the message and exits with 1."""


class InputError(ClipseekError):
    """What was asked for cannot be done as asked."""


class PathNotFoundError(InputError):
    """A path given by the user does not exist or cannot be read."""

    def __init__(self, path: object, why: str = "no such file or directory") -> None:
        super().__init__(f"{path}: {why}; check the spelling and that the drive is mounted")


class QueryError(InputError):
    """The search terms make no query."""


class NotListedError(InputError):
    """The library lists no image of this id or path, or has no vector of it."""

    def __init__(self, image: int | str) -> None:
        super().__init__(
            f"the library lists no image {image}; it may have been removed: search again"
        )


class FileTooLargeError(InputError):
    """A file has more bytes than are read. Sizes are in bytes; the message names no file."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"{_plain_size(size)}, over the limit of {_plain_size(limit)}")
        self.size = size
        self.limit = limit


def _plain_size(size: int) -> str:
    """A number of bytes for people, in the unit it is at least 1 of: "42.9 GB"."""
    for unit, bytes_of_it in (("GB", 10**9), ("MB", 10**6), ("KB", 10**3)):
        if size >= bytes_of_it:
            return f"{size / bytes_of_it:,.1f}".removesuffix(".0") + f" {unit}"
    return f"{size} bytes"


class NothingListedError(InputError):
    """The library lists no image at or under a path."""

    def __init__(self, path: str, near: list[str]) -> None:
        hint = f"; it has: {', '.join(near)}" if near else ""
        super().__init__(f"{path}: the library lists no image there{hint}")


class UnknownNameError(InputError):
    """Nothing of the library, such as an album, has the name that is asked for."""


class CaptionFileError(InputError):
    """A file of captions or texts is not in a known form."""


class ImageError(ClipseekError):
    """One picture cannot be used; an index run records it and goes on."""


class UnreadableImageError(ImageError):
    """The bytes are not a picture that can be decoded. The message is the reason alone."""


class TooManyPixelsError(ImageError):
    """The picture is larger than the limit, as decompression bombs are."""

    def __init__(self, megapixels: float, limit: float) -> None:
        super().__init__(
            f"{megapixels:.0f} megapixels, over the limit of {limit:g}; "
            f"raise it with --max-megapixels {megapixels + 1:.0f}"
        )


class LibraryError(ClipseekError):
    """Something about the library on disk."""


class LibraryNotFoundError(LibraryError):
    """There is no library at this place."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"no library at {path}; make one with: clipseek index PATH --library {path}"
        )


class LibraryLockedError(LibraryError):
    """Another process is writing to the library."""

    def __init__(self, path: Path, pid: str) -> None:
        super().__init__(
            f"library {path} is being written by process {pid}; wait until it ends, or stop it "
            "(what it has saved stays)"
        )


class LibraryTooNewError(LibraryError):
    """A newer clipseek wrote the library."""

    def __init__(self, path: Path | str, found: int, known: int) -> None:
        super().__init__(
            f"library {path} has schema {found}, this clipseek knows up to {known}; "
            "install the clipseek that wrote it, or a newer one"
        )


class LibraryUnusableError(LibraryError):
    """The library is there, but the system does not let us use it: permissions, a lock."""

    def __init__(self, path: Path, why: str) -> None:
        self.why = why
        super().__init__(
            f"cannot use library {path}: {why}; check that you may write there and that no other "
            "program holds its files"
        )


class LibraryReplacedError(LibraryError):
    """The library that was opened is no longer at its place."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"library {path} was moved, deleted or replaced while it was open; put it back, or "
            "start again with the one that is there now"
        )


class LibraryClosedError(LibraryError):
    """A library was asked after it was closed."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"library {path} was closed before this; open it again with open_library")


class LibraryDamagedError(LibraryError):
    """Files of the library contradict each other or are not what they should be."""

    def __init__(self, path: Path, why: str, then: str = "") -> None:
        self.why = why
        then = then or (
            f"see: clipseek check --library {path}, and restore it from a backup, or index into a "
            "new one"
        )
        super().__init__(f"library {path} is damaged: {why}; {then}")


class NothingIndexedError(LibraryError):
    """The library holds no vectors to search."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(
            f"library {path} is empty; fill it with: clipseek index PATH --library {path}"
        )


class SpaceNotFoundError(LibraryError):
    """The library has no space of this name."""

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(
            f"no space {name!r} in this library; it has: {', '.join(known) or 'none'}; "
            f"add one with: clipseek index PATH --model {name}"
        )


class EncoderMismatchError(LibraryError):
    """The encoder at hand is not the one that made the vectors."""

    def __init__(self, space: str, made_by: str, given: str) -> None:
        super().__init__(
            f"space {space!r} was made by {made_by}, not by {given}; nothing was changed. "
            "Use the encoder it was made with, or a new library with --library"
        )


class StorageError(LibraryError):
    """What a storage of a library in parts, or of images, answers instead of what was asked."""

    def __init__(
        self,
        url: str,
        why: str,
        then: str = "check the address, and that this machine may read and write there",
    ) -> None:
        """`then` is what to do about it."""
        super().__init__(f"cannot use {url}: {why}; {then}")


class RefusedValueError(InputError):
    """The catalog cannot hold a value: the fault of what it is of, not of the library."""


class StorageFullError(LibraryError):
    """The disk that holds the library is full."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"no space left on the disk of library {path}; what was saved before stays: free some "
            "space and run the same command again"
        )


class EncoderError(ClipseekError):
    """Something about a model."""


class UnknownEncoderError(EncoderError):
    """The name is no encoder that can be loaded."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"unknown encoder {name!r}: {why}; see: clipseek models")


class EncoderUnavailableError(EncoderError):
    """The encoder exists, but its weights are not here and cannot be had."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(
            f"the weights of {name} are not available: {why}; connect once to download them, give "
            "a checkpoint file as ARCH/path, or use --model starter"
        )


class EncoderNotHereError(EncoderUnavailableError):
    """The weights are not on this machine, and what was asked for downloads nothing."""

    def __init__(self, name: str) -> None:
        import shlex

        EncoderError.__init__(
            self,
            f"the weights of {name} are not on this machine, and a search downloads nothing; get "
            f"them with: clipseek models --download {shlex.quote(name)}",
        )


class DeviceUnavailableError(EncoderError):
    """The device asked for is not there, or cannot do what was asked."""


class MissingExtraError(ClipseekError):
    """An optional dependency is not installed: `what` needs it, `extra` installs it."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what}; install it with: {pip_install(extra)}")


def pip_install(extra: str) -> str:
    """The command that installs an extra for the Python that runs, whichever `pip` a shell has."""
    import shlex

    return f"{shlex.quote(sys.executable)} -m pip install 'clipseek[{extra}]'"
