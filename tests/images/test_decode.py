from __future__ import annotations

import io
import struct
import sys
import threading
import warnings
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps
from PIL.ExifTags import Base

from searchengine.errors import MissingExtraError, TooManyPixelsError, UnreadableImageError
from searchengine.images.decode import read_image
from searchengine.images.pixels import without_comments

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def encode(image: Image.Image, image_format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def scene(width: int, height: int) -> Image.Image:
    """Smooth colours with one dark corner, so that no turn looks like another."""
    y, x = np.mgrid[0:height, 0:width]
    bands = [255 * x / width, 255 * y / height, 128 + 100 * np.sin(x / 37) * np.cos(y / 23)]
    pixels = np.stack(bands, axis=-1).astype(np.uint8)
    pixels[: height // 4, : width // 4] = 0
    return Image.fromarray(pixels)


def with_orientation(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[Base.Orientation] = orientation
    return exif


def difference(one: Image.Image, other: Image.Image, size: tuple[int, int] = (64, 64)) -> float:
    """Mean absolute difference of the small versions, in levels of 255."""
    small = [np.asarray(image.convert("RGB").resize(size), np.float32) for image in (one, other)]
    return float(np.abs(small[0] - small[1]).mean())


# --- formats, orientation, facts


@pytest.mark.parametrize("image_format", ["PNG", "BMP", "TIFF", "GIF", "WEBP"])
def test_lossless_formats_come_back_exactly(image_format: str) -> None:
    picture = scene(40, 30).quantize(64).convert("RGB")
    image, facts = read_image(encode(picture, image_format, lossless=True))
    assert np.array_equal(np.asarray(image), np.asarray(picture))
    assert (image.mode, facts.width, facts.height, facts.format) == ("RGB", 40, 30, image_format)


@pytest.mark.parametrize("image_format", ["JPEG", "AVIF"])
def test_lossy_formats(image_format: str) -> None:
    image, facts = read_image(encode(scene(120, 80), image_format, quality=95))
    assert difference(image, scene(120, 80)) < 3
    assert (facts.width, facts.height, facts.format) == (120, 80, image_format)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_orientations_agree_with_pillow(image_format: str, orientation: int) -> None:
    options = {"quality": 95, "lossless": True, "exif": with_orientation(orientation)}
    data = encode(scene(48, 32), image_format, **options)
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    image, facts = read_image(data)
    assert np.array_equal(np.asarray(image), np.asarray(expected))
    assert (facts.width, facts.height) == expected.size == image.size
    assert expected.size == ((48, 32) if orientation < 5 else (32, 48))
    again = ImageOps.exif_transpose(image)
    assert np.array_equal(np.asarray(again), np.asarray(image)), "nothing is left to apply twice"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientations_of_avif(orientation: int) -> None:
    data = encode(scene(48, 32), "AVIF", quality=95, exif=with_orientation(orientation))
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    image, facts = read_image(data)
    assert np.array_equal(np.asarray(image), np.asarray(expected))
    assert (facts.width, facts.height) == image.size


def test_facts_come_from_the_same_parse() -> None:
    exif = with_orientation(6)
    exif[Base.Make], exif[Base.Model] = "Canon", "Canon EOS 5D"
    exif[Base.DateTime] = "2012:07:15 18:30:59"
    _, facts = read_image(encode(scene(640, 480), "JPEG", exif=exif), input_size=32)
    assert (facts.width, facts.height) == (480, 640), "the full size, not the reduced one"
    assert facts.camera == "Canon EOS 5D"
    assert facts.taken_at == datetime(2012, 7, 15, 18, 30, 59)


def test_exif_behind_the_pixels_of_a_png() -> None:
    data = encode(scene(48, 32), "PNG", exif=with_orientation(6))
    at = data.index(b"eXIf") - 4
    length = 12 + struct.unpack(">I", data[at : at + 4])[0]
    chunk, end = data[at : at + length], data.rindex(b"IEND") - 4
    moved = data[:at] + data[at + length : end] + chunk + data[end:]
    assert read_image(moved)[0].size == (32, 48)


def test_corrupt_exif_does_not_cost_the_picture() -> None:
    for exif in (b"Exif\0\0garbage!", b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\xee" * 40):
        image, facts = read_image(encode(scene(48, 32), "JPEG", exif=exif))
        assert image.size == (facts.width, facts.height) == (48, 32)
        assert (facts.camera, facts.taken_at) == (None, None)


# --- reduced decoding


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_reduced_jpeg_looks_like_the_full_one(mode: str, orientation: int) -> None:
    picture = scene(800, 500).convert(mode)
    data = encode(picture, "JPEG", quality=92, exif=with_orientation(orientation))
    full, full_facts = read_image(data)
    small, small_facts = read_image(data, input_size=56)
    assert sorted(full.size) == [500, 800]
    assert sorted(small.size) == [125, 200], "a quarter: an eighth would be below 2 x 56"
    assert small_facts == full_facts
    assert difference(full, small) < 1.0


@pytest.mark.parametrize("size", [(112, 112), (111, 500), (224, 250), (25, 12), (1250, 113)])
def test_both_sides_stay_at_twice_the_input_size(size: tuple[int, int]) -> None:
    image, facts = read_image(encode(scene(*size), "JPEG"), input_size=56)
    assert min(image.size) >= min(112, *size)
    assert (facts.width, facts.height) == size


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize(
    ("image_format", "mode"),
    [("PNG", "RGB"), ("PNG", "RGBA"), ("PNG", "P"), ("PNG", "LA"), ("TIFF", "L"), ("WEBP", "RGB")],
)
def test_formats_without_a_reduced_decode_are_reduced_after_it(
    image_format: str, mode: str, orientation: int
) -> None:
    picture = scene(803, 502).convert(mode)
    exif = with_orientation(orientation)
    data = encode(picture, image_format, lossless=True, exif=exif)
    full, full_facts = read_image(data)
    small, small_facts = read_image(data, input_size=56)
    assert sorted(full.size) == [502, 803]
    assert sorted(small.size) == [126, 201], "blocks of 4: blocks of 5 would be below 2 x 56"
    assert small_facts == full_facts
    assert difference(full, small) < 1.0


def test_mpo_is_reduced_as_well() -> None:
    first, second = scene(640, 480), scene(640, 480).rotate(180)
    data = encode(first, "MPO", save_all=True, append_images=[second])
    image, facts = read_image(data, input_size=60)
    assert (image.size, facts.format, facts.width) == ((160, 120), "MPO", 640)
    assert difference(image, first) < 3


# --- modes


def test_16_bit_gray_is_scaled_not_clipped() -> None:
    ramp = np.linspace(0, 65535, 512, dtype=np.uint16).reshape(1, -1).repeat(4, axis=0)
    expected = np.round(ramp / 257).astype(np.uint8)
    for image_format in ("PNG", "TIFF"):
        image, _ = read_image(encode(Image.fromarray(ramp), image_format))
        assert np.array_equal(np.asarray(image)[..., 1], expected)
    big_endian = Image.frombytes("I;16B", (512, 4), ramp.astype(">u2").tobytes())
    image, _ = read_image(encode(big_endian, "TIFF"))
    assert np.array_equal(np.asarray(image)[..., 1], expected)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[0.0, 0.5, 1.0]], np.float32), [0, 128, 255]),
        (np.array([[0.0, 128.0, 255.0]], np.float32), [0, 128, 255]),
        (np.array([[-1.0, 0.0, 1.0]], np.float32), [0, 128, 255]),
        (np.array([[np.nan, 0.5, 1.0]], np.float32), [0, 128, 255]),
        (np.array([[7.0, 7.0, 7.0]], np.float32), [7, 7, 7]),
        (np.array([[-7.0, -7.0, -7.0]], np.float32), [0, 0, 0]),
        (np.array([[0, 2047, 4095]], np.int32), [0, 127, 255]),
        (np.array([[0, 32896, 65535]], np.int32), [0, 128, 255]),
        (np.array([[0, 1 << 29, 1 << 30]], np.int32), [0, 128, 255]),
        (np.array([[-32768, 0, 32767]], np.int32), [0, 128, 255]),
    ],
)
def test_float_and_32_bit_images(values: np.ndarray[Any, Any], expected: list[int]) -> None:
    image, _ = read_image(encode(Image.fromarray(values), "TIFF"))
    assert np.asarray(image)[0].tolist() == [[level] * 3 for level in expected]


