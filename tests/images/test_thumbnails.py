from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image
from PIL.ExifTags import Base

from searchengine.errors import TooManyPixelsError, UnreadableImageError
from searchengine.images.thumbnails import Thumbnail, data_uri, make_thumbnail, read_thumbnail

RED, BLUE = (200, 0, 0), (0, 0, 200)


def opened(thumbnail: Thumbnail) -> Image.Image:
    picture = Image.open(io.BytesIO(thumbnail.jpeg))
    assert picture.format == "JPEG"
    assert picture.size == (thumbnail.width, thumbnail.height)
    return picture


def turned(image_format: str) -> bytes:
    """800 x 400, blue on its left; upright it is 400 x 800, blue on top."""
    stored = Image.new("RGB", (800, 400), RED)
    stored.paste(BLUE, (0, 0, 400, 400))
    exif = Image.Exif()
    exif[Base.Orientation] = 6
    exif[Base.Make] = "Secret Camera"
    buffer = io.BytesIO()
    stored.save(buffer, image_format, exif=exif)
    return buffer.getvalue()


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
def test_a_thumbnail_is_upright_small_and_says_nothing_of_the_place(image_format: str) -> None:
    shown = opened(read_thumbnail(turned(image_format), 100))
    assert shown.size == (50, 100)
    assert shown.getpixel((25, 20)) == pytest.approx(BLUE, abs=9)
    assert shown.getpixel((25, 80)) == pytest.approx(RED, abs=9)
    assert not shown.getexif()


def test_it_looks_like_the_picture_resized_at_once() -> None:
    y, x = np.mgrid[0:600, 0:900]
    bands = [255 * x / 900, 255 * y / 600, 128 + 100 * np.sin(x / 37) * np.cos(y / 23)]
    picture = Image.fromarray(np.stack(bands, axis=-1).astype(np.uint8))
    shown = opened(make_thumbnail(picture, 180))
    expected = picture.resize((180, 120), Image.Resampling.LANCZOS)
    difference = np.asarray(shown, np.float32) - np.asarray(expected, np.float32)
    assert np.abs(difference).mean() < 2


def test_a_picture_is_never_enlarged_nor_changed() -> None:
    for size, expected in (((30, 20), (30, 20)), ((900, 600), (480, 320)), ((3, 2000), (1, 480))):
        picture = Image.new("RGB", size, RED)
        assert opened(make_thumbnail(picture, 480)).size == expected
        assert picture.size == size


def test_what_cannot_be_read_is_said_as_by_the_decoder() -> None:
    with pytest.raises(UnreadableImageError):
        read_thumbnail(b"\xff\xd8\xff not a picture", 100)
    with pytest.raises(TooManyPixelsError):
        read_thumbnail(turned("PNG"), 100, max_megapixels=0.1)


def test_an_address_holds_the_bytes() -> None:
    data = bytes(range(256))
    kind, text = data_uri(data).split(",")
    assert kind == "data:image/jpeg;base64"
    assert base64.b64decode(text, validate=True) == data
