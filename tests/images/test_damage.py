"""Whatever bytes come in: a picture, or one plain reason, in bounded time and memory."""

from __future__ import annotations

import io
import re
import struct
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from searchengine.errors import ImageError, MissingExtraError
from searchengine.images.decode import read_image
from searchengine.images.reasons import DAMAGED, NOT_RAW, TRUNCATED, decoding_reason
from tests.images.test_decode import dng_of, encode, mosaic_of, scene
from tests.images.tiff_files import Page, tiff_of

DAMAGES = 14
"""Of each file of the corpus."""

PYTHON = re.compile(
    r"\bb['\"]|<|\b(object|NoneType|tuple|argument|attribute|unpack|codec|byte 0x|\w+Error|\w*_\w+"
    r"|subscriptable|iterable|string to float|literal|index out of range|buffer of)\b"
)
"""What no reason may hold."""


def heic() -> bytes:
    pillow_heif = pytest.importorskip("pillow_heif", reason="pillow-heif is not installed")
    buffer = io.BytesIO()
    pillow_heif.from_pillow(scene(64, 64)).save(buffer, quality=50)
    return buffer.getvalue()


def dng(preview: bool) -> bytes:
    pytest.importorskip("rawpy", reason="rawpy is not installed")
    return dng_of(mosaic_of(64, 48), preview=pillow("JPEG") if preview else None)


def pillow(image_format: str, **options: Any) -> bytes:
    exif = Image.Exif()
    exif[271], exif[274], exif[306] = "Canon", 6, "2012:07:15 18:30:59"
    if image_format in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF"):
        options["exif"] = exif
    return encode(scene(48, 32), image_format, **options)


DEEP = np.asarray(scene(48, 32)).astype(np.uint16) * 257
CORPUS: dict[str, Callable[[], bytes]] = {
    "a.jpg": lambda: pillow("JPEG"),
    "progressive.jpg": lambda: pillow("JPEG", progressive=True),
    "a.mpo": lambda: encode(scene(48, 32), "MPO", save_all=True, append_images=[scene(48, 32)]),
    "a.png": lambda: pillow("PNG"),
    "a.apng": lambda: encode(scene(48, 32), "PNG", save_all=True, append_images=[scene(48, 32)]),
    "a.webp": lambda: pillow("WEBP"),
    "a.gif": lambda: pillow("GIF"),
    "a.bmp": lambda: pillow("BMP"),
    "a.dib": lambda: pillow("DIB"),
    "a.tif": lambda: pillow("TIFF"),
    "lzw.tif": lambda: pillow("TIFF", compression="tiff_lzw"),
    "jpeg.tif": lambda: pillow("TIFF", compression="jpeg"),
    "planes.tif": lambda: tiff_of(Page(DEEP, 2, planar=True, compression=8, rows=9)),
    "tiles.tif": lambda: tiff_of(Page(DEEP, 2, tile=(16, 16), predictor=2), big_endian=True),
    "floats.tif": lambda: tiff_of(Page(DEEP.astype(np.float32), 2, predictor=3), big=True),
    "a.avif": lambda: pillow("AVIF"),
    "a.jp2": lambda: pillow("JPEG2000"),
    "a.j2k": lambda: pillow("JPEG2000", no_jp2=True),
    "a.ppm": lambda: pillow("PPM"),
    "deep.ppm": lambda: b"P6 48 32 65535\n" + DEEP.astype(">u2").tobytes(),
    "letters.ppm": lambda: b"P3 4 4 255\n" + b" ".join(b"%d" % level for level in range(48)),
    "letters.pbm": lambda: b"P1 4 4\n" + b"1 0 1 0\n" * 4,
    "a.tga": lambda: pillow("TGA"),
    "packed.tga": lambda: pillow("TGA", compression="tga_rle"),
    "a.heic": heic,
    "sensor.dng": lambda: dng(preview=False),
    "preview.dng": lambda: dng(preview=True),
}


def assert_read_or_refused(data: bytes, name: str, input_size: int | None = None) -> None:
    try:
        image, facts = read_image(data, name=name, input_size=input_size, max_megapixels=4)
    except (ImageError, MissingExtraError) as error:
        said = str(error)
        assert said
        assert "\n" not in said
        assert not PYTHON.search(said), said
    else:
        assert image.mode == "RGB"
        assert min(*image.size, facts.width, facts.height) > 0


@pytest.mark.parametrize("name", CORPUS)
def test_the_corpus_is_sound(name: str) -> None:
    image, _ = read_image(CORPUS[name](), name=name)
    assert image.mode == "RGB"


@pytest.mark.parametrize("name", CORPUS)
def test_damaged_files(name: str) -> None:
    good = CORPUS[name]()
    random = np.random.default_rng(list(name.encode()))
    began = time.process_time()
    for number in range(DAMAGES):
        data = bytearray(good)
        if number % 3 == 0:
            del data[int(random.integers(1, len(data))) :]
        reach = min(len(data), (32, 400, len(data))[number % 3])
        for at in random.integers(0, reach, random.integers(0, 8)):
            data[at] = random.choice([int(random.integers(0, 256)), 0, 255])
        assert_read_or_refused(bytes(data), name, 16 if number % 2 else None)
    assert time.process_time() - began < 20


