"""Pictures that a user names, as a query or to be described."""

from __future__ import annotations

import os
from pathlib import Path

from PIL import Image

from searchengine.errors import ImageError, InputError, QueryError
from searchengine.fetch import read_file, read_url
from searchengine.images.decode import read_image
from searchengine.retrieval.terms import Kind, Term


def open_picture(path: str | os.PathLike[str], input_size: int) -> Image.Image:
    """The picture in a file, large enough for an encoder's `input_size`.

    Raises PathNotFoundError, and InputError for a file that is no picture.
    """
    data = read_file(Path(path))
    try:
        return read_image(data, input_size=input_size, name=str(path))[0]
    except ImageError as error:
        raise InputError(f"{path}: {error}") from error


def term_image(term: Term, input_size: int) -> Image.Image:
    """The picture that a term of kind IMAGE or URL names; raises QueryError beside the above."""
    if term.kind is Kind.IMAGE:
        return open_picture(term.value, input_size)
    try:
        return read_image(read_url(term.value), input_size=input_size, name=term.value)[0]
    except ImageError as error:
        raise QueryError(f"{term.value}: {error}") from error
