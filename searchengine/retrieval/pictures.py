"""Pictures that a user names, as a query or to be described: read first, decoded later."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from searchengine.errors import ImageError, InputError, QueryError
from searchengine.files import read_file
from searchengine.images.decode import read_image
from searchengine.retrieval.query import Kind, Source
from searchengine.retrieval.web import read_url


@dataclass(frozen=True, slots=True)
class ReadPicture:
    """A source of kind FILE, URL or PICTURE, and the bytes it leads to."""

    source: Source
    data: bytes | None
    """None for a picture in memory."""

    def picture(self, input_size: int) -> Image.Image:
        """The picture, large enough for an encoder's `input_size`.

        Raises InputError for bytes that are no picture: QueryError where they are from the web.
        """
        if self.data is None:
            picture: Image.Image = self.source.value
            return picture
        name = str(self.source.value)
        try:
            return read_image(self.data, input_size=input_size, name=name)[0]
        except ImageError as error:
            kind = QueryError if self.source.kind is Kind.URL else InputError
            raise kind(f"{name}: {error}") from error


def read_pictures(sources: Iterable[Source]) -> list[ReadPicture]:
    """The sources with their bytes. Raises PathNotFoundError, and QueryError for addresses."""
    return [ReadPicture(source, _bytes_of(source)) for source in sources]


def _bytes_of(source: Source) -> bytes | None:
    if source.kind is Kind.FILE:
        return read_file(Path(source.value))
    return read_url(source.value) if source.kind is Kind.URL else None
