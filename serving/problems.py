"""Errors as HTTP says them: a status, and problem details (RFC 9457).

ClipseekError
├── FileChangedError       410  the file is not the one that was indexed
├── PictureForgottenError  410  an uploaded picture is no longer held
├── UploadTooLargeError    413
├── UploadRefusedError     415  the upload is no picture that is taken
├── RangeRefusedError      416  a part of a file that it does not have
├── IndexRefusedError      403  who asks may not begin an index run
├── IndexUnderWayError     409  an index run that was begun here has not ended
└── LibraryGoneError       503  the library is not where it was
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from searchengine.errors import (
    ClipseekError,
    EncoderError,
    ImageError,
    InputError,
    LibraryError,
    MissingExtraError,
    NothingIndexedError,
    NotListedError,
    RefusedValueError,
    SpaceNotFoundError,
    UnknownNameError,
)

MEDIA_TYPE = "application/problem+json"


class FileChangedError(ClipseekError):
    """The file of an image is gone, or is not the one that was indexed."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name}: {why}; bring the library up to date with: clipseek index PATH")


class PictureForgottenError(ClipseekError):
    """An uploaded picture that a query names is no longer in memory."""

    def __init__(self) -> None:
        super().__init__(
            "the picture that was searched by is no longer held; drop or upload it again"
        )


class UploadTooLargeError(ClipseekError):
    """An upload of more bytes or pixels than are taken."""


class UploadRefusedError(ClipseekError):
    """An upload that is no picture, or of a kind that is not taken."""


class RangeRefusedError(ClipseekError):
    """A range that begins behind the end of the file."""

    def __init__(self, size: int) -> None:
        super().__init__(f"the file has {size:,} bytes, and the range begins behind them")
        self.size = size


class IndexRefusedError(ClipseekError):
    """Who asks may not index a folder, or nobody may."""

    def __init__(
        self,
        why: str = "this server indexes nothing",
        way_out: str = "use: clipseek index PATH",
    ) -> None:
        super().__init__(f"{why}; {way_out}")


class IndexUnderWayError(ClipseekError):
    """An index run that was begun on the page has not ended."""

    def __init__(self, folder: str) -> None:
        super().__init__(f"{folder} is being indexed; wait until that has ended, or stop it")


class LibraryGoneError(LibraryError):
    """The library that is served is not where it was."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(
            f"the library at {path} cannot be read: {why}; bring it back, or mount its drive: it "
            "is answered from again as soon as it is there"
        )


_STATUS: list[tuple[type[ClipseekError], HTTPStatus]] = [
    (NotListedError, HTTPStatus.NOT_FOUND),
    (UnknownNameError, HTTPStatus.NOT_FOUND),
    (FileChangedError, HTTPStatus.GONE),
    (PictureForgottenError, HTTPStatus.GONE),
    (UploadTooLargeError, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (UploadRefusedError, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    (RangeRefusedError, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE),
    (IndexRefusedError, HTTPStatus.FORBIDDEN),
    (IndexUnderWayError, HTTPStatus.CONFLICT),
    (ImageError, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    (NothingIndexedError, HTTPStatus.CONFLICT),
    (SpaceNotFoundError, HTTPStatus.NOT_FOUND),
    (InputError, HTTPStatus.BAD_REQUEST),
    (RefusedValueError, HTTPStatus.BAD_REQUEST),
    (LibraryError, HTTPStatus.SERVICE_UNAVAILABLE),
    (EncoderError, HTTPStatus.SERVICE_UNAVAILABLE),
    (MissingExtraError, HTTPStatus.SERVICE_UNAVAILABLE),
]
"""The first class that fits counts."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong with a request, for programs and for people."""

    status: int
    detail: str
    """One sentence: what, why, and what to do."""

    @property
    def title(self) -> str:
        """The name of the status, as RFC 9457 asks for where there is no type of our own."""
        return HTTPStatus(self.status).phrase

    def record(self) -> dict[str, Any]:
        """The JSON object of RFC 9457."""
        return {
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        }


def problem_of(error: ClipseekError) -> Problem:
    """The problem that a known error is."""
    for kind, status in _STATUS:
        if isinstance(error, kind):
            return Problem(status, str(error))
    return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))
