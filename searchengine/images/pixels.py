"""Pixels of any kind to upright RGB of 8 bits: how many there may be, and what is white."""

from __future__ import annotations

import io
import re
from typing import Any, cast

import numpy as np
from PIL import Image
from PIL.PpmImagePlugin import PpmImageFile

from searchengine.errors import TooManyPixelsError, UnreadableImageError
from searchengine.images.reasons import TRUNCATED

LEAST_REDUCED = 2
"""Sides of a reduced picture, in input sizes. Below two, vectors move: by a mean cosine of 0.995 to
0.999 at 1.5 to 1.9 (`starter`, photos with detail at that size), to win a tenth of the decoding."""

SIDEWAYS = (5, 6, 7, 8)
"""EXIF orientations that swap width and height."""

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_USUAL_HEADER = 1_000
"""Bytes of a PPM file's header that are left to Pillow."""

_USUAL_WHITES = (255.0, 4095.0, 65535.0)  # 8, 12 and 16 bits
_COMMENT = rb"#[^\r\n]*+[\r\n]?"
_COMMENTS = re.compile(rb"(?:" + _COMMENT + rb")++")
_TOKEN = rb"(?:\s|" + _COMMENT + rb")*+((?:[^\s#]|" + _COMMENT + rb")++)"
_PPM_HEADERS = (
    re.compile(rb"(P[14])\s" + 2 * _TOKEN),
    re.compile(rb"(P[2356f])\s" + 3 * _TOKEN),
)


def check_pixels(size: tuple[int, int], max_megapixels: float) -> None:
    """Raises TooManyPixelsError where (width, height) is over the limit of 10^6 pixels each."""
    megapixels = size[0] * size[1] / 1e6
    if megapixels > max_megapixels:
        raise TooManyPixelsError(megapixels, max_megapixels)


def turn_upright(image: Image.Image, orientation: int) -> Image.Image:
    """The picture as it is to be seen, from an EXIF orientation of 1 to 8."""
    return image if orientation == 1 else image.transpose(_UPRIGHT[orientation])


def reduce_blocks(image: Image.Image, input_size: int | None) -> Image.Image:
    """A large picture as the means of its blocks, for formats without a reduced decode.

    Turning and resizing all pixels of a 12-megapixel picture would cost as much as decoding it.
    """
    blocks = 1 if input_size is None else min(image.size) // (LEAST_REDUCED * input_size)
    return image.reduce(blocks) if blocks > 1 else image


def to_rgb(image: Image.Image) -> Image.Image:
    """A loaded picture of any mode as RGB; transparency lies over white."""
    if image.mode.startswith(("I", "F")):
        return _scaled_gray(image).convert("RGB")
    if image.has_transparency_data and not _is_hidden(image):
        if image.mode == "La":  # premultiplied gray converts to nothing else
            image = image.convert("LA")
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image if image.mode == "RGB" else image.convert("RGB")


def _is_hidden(image: Image.Image) -> bool:
    """Whether all is transparent in a format in which many programs leave the alpha unset."""
    is_often_unset = image.format in ("BMP", "DIB", "TGA") and image.mode == "RGBA"
    return is_often_unset and image.getchannel("A").getextrema() == (0, 0)


def _scaled_gray(image: Image.Image) -> Image.Image:
    """Modes I;16, I and F as L, over white; Pillow's own conversion clips at 255."""
    values = finite(np.asarray(image, dtype=np.float32))
    low, high = value_range(float(values.min()), float(values.max()), image.mode == "F")
    levels = (scaled(values, low, high) + 0.5).astype(np.uint8)
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        levels[values == transparent] = 255
    return Image.fromarray(levels)


def without_comments(data: bytes) -> bytes:
    """A PBM, PGM or PPM file without what is to be skipped, and any other as it is.

    Pillow skips comments byte by byte, and in the text of plain files, whose pixels are digits,
    copies the rest for each. Raises UnreadableImageError where the header does not end.
    """
    if not re.match(rb"P[1-6f]\s", data):
        return data
    header = next(filter(None, (known.match(data) for known in _PPM_HEADERS)), None)
    if header is None:
        raise UnreadableImageError(TRUNCATED)
    is_plain, end = data[1:2] in b"123", header.end()
    if end <= _USUAL_HEADER and not (is_plain and b"#" in data):
        return data
    tokens = [_COMMENTS.sub(b"", token) for token in header.groups()]
    pixels = _COMMENTS.sub(b"", data[end:]) if is_plain else data[end:]
    return b" ".join(tokens) + pixels


def load_ppm(image: PpmImageFile) -> Image.Image:
    """The pixels of an opened PPM or PGM file, in any of Pillow's modes.

    Pillow itself works out those of other than 8 bits in a Python loop, a pixel at a time.

    Raises UnreadableImageError where rows are missing.
    """
    name, _, offset, arguments = image.tile[0]
    if name != "ppm":
        image.load()
        return image
    most = int(arguments[1])  # type: ignore[index]
    bands = 3 if image.mode == "RGB" else 1
    count, kind = image.width * image.height * bands, ">u2" if most > 255 else "u1"
    data = cast(io.BytesIO, image.fp).getbuffer()
    if len(data) - offset < count * np.dtype(kind).itemsize:
        raise UnreadableImageError(TRUNCATED)
    values = np.frombuffer(data, kind, count, offset)
    shades = np.minimum(np.arange(1 << 16) * (255 / most) + 0.5, 255).astype(np.uint8)
    pixels = shades[values].reshape(image.height, image.width, bands)
    return Image.fromarray(pixels if bands == 3 else pixels[..., 0])


def finite(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """NaN and the infinities as 0."""
    return np.where(np.isfinite(values), values, 0)


def value_range(low: float, high: float, is_float: bool) -> tuple[float, float]:
    """What is black and what is white, from the least and the largest value of a picture.

    White is the smallest usual white (1 for floats; 8, 12, 16 bits) that holds all values. Where
    none does, or values are negative, the range of the values is stretched.
    """
    if low < 0:
        return low, high
    whites = (1.0, *_USUAL_WHITES) if is_float else _USUAL_WHITES
    return 0.0, next((white for white in whites if high <= white), high)


def scaled(values: np.ndarray[Any, Any], low: float, high: float) -> np.ndarray[Any, Any]:
    """Values between `low` and `high` as levels of 0 to 255, not rounded; all 0 without a range."""
    return (values - low) * (255.0 / (high - low) if high > low else 0.0)
