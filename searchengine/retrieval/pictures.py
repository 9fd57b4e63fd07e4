"""Pictures that a user names, as a query or to be described."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from pathlib import Path

from PIL import Image

from searchengine.errors import ImageError, InputError, QueryError
from searchengine.files import read_file
from searchengine.images.decode import read_image
from searchengine.retrieval.query import Kind, Source

MAX_BYTES = 64 * 2**20
"""A picture larger than this on the web is not fetched."""


TIMEOUT_SECONDS = 15


def open_picture(path: str | os.PathLike[str], input_size: int) -> Image.Image:
    """The picture in a file, large enough for an encoder's `input_size`.

    Raises PathNotFoundError, and InputError for a file that is no picture.
    """
    data = read_file(Path(path))
    try:
        return read_image(data, input_size=input_size, name=str(path))[0]
    except ImageError as error:
        raise InputError(f"{path}: {error}") from error


def source_picture(source: Source, input_size: int) -> Image.Image:
    """The picture that a source of kind FILE, URL or PICTURE is, for an encoder's `input_size`.

    Raises as `open_picture` and `read_url`, and QueryError for an address of no picture.
    """
    if source.kind is Kind.PICTURE:
        picture: Image.Image = source.value
        return picture
    if source.kind is Kind.FILE:
        return open_picture(source.value, input_size)
    try:
        return read_image(read_url(source.value), input_size=input_size, name=source.value)[0]
    except ImageError as error:
        raise QueryError(f"{source.value}: {error}") from error


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