def test_16_bit_colour_png() -> None:
    """Pillow cannot write one, so by hand: one red, one half gray pixel."""
    row = b"\0" + struct.pack(">6H", 65535, 0, 0, 32896, 32896, 32896)
    data = png_of(2, 1, depth=16, colour_type=2, pixels=zlib.compress(row))
    assert np.asarray(read_image(data)[0])[0].tolist() == [list(RED), [128] * 3]


def rgba() -> Image.Image:
    image = Image.new("RGBA", (3, 1), (255, 0, 0, 255))
    image.putpixel((1, 0), (255, 0, 0, 0))
    image.putpixel((2, 0), (255, 0, 0, 128))
    return image


@pytest.mark.parametrize("image_format", ["PNG", "WEBP", "TIFF"])
def test_alpha_lies_over_white(image_format: str) -> None:
    image, _ = read_image(encode(rgba(), image_format, lossless=True))
    pixels = np.asarray(image)[0].astype(int)
    assert pixels[:2].tolist() == [list(RED), list(WHITE)]
    assert np.abs(pixels[2] - (255, 127, 127)).max() <= 1


@pytest.mark.parametrize("mode", ["LA", "PA"])
def test_gray_and_palette_alpha(mode: str) -> None:
    image = Image.new(mode, (2, 1), (0, 255))
    if mode == "PA":
        image.putpalette([0, 0, 0])
    image.putpixel((1, 0), (0, 0))
    data = encode(image, "PNG" if mode == "LA" else "TIFF")
    assert np.asarray(read_image(data)[0])[0].tolist() == [[0, 0, 0], list(WHITE)]


