"""Files that Pillow reads as another picture than viewers show."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from searchengine.errors import UnreadableImageError
from searchengine.images.decode import read_image
from searchengine.images.jpeg import MAX_SCANS
from tests.images.tiff_files import Page, tiff_of

WHITE = [255] * 3


def encode(image: Image.Image, image_format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def pixels(data: bytes, name: str = "") -> np.ndarray[Any, Any]:
    return np.asarray(read_image(data, name=name)[0]).astype(int)


# --- a transparent colour of PNG, in files of other than 8 bits


def png(bits: int, kind: int, row: bytes, transparent: tuple[int, ...]) -> bytes:
    """A row of two pixels, of which the colour of one is transparent."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 1, bits, kind, 0, 0, 0))
        + chunk(b"tRNS", struct.pack(f">{len(transparent)}H", *transparent))
        + chunk(b"IDAT", zlib.compress(b"\0" + row))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(("bits", "row"), [(1, b"\x80"), (2, b"\x40"), (4, b"\x10"), (8, b"\1\0")])
def test_a_transparent_gray(bits: int, row: bytes) -> None:
    assert pixels(png(bits, 0, row, (1,)))[0].tolist() == [WHITE, [0] * 3]


def test_a_transparent_gray_of_16_bits() -> None:
    data = png(16, 0, struct.pack(">HH", 30_000, 60_000), (30_000,))
    assert pixels(data)[0].tolist() == [WHITE, [233] * 3]


def test_a_transparent_colour_of_16_bits() -> None:
    one, other = (5_120, 10_240, 2_560), (2_560, 5_120, 10_240)
    data = png(16, 2, struct.pack(">6H", *one, *other), one)
    assert pixels(data)[0].tolist() == [WHITE, [10, 20, 40]]


# --- alpha that nobody set


def bmp_with_alpha(alpha: int) -> bytes:
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    head = struct.pack("<IiiHHIIiiII", 108, 2, 1, 1, 32, 3, 8, 0, 0, 0, 0) + masks.ljust(68, b"\0")
    body = bytes((30, 20, 10, alpha, 30, 20, 10, 0))
    return b"BM" + struct.pack("<IHHI", 14 + len(head) + 8, 0, 0, 14 + len(head)) + head + body


def tga(alpha: int) -> bytes:
    head = struct.pack("<BBBHHBHHHHBB", 0, 0, 2, 0, 0, 0, 0, 0, 2, 1, 32, 0x20)
    return head + bytes((30, 20, 10, alpha, 30, 20, 10, 0))


@pytest.mark.parametrize(("make", "name"), [(bmp_with_alpha, "a.bmp"), (tga, "a.tga")])
def test_alpha_that_hides_all_of_a_picture_is_none(make: Any, name: str) -> None:
    assert pixels(make(0), name)[0].tolist() == [[10, 20, 30]] * 2
    assert pixels(make(255), name)[0].tolist() == [[10, 20, 30], WHITE]


# --- palettes of TIFF


@pytest.mark.parametrize("factor", [1, 257])
@pytest.mark.parametrize("bits", [4, 8])
def test_palettes_of_8_and_of_16_bits_a_colour(factor: int, bits: int) -> None:
    count = 1 << bits
    colours = np.random.default_rng(0).integers(0, 256, (3, count))
    indices = np.arange(count, dtype=np.uint8).reshape(2, -1)
    table = (320, "H", tuple(int(level) * factor for level in colours.ravel()))
    page = Page(indices, photometric=3, bits=bits, tags=(table,))
    assert np.array_equal(pixels(tiff_of(page)), colours.T[indices])


# --- JPEG 2000 in colour of 16 bits

WHITE_AND_BLACK = base64.b85decode(
    b"|4;u>051Rl0000W0000W00000000000000W0000W000000000000R#J0S^HI4*>!HQUDA9000311q1{D0smY86F`87h>"
    b"(bgkcfzoh=`Dgh>-t~015yA0002a00IA#&-^G11VN9_{3r|rL66V;C=3KakI(!l3<xIQ&-^G12qxdp{3r|vCf~>Y6bt|"
    b"XU6~B0-^czG3;+RLnGC1j$Nm%y00CW@45#1E{6HiZ*mZ(c?B)SK&-_3n7ua=zRqW;gKhOL?Bp29qf>rG10YA_DKrkX24"
    b";a2=EoK2f|9{W?KrkX24;a2=EoK2f|9{W?KrkX24;a2=EoK2f|9{W?Ko~ZjLF0|D&-_3bHl9J_jjzxAKo~ZjLF0|D|Je"
)
"""32 x 32, of 16 bits, reversible: white on the left, black on the right."""


def test_white_of_16_bits() -> None:
    expected = np.zeros((32, 32, 3), int)
    expected[:, :16] = 255
    assert np.array_equal(pixels(WHITE_AND_BLACK), expected)


def test_nearly_white_of_16_bits_with_losses() -> None:
    levels = np.full((32, 32, 3), 252, np.uint8)
    levels[:8] = np.random.default_rng(0).integers(200, 256, (8, 32, 3))
    levels[12:] = 0
    data = bytearray(encode(Image.fromarray(levels), "JPEG2000", irreversible=True, no_jp2=True))
    depths = data.index(b"\xff\x51") + 40
    data[depths : depths + 9 : 3] = b"\x0f" * 3  # steps are in parts of the range of 16 bits now
    assert np.abs(pixels(bytes(data)) - levels).max() <= 1


# --- how a picture is turned


def test_xmp_does_not_turn_what_avif_has_turned() -> None:
    xmp = b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/>'
    assert read_image(encode(Image.new("RGB", (6, 4)), "AVIF", xmp=xmp))[0].size == (6, 4)


# --- what takes hours


def test_a_jpeg_of_thousands_of_scans_is_refused() -> None:
    data = encode(Image.new("L", (64, 64)), "JPEG", progressive=True)
    scan = data[data.rindex(b"\xff\xda") : -2]
    few, many = (data[:-2] + count * scan + b"\xff\xd9" for count in (9, 1000))
    assert read_image(few)[0].size == (64, 64)
    with pytest.raises(UnreadableImageError, match=r"^not supported: a JPEG of 1,0\d\d scans$"):
        read_image(many)


def test_scans_behind_the_end_of_a_jpeg_do_not_count() -> None:
    data = encode(Image.new("L", (64, 64)), "JPEG") + b"\xff\xda" * (MAX_SCANS + 1)
    assert read_image(data)[0].size == (64, 64)
