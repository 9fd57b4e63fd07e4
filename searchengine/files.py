"""Files: read whole, and written beside and renamed."""

from __future__ import annotations

from pathlib import Path

from searchengine.errors import PathNotFoundError, reason_of


def read_file(path: Path) -> bytes:
    """The bytes of a file. Raises PathNotFoundError with the reason."""
    try:
        return path.expanduser().read_bytes()
    except OSError as error:
        raise PathNotFoundError(path, reason_of(error)) from error