@pytest.mark.parametrize("image_format", ["GIF", "PNG"])
def test_transparent_palette_entry_lies_over_white(image_format: str) -> None:
    image = Image.new("P", (2, 1), 0)
    image.putpalette([*RED, *BLUE])
    image.putpixel((1, 0), 1)
    data = encode(image, image_format, transparency=1)
    assert np.asarray(read_image(data)[0])[0].tolist() == [list(RED), list(WHITE)]


def test_transparent_palette_with_bytes_does_not_warn() -> None:
    image = Image.new("P", (2, 1), 0)
    image.putpalette([*RED, *BLUE])
    data = encode(image, "PNG", transparency=b"\xff\x00")
    assert np.asarray(read_image(data)[0])[0].tolist() == [list(RED)] * 2


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_transparent_colour_key_lies_over_white(mode: str) -> None:
    image = Image.new(mode, (2, 1), 0)
    image.putpixel((1, 0), 100 if mode == "L" else (10, 20, 30))
    data = encode(image, "PNG", transparency=100 if mode == "L" else (10, 20, 30))
    assert np.asarray(read_image(data)[0])[0].tolist() == [[0, 0, 0], list(WHITE)]


def test_one_bit() -> None:
    image = Image.new("1", (2, 1), 0)
    image.putpixel((1, 0), 1)
    assert np.asarray(read_image(encode(image, "PNG"))[0])[0].tolist() == [[0] * 3, list(WHITE)]


@pytest.mark.parametrize("image_format", ["JPEG", "TIFF"])
def test_cmyk(image_format: str) -> None:
    """Pillow writes CMYK JPEGs inverted with an Adobe marker, as Photoshop does."""
    image, _ = read_image(encode(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), image_format))
    assert np.abs(np.asarray(image).astype(int) - RED).max() <= 2


def test_lab() -> None:
    data = encode(Image.new("LAB", (4, 4), (255, 128, 128)), "TIFF")
    assert np.abs(np.asarray(read_image(data)[0]).astype(int) - WHITE).max() <= 1


@pytest.mark.parametrize("image_format", ["GIF", "WEBP", "PNG", "TIFF", "AVIF"])
def test_first_frame_of_many(image_format: str) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in (RED, GREEN, BLUE)]
    data = encode(frames[0], image_format, save_all=True, append_images=frames[1:], duration=100)
    image, facts = read_image(data)
    assert np.abs(np.asarray(image).astype(int) - RED).max() <= 3
    assert facts.format == image_format


# --- what cannot be read