@settings(max_examples=150)
@given(
    start=st.sampled_from(
        [
            b"\xff\xd8\xff\xe0",
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
            b"RIFF\xff\0\0\0WEBPVP8X",
            b"GIF89a",
            b"BM",
            b"(\0\0\0",
            b"II*\0\x08\0\0\0\x04\0",
            b"MM\0*\0\0\0\x08\0\x04",
            b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0",
            b"\0\0\0\x1cftypavif",
            b"\0\0\0\x1cftypheic",
            b"\0\0\0\x1cftypmif1",
            b"\xff\x4f\xff\x51\0\x29",
            b"\0\0\0\x0cjP  \r\n\x87\n",
            b"P6 4 4 255\n",
            b"P2 3 3 7 ",
            b"FUJIFILMCCD-RAW",
            b"",
        ]
    ),
    rest=st.binary(max_size=300),
    name=st.sampled_from(["x", "x.jpg", "x.tga", "x.dng", "x.cr3", "x.tif"]),
)
def test_what_only_begins_like_a_picture(start: bytes, rest: bytes, name: str) -> None:
    began = time.process_time()
    assert_read_or_refused(start + rest, name)
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("name", "data"),
    [
        (
            "x.png",
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 65_000, 65_000) + bytes(99),
        ),
        ("x.webp", b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\x10\0\0\0" + b"\xff\x3f\0" * 2 + bytes(99)),
        ("x.ppm", b"P6 65000 65000 65535\n"),
        ("x.tif", tiff_of(Page(np.zeros((9, 9), np.uint16), 0))[:-150] + b"\xff" * 150),
    ],
)
def test_headers_that_promise_gigabytes(name: str, data: bytes) -> None:
    tracemalloc.start()
    try:
        assert_read_or_refused(data, name)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 10 << 20


# --- the reasons alone


def wrapped(cause: Exception) -> SyntaxError:
    """As Pillow wraps what its parsers stumble over."""
    error = SyntaxError(cause)
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError("image file is truncated (5 bytes not processed)"),
         "truncated: image file is truncated (5 bytes not processed)"),
        (OSError("broken data stream when reading image file"),
         "corrupt: broken data stream when reading image file"),
        (SyntaxError("broken PNG file (chunk b'\\x00IDA')"), "corrupt: broken PNG file"),
        (SyntaxError("broken PNG file (bad header checksum in b'IHDR')"),
         "corrupt: broken PNG file"),
        (ValueError(b"Invalid token for this mode: \xff"), DAMAGED),
        (ValueError("cannot handle 12-bit layers"), "not supported: cannot handle 12-bit layers"),
        (OSError("Unsupported BMP pixel depth (5)"),
         "not supported: Unsupported BMP pixel depth (5)"),
        (ValueError(b"Unsupported file format or not RAW file"), NOT_RAW),
        (OSError("decoder error -2"), "corrupt: broken data stream"),
        (IndexError("index out of range"), DAMAGED),
        (wrapped(IndexError("index out of range")), DAMAGED),
        (wrapped(struct.error("unpack requires a buffer of 4 bytes")), DAMAGED),
        (KeyError(5), DAMAGED),
        (KeyError("RGB"), DAMAGED),
        (TypeError("'NoneType' object is not subscriptable"), DAMAGED),
        (ValueError("could not convert string to float: b'x'"), DAMAGED),
        (ValueError("invalid literal for int() with base 10: b'4a'"), DAMAGED),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), DAMAGED),
        (AttributeError("module 'PIL' has no attribute 'x'"), DAMAGED),
        (AssertionError(), DAMAGED),
        (SyntaxError(), DAMAGED),
        (OSError(22, "Invalid argument"), DAMAGED),
        (EOFError("no more images in GIF file"), DAMAGED),
        (MemoryError(), "not enough memory"),
        (OSError("out of memory error when reading image file"), "not enough memory"),
        (RecursionError("maximum recursion depth exceeded"), DAMAGED),
        (OSError("Truncated\nFile Read"), "truncated: Truncated File Read"),
        (SyntaxError("broken PNG file (incomplete checksum in b'tEXt')"), TRUNCATED),
    ],
)  # fmt: skip
def test_reasons(error: Exception, reason: str) -> None:
    assert decoding_reason(error) == reason


def test_reasons_are_short() -> None:
    assert len(decoding_reason(OSError("long " * 1000))) <= 220


def test_reasons_of_rawpy() -> None:
    rawpy = pytest.importorskip("rawpy", reason="rawpy is not installed")
    said = {
        rawpy.LibRawFileUnsupportedError(b"Unsupported file format or not RAW file"): NOT_RAW,
        rawpy.LibRawIOError(b"Input/output error"): TRUNCATED,
        rawpy.LibRawDataError(b"Data error or unsupported file format"): (
            "corrupt: broken data stream"
        ),
        rawpy.LibRawUnsufficientMemoryError(b"Unsufficient memory"): "not enough memory",
    }
    for error, reason in said.items():
        assert decoding_reason(error) == reason
