"""Pictures of a query: from a file or from the web."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path

from searchengine.errors import PathNotFoundError, QueryError, reason_of

MAX_BYTES = 64 * 2**20
"""A picture larger than this on the web is not fetched."""

TIMEOUT_SECONDS = 15


def read_file(path: Path) -> bytes:
    """The bytes of a file. Raises PathNotFoundError with the reason."""
    try:
        return path.expanduser().read_bytes()
    except OSError as error:
        raise PathNotFoundError(path, reason_of(error)) from error


def read_url(url: str) -> bytes:
    """The bytes behind an http(s) URL. Raises QueryError with the reason."""
    request = urllib.request.Request(url, headers={"User-Agent": "clipseek"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
            data: bytes = answer.read(MAX_BYTES + 1)
    except (OSError, ValueError, urllib.error.URLError) as error:
        reason = getattr(error, "reason", None) or error
        raise QueryError(f"cannot fetch {url}: {reason}; download it and give the file") from error
    if len(data) > MAX_BYTES:
        raise QueryError(f"{url} is larger than {MAX_BYTES // 2**20} MB; download and shrink it")
    return data