def png_of(width: int, height: int, depth: int, colour_type: int, pixels: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", pixels), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def test_a_bomb_is_refused_by_its_header() -> None:
    bomb = png_of(50_000, 50_000, 8, 2, zlib.compress(b"\0" * 1000))
    with pytest.raises(TooManyPixelsError, match="2500 megapixels, over the limit of 200"):
        read_image(bomb)


def test_the_limit_is_ours_not_pillows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)  # an error from 21 pixels, a warning from 11
    data = encode(scene(100, 100), "JPEG")
    assert read_image(data, max_megapixels=0.01)[0].size == (100, 100)
    with pytest.raises(TooManyPixelsError):
        read_image(data, max_megapixels=0.0099)
    assert Image.MAX_IMAGE_PIXELS == 10


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "^empty file$"),
        (b"Dear diary, this is no picture.\n" * 9, "^not an image this program knows$"),
        (b"\0" * 1000, "^not an image"),
        (b"\x89PNG\r\n\x1a\n", "^corrupt: "),
        (b"\xff\xd8\xff\xe0", "^(corrupt|truncated): "),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "^not an image"),
        (b"%PDF-1.7\n", "^not an image"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp42", "^not an image"),
    ],
)
def test_what_is_no_picture(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableImageError, match=reason):
        read_image(data, name="renamed.jpg")


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "TIFF", "WEBP", "GIF", "BMP", "AVIF"])
@pytest.mark.parametrize("part", [0.1, 0.5, 0.97])
def test_truncated_files_are_refused(image_format: str, part: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = encode(Image.fromarray(noise), image_format)
    with pytest.raises(UnreadableImageError):
        read_image(data[: int(len(data) * part)])


def test_the_reason_tells_how_much_is_missing() -> None:
    data = encode(scene(400, 300), "JPEG")
    with pytest.raises(UnreadableImageError, match=r"^truncated: .*\(\d+ bytes not processed\)$"):
        read_image(data[: len(data) // 2], input_size=32)


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "TIFF", "WEBP", "GIF", "BMP", "AVIF"])
def test_scrambled_files_raise_only_known_errors(image_format: str) -> None:
    good = encode(scene(24, 16), image_format)
    random = np.random.default_rng(1)
    for _ in range(60):
        data = bytearray(good)
        for at in random.integers(0, min(len(data), 400), 5):
            data[at] = random.integers(0, 256)
        try:
            image, facts = read_image(bytes(data), max_megapixels=1)
        except (UnreadableImageError, TooManyPixelsError):
            continue
        assert image.mode == "RGB"
        assert image.size == (facts.width, facts.height)


def test_warnings_are_silent_and_the_filters_restored_in_every_thread() -> None:
    corrupt_exif = encode(
        scene(64, 48), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\xee" * 40
    )
    before = list(warnings.filters)
    start = threading.Barrier(4)

    def read(_: int) -> tuple[int, int]:
        start.wait()
        return [read_image(corrupt_exif, input_size=16)[0].size for _ in range(20)][-1]

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(read, range(4))) == [(64, 48)] * 4
    assert list(warnings.filters) == before


# --- extras


def hidden(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)


@pytest.mark.parametrize("brand", [b"heic", b"mif1"])
def test_heic_without_the_extra(monkeypatch: pytest.MonkeyPatch, brand: bytes) -> None:
    hidden(monkeypatch, "pillow_heif")
    data = b"\0\0\0\x18ftyp" + brand + b"\0\0\0\0mif1heic" + b"\0" * 100
    with pytest.raises(MissingExtraError, match=r"clipseek\[heif\]"):
        read_image(data)


def test_raw_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    hidden(monkeypatch, "rawpy")
    with pytest.raises(MissingExtraError, match=r"clipseek\[raw\]"):
        read_image(b"II*\0" + b"\0" * 100, name="DSC_0001.NEF")


