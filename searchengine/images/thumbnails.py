"""Small upright pictures as JPEG, from the bytes of an image file or from a picture."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

from PIL import Image

from searchengine.images.decode import MAX_MEGAPIXELS, read_image

QUALITY = 82
"""Of JPEG, which every browser shows and every build of Pillow writes."""


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small picture, upright and without EXIF."""

    jpeg: bytes
    width: int
    height: int


def read_thumbnail(
    data: bytes, side: int, *, name: str = "", max_megapixels: float = MAX_MEGAPIXELS
) -> Thumbnail:
    """The image in the bytes of a file, its longer side at most `side` pixels; never enlarged.

    `name` and `max_megapixels` are as in `read_image`, and so is what is raised.
    """
    picture, _ = read_image(data, name=name, input_size=side, max_megapixels=max_megapixels)
    return _shrunk(picture, side)


def make_thumbnail(picture: Image.Image, side: int) -> Thumbnail:
    """An RGB picture, its longer side at most `side` pixels; never enlarged, nor itself changed."""
    return _shrunk(picture.copy(), side)


def _shrunk(picture: Image.Image, side: int) -> Thumbnail:
    """A thumbnail of a picture that nobody else needs: it is made smaller itself."""
    picture.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=3)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=QUALITY, optimize=True)
    return Thumbnail(buffer.getvalue(), picture.width, picture.height)


def data_uri(jpeg: bytes) -> str:
    """A JPEG as the address of a picture that travels inside a page."""
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode('ascii')}"