@pytest.fixture
def to_heic(monkeypatch: pytest.MonkeyPatch) -> Callable[[Image.Image, Image.Exif], bytes]:
    pillow_heif = pytest.importorskip("pillow_heif", reason="pillow-heif is not installed")
    for registry in ("ID", "OPEN", "SAVE", "SAVE_ALL", "MIME", "EXTENSION"):
        monkeypatch.setattr(Image, registry, getattr(Image, registry).copy())
    pillow_heif.register_heif_opener()
    return lambda image, exif: encode(image, "HEIF", quality=95, exif=exif.tobytes())


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_heic(to_heic: Callable[[Image.Image, Image.Exif], bytes], orientation: int) -> None:
    exif = with_orientation(orientation)
    exif[Base.Make], exif[Base.Model] = "Apple", "iPhone 12"
    source = scene(160, 120)
    image, facts = read_image(to_heic(source, exif), name="IMG_0001.HEIC", input_size=64)
    expected = read_image(encode(source, "PNG", exif=exif))[0]
    assert (facts.width, facts.height) == image.size == expected.size
    assert difference(image, expected) < 4
    assert (facts.format, facts.camera) == ("HEIF", "Apple iPhone 12")


def test_truncated_heic(to_heic: Callable[[Image.Image, Image.Exif], bytes]) -> None:
    data = to_heic(scene(160, 120), with_orientation(1))
    for part in (0.05, 0.5, 0.97):
        with pytest.raises(UnreadableImageError):
            read_image(data[: int(len(data) * part)])


def dng_of(
    sensor: np.ndarray[Any, Any], *, orientation: int = 1, preview: bytes | None = None
) -> bytes:
    """The smallest DNG LibRaw develops: one RGGB mosaic of 16 bits, with or without a preview."""
    height, width = sensor.shape
    pixels = sensor.astype("<u2").tobytes()
    parts = bytearray(b"II*\0\0\0\0\0")

    def append(body: bytes) -> int:
        parts.extend(b"\0" * (len(parts) % 2))
        parts.extend(body)
        return len(parts) - len(body)

    def directory(entries: list[tuple[int, str, tuple[Any, ...] | bytes]]) -> int:
        rows = b""
        for tag, kind, values in sorted(entries):
            code = {"B": 1, "s": 2, "H": 3, "I": 4, "R": 10}[kind]
            if isinstance(values, bytes):
                body, count = values, len(values)
            elif kind == "R":
                body, count = b"".join(struct.pack("<ii", v, 1) for v in values), len(values)
            else:
                body, count = struct.pack(f"<{len(values)}{kind}", *values), len(values)
            value = body.ljust(4, b"\0") if len(body) <= 4 else struct.pack("<I", append(body))
            rows += struct.pack("<HHI", tag, code, count) + value
        return append(struct.pack("<H", len(entries)) + rows + b"\0\0\0\0")

    def strip(body: bytes) -> list[tuple[int, str, tuple[Any, ...] | bytes]]:
        return [(273, "I", (append(body),)), (279, "I", (len(body),))]

    shared: list[tuple[int, str, tuple[Any, ...] | bytes]] = [
        (271, "s", b"Pentax\0"),
        (272, "s", b"PENTAX K10D\0"),
        (274, "H", (orientation,)),
        (306, "s", b"2012:07:15 18:30:59\0"),
        (50706, "B", b"\1\4\0\0"),
        (50708, "s", b"PENTAX K10D\0"),
        (50721, "R", (1, 0, 0, 0, 1, 0, 0, 0, 1)),
    ]
    mosaic: list[tuple[int, str, tuple[Any, ...] | bytes]] = [
        (254, "I", (0,)),
        (256, "I", (width,)),
        (257, "I", (height,)),
        (258, "H", (16,)),
        (259, "H", (1,)),
        (262, "H", (32803,)),
        (277, "H", (1,)),
        (278, "I", (height,)),
        (33421, "H", (2, 2)),
        (33422, "B", b"\0\1\1\2"),
        *strip(pixels),
    ]
    if preview is None:
        first = directory(shared + mosaic)
    else:
        below = directory(mosaic)
        wide, high = Image.open(io.BytesIO(preview)).size
        first = directory(
            [
                *shared,
                (254, "I", (1,)),
                (256, "I", (wide,)),
                (257, "I", (high,)),
                (258, "H", (8, 8, 8)),
                (259, "H", (7,)),
                (262, "H", (6,)),
                (277, "H", (3,)),
                (278, "I", (high,)),
                (330, "I", (below,)),
                *strip(preview),
            ]
        )
    parts[4:8] = struct.pack("<I", first)
    return bytes(parts)


def mosaic_of(width: int, height: int) -> np.ndarray[Any, Any]:
    """Gray, dark on the left and bright on the right."""
    return np.linspace(1000, 60000, width)[None, :].repeat(height, axis=0).astype(np.uint16)


def test_raw_is_developed() -> None:
    pytest.importorskip("rawpy", reason="rawpy is not installed")
    data = dng_of(mosaic_of(320, 240))
    image, facts = read_image(data, name="/x/IMG.DNG")
    assert (image.mode, image.size, facts.width, facts.height) == ("RGB", (320, 240), 320, 240)
    levels = np.asarray(image.convert("L"), np.float32).mean(axis=0)
    assert levels[300] > levels[160] > levels[20]
    assert (facts.format, facts.camera) == ("DNG", "PENTAX K10D")
    assert facts.taken_at == datetime(2012, 7, 15, 18, 30, 59)
    half, half_facts = read_image(data, name="/x/IMG.DNG", input_size=60)
    assert (half.size, half_facts) == ((160, 120), facts)
    with pytest.raises(TooManyPixelsError):
        read_image(data, name="/x/IMG.DNG", max_megapixels=0.05)


def test_raw_is_turned_upright() -> None:
    pytest.importorskip("rawpy", reason="rawpy is not installed")
    image, facts = read_image(dng_of(mosaic_of(320, 240), orientation=6), name="IMG.dng")
    assert image.size == (facts.width, facts.height) == (240, 320)
    levels = np.asarray(image.convert("L"), np.float32).mean(axis=1)
    assert levels[300] > levels[20], "a quarter turn clockwise brings the left side to the top"


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_raw_preview_is_taken_where_it_is_large_enough(orientation: int) -> None:
    pytest.importorskip("rawpy", reason="rawpy is not installed")
    preview = scene(320, 240)
    data = dng_of(
        mosaic_of(640, 480), orientation=orientation, preview=encode(preview, "JPEG", quality=95)
    )
    turned = ImageOps.exif_transpose(
        Image.open(io.BytesIO(encode(preview, "PNG", exif=with_orientation(orientation))))
    )
    image, facts = read_image(data, name="IMG.dng", input_size=120)
    assert image.size == turned.size
    assert difference(image, turned) < 3
    assert sorted((facts.width, facts.height)) == [480, 640]
    assert facts.camera == "PENTAX K10D"
    larger, _ = read_image(data, name="IMG.dng", input_size=241)
    assert sorted(larger.size) == [480, 640], "developed: the preview is too small"


def test_corrupt_raw() -> None:
    pytest.importorskip("rawpy", reason="rawpy is not installed")
    with pytest.raises(UnreadableImageError, match=r"^not a RAW photo this program knows$"):
        read_image(b"nonsense" * 100, name="IMG.dng")
    with pytest.raises(UnreadableImageError, match=r"^corrupt: the directory is cut off$"):
        read_image(dng_of(mosaic_of(64, 48))[:200], name="IMG.dng")


PGM = bytes(range(12))


@pytest.mark.parametrize(
    "data",
    [
        b"P5\n#" + b"x" * 100_000 + b"\n4 3\n255\n" + PGM,
        b"P5\n" + b"#\n" * 50_000 + b"4 3\n255\n" + PGM,
        b"P5\n4" + b" \r\n" * 50_000 + b"3\n255\n" + PGM,
        b"P5\n4 3 25#" + b"x" * 100_000 + b"\n5\n" + PGM,
        b"P2\n4 3\n255\n" + b"".join(b"%d #x\n" % value + b"#\r" * 9_000 for value in PGM),
        b"P5\n4 3\n255\n" + PGM,
        b"P5\n4 3\n255\n" + PGM + b"#" * 50_000,
    ],
    ids=["long", "many", "spaces", "in a number", "plain", "none", "behind"],
)
def test_comments_of_netpbm_cost_nothing(data: bytes) -> None:
    picture, _ = read_image(data)
    assert picture.size == (4, 3)
    assert picture.getchannel("R").tobytes() == PGM
    left = without_comments(data)
    assert len(left) < 1_000 or left == data, "Pillow reads what is left byte by byte"


def test_a_netpbm_header_without_an_end_is_refused_as_cut_off() -> None:
    with pytest.raises(UnreadableImageError, match="truncated"):
        read_image(b"P5\n#" + b"x" * 1_000_000)
