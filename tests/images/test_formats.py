from __future__ import annotations

import io
import struct
import time
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from searchengine.errors import TooManyPixelsError, UnreadableImageError
from searchengine.images.decode import read_image
from searchengine.images.formats import (
    IMAGE_SUFFIXES,
    PASSED_OVER_SUFFIXES,
    RAW_SUFFIXES,
    SUFFIXES_OF,
    NameKind,
    is_image_name,
    kind_of,
)

RED = (255, 0, 0)


def encode(image: Image.Image, image_format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def scene(width: int = 48, height: int = 32) -> Image.Image:
    y, x = np.mgrid[0:height, 0:width]
    bands = [255 * x / width, 255 * y / height, np.full_like(x, 128)]
    return Image.fromarray(np.stack(bands, axis=-1).astype(np.uint8))


def worst(image: Image.Image, expected: Image.Image) -> int:
    one, other = (np.asarray(each).astype(int) for each in (image, expected))
    return int(np.abs(one - other).max())


# --- names


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.jpg", NameKind.READ),
        ("DSC00001.HIF", NameKind.READ),
        ("burst.heics", NameKind.READ),
        ("a.heifs", NameKind.READ),
        ("scan.JP2", NameKind.READ),
        ("a.j2k", NameKind.READ),
        ("x.mpo", NameKind.READ),
        ("Cg3.jpg_large", NameKind.READ),
        ("Cg3.jpg:large", NameKind.READ),
        ("a.pjpeg", NameKind.READ),
        ("a.apng", NameKind.READ),
        ("a.dib", NameKind.READ),
        ("a.tga", NameKind.READ),
        ("a/b.c/x.pgm", NameKind.READ),
        ("IMG.CR3", NameKind.RAW),
        ("disk.raw", NameKind.RAW),
        ("layers.PSD", NameKind.PASSED_OVER),
        ("x.jxl", NameKind.PASSED_OVER),
        ("logo.svg", NameKind.PASSED_OVER),
        ("a.eps", NameKind.PASSED_OVER),
        ("a.xcf", NameKind.PASSED_OVER),
        ("a.avci", NameKind.PASSED_OVER),
        ("favicon.ico", NameKind.PASSED_OVER),
        ("noext", NameKind.OTHER),
        ("jpg", NameKind.OTHER),
        ("", NameKind.OTHER),
        ("a.", NameKind.OTHER),
        ("a.mp4", NameKind.OTHER),
        ("a.jpg.xmp", NameKind.OTHER),
        ("g", NameKind.OTHER),
    ],
)
def test_what_a_name_says(name: str, kind: NameKind) -> None:
    assert kind_of(name) is kind
    assert is_image_name(name) == (kind in (NameKind.READ, NameKind.RAW))


def test_each_suffix_is_of_one_kind() -> None:
    every = [suffix for suffixes in SUFFIXES_OF.values() for suffix in suffixes]
    every += [*RAW_SUFFIXES, *PASSED_OVER_SUFFIXES]
    assert len(every) == len(set(every))
    assert all(suffix[0] == "." and suffix == suffix.lower() for suffix in every)
    assert set(every) == IMAGE_SUFFIXES | PASSED_OVER_SUFFIXES


def test_the_readme_lists_what_is_read() -> None:
    text = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    for image_format in ("JPEG 2000", "HEIC", "TGA", "PNM", "AVIF", "HIF"):
        assert image_format in text


def test_every_format_but_heif_is_one_of_pillow() -> None:
    assert set(SUFFIXES_OF) - {"HEIF"} <= set(Image.OPEN)


# --- formats


@pytest.mark.parametrize(
    ("image_format", "options"),
    [
        ("JPEG2000", {}),
        ("JPEG2000", {"no_jp2": True}),
        ("PPM", {}),
        ("TGA", {}),
        ("TGA", {"compression": "tga_rle"}),
        ("DIB", {}),
        ("BMP", {}),
    ],
)
def test_formats_of_scraped_and_scanned_collections(
    image_format: str, options: dict[str, Any]
) -> None:
    image, facts = read_image(encode(scene(), image_format, **options), name="x.jpg")
    assert worst(image, scene()) == 0
    assert (image.mode, facts.format, facts.width, facts.height) == ("RGB", image_format, 48, 32)


def test_tga_without_a_footer_is_known_by_its_name() -> None:
    old = encode(scene(), "TGA")[:-26]
    assert worst(read_image(old, name="x.TGA")[0], scene()) == 0
    with pytest.raises(UnreadableImageError, match=r"^not an image"):
        read_image(old, name="x.jpg")


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("most", [1, 100, 255, 1023, 65535])
def test_netpbm_of_any_depth(mode: str, most: int) -> None:
    levels = np.asarray(scene().convert(mode)).astype(np.float64) / 255
    stored = np.round(levels * most).astype(">u2" if most > 255 else "u1")
    head = b"P%d\n# by hand\n48 32\n%d\n" % (5 if mode == "L" else 6, most)
    image, facts = read_image(head + stored.tobytes())
    expected = Image.fromarray(np.round(stored / most * 255).astype(np.uint8)).convert("RGB")
    assert worst(image, expected) <= 1
    assert facts.format == "PPM"
    with pytest.raises(UnreadableImageError, match=r"^truncated: "):
        read_image(head + stored.tobytes()[:-1])


def test_netpbm_in_letters_and_bits() -> None:
    image, _ = read_image(b"P3 2 1 255 255 0 0 0 0 255\n")
    assert np.asarray(image).tolist() == [[list(RED), [0, 0, 255]]]
    image, _ = read_image(b"P1 2 1\n1 0\n")
    assert np.asarray(image)[0, :, 0].tolist() == [0, 255]
    image, _ = read_image(b"P4 2 1\n\x80")
    assert np.asarray(image)[0, :, 0].tolist() == [0, 255]


def test_deep_netpbm_takes_no_loop_of_python() -> None:
    pixels = np.full((1500, 1500, 3), 32768, ">u2")
    began = time.process_time()
    image, _ = read_image(b"P6 1500 1500 65535\n" + pixels.tobytes(), input_size=32)
    assert time.process_time() - began < 2, "Pillow's loop takes 4 s"
    assert image.getpixel((0, 0)) == (128, 128, 128)


@pytest.mark.parametrize("suffix", [".hif", ".heics", ".jpg"])
def test_the_kin_of_heic(suffix: str) -> None:
    pillow_heif = pytest.importorskip("pillow_heif", reason="pillow-heif is not installed")
    buffer = io.BytesIO()
    pillow_heif.from_pillow(scene(64, 64)).save(buffer, quality=95)
    image, facts = read_image(buffer.getvalue(), name=f"DSC00001{suffix}")
    assert facts.format == "HEIF"
    assert worst(image.resize((8, 8)), scene(64, 64).resize((8, 8))) <= 12


def test_sizes_are_checked_before_pixels_are_decoded() -> None:
    wide = 60_000
    size = struct.pack("<H", wide)
    for data, name in (
        (b"P6 60000 60000 255\n", ""),
        (b"P5 60000 60000 1000\n", ""),
        (b"P1 60000 60000\n1", ""),
        (b"\0\0\2" + bytes(9) + size * 2 + b"\x18\0" + bytes(99), "x.tga"),
        (b"\0\0\x0a" + bytes(9) + size * 2 + b"\x18\0" + bytes(99), "x.tga"),
        (b"GIF89a" + size * 2 + b"\0\0\0,\0\0\0\0" + b"\1\0\1\0\0\2" + bytes(9), ""),
    ):
        with pytest.raises(TooManyPixelsError, match="3600 megapixels"):
            read_image(data, name=name)
    j2k = bytearray(encode(scene(), "JPEG2000", no_jp2=True))
    j2k[8:16] = struct.pack(">II", wide, wide)
    with pytest.raises(TooManyPixelsError, match="3600 megapixels"):
        read_image(bytes(j2k))


# --- wrong suffixes


@pytest.mark.parametrize("name", ["a.dng", "a.raw", "a.NEF", "a.cr2", "a.arw", "a.x3f"])
@pytest.mark.parametrize(
    "image_format", ["JPEG", "PNG", "TIFF", "WEBP", "GIF", "BMP", "JPEG2000", "PPM", "AVIF"]
)
def test_pictures_under_raw_names(image_format: str, name: str) -> None:
    data = encode(scene(64, 64), image_format)
    expected, facts = read_image(data, name="a.jpg")
    image, own_facts = read_image(data, name=name)
    assert (worst(image, expected), own_facts) == (0, facts)


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate", "jpeg"])
@pytest.mark.parametrize("maker", [None, "NIKON CORPORATION"])
def test_developed_tiff_under_a_raw_name(maker: str | None, compression: str | None) -> None:
    exif = Image.Exif()
    if maker is not None:
        exif[271], exif[272] = maker, "NIKON D90"
    data = encode(scene(320, 240), "TIFF", exif=exif, compression=compression)
    if compression == "jpeg":
        pytest.importorskip("rawpy", reason="rawpy is not installed")
    image, facts = read_image(data, name="a.nef")
    assert worst(image, read_image(data)[0]) == 0
    assert (facts.format, facts.camera) == ("TIFF", maker and "NIKON D90")


def test_scanned_gray_under_a_raw_name_is_not_developed_as_a_sensor() -> None:
    ramp = np.linspace(0, 65535, 320).astype(np.uint16)[None].repeat(240, axis=0)
    image, _ = read_image(encode(Image.fromarray(ramp), "TIFF"), name="a.dng")
    assert np.abs(np.asarray(image)[0, :, 0].astype(int) - ramp[0] / 257).max() <= 1


@pytest.mark.parametrize(
    "data", [bytes(100_000), np.random.default_rng(0).bytes(100_000), b"KDMV" + bytes(70_000)]
)
def test_what_is_no_raw_has_one_plain_reason(data: bytes) -> None:
    pytest.importorskip("rawpy", reason="rawpy is not installed")
    with pytest.raises(UnreadableImageError, match=r"^not a RAW photo this program knows$"):
        read_image(data, name="vm-disk.raw")


# --- PNG: what is around the pixels


def chunk(kind: bytes, body: bytes, checksum: int | None = None) -> bytes:
    summed = zlib.crc32(kind + body) if checksum is None else checksum
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", summed)


def png_with(*chunks: bytes, behind: bool = False, exif: Image.Exif | None = None) -> bytes:
    data = encode(scene(), "PNG", exif=exif or Image.Exif())
    at = len(data) - 12 if behind else 33
    return data[:at] + b"".join(chunks) + data[at:]


LONG = b"prompt " * 300_000
MANY = [chunk(b"zTXt", b"k%d\0\0" % k + zlib.compress(bytes(1 << 20), 9)) for k in range(70)]


@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize(
    "chunks",
    [
        [chunk(b"zTXt", b"workflow\0\0" + zlib.compress(LONG))],
        [chunk(b"iTXt", b"workflow\0\1\0\0\0" + zlib.compress(LONG))],
        [chunk(b"iTXt", b"workflow\0\0\0\0\0" + LONG)],
        [chunk(b"tEXt", b"workflow\0" + LONG * 40)],
        [chunk(b"iCCP", b"huge\0\0" + zlib.compress(bytes(1_500_000)))],
        MANY,
        [chunk(b"tEXt", b"k\0v", checksum=7)],
        [chunk(b"gAMA", b"\0\1\2\3", checksum=7)],
        [chunk(b"gAMA", b"")],
        [chunk(b"tRNS", b"")],
        [chunk(b"zTXt", b"k\0\5junk")],
        [chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(LONG))],
        [chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(LONG))],
        [chunk(b"acTL", b"")],
        [chunk(b"fcTL", bytes(26)), chunk(b"fdAT", b"")],
    ],
    ids=range(15),
)
def test_sound_pixels_are_read_whatever_is_around_them(chunks: list[bytes], behind: bool) -> None:
    assert worst(read_image(png_with(*chunks, behind=behind))[0], scene()) == 0


def test_what_says_something_of_the_picture_is_kept() -> None:
    exif = Image.Exif()
    exif[274] = 6
    long = chunk(b"zTXt", b"workflow\0\0" + zlib.compress(LONG))
    assert read_image(png_with(long, exif=exif))[0].size == (32, 48)
    xmp = b'<x xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/>'
    for body in (b"\0\0\0\0" + xmp, b"\1\0\0\0" + zlib.compress(xmp)):
        one = chunk(b"iTXt", b"XML:com.adobe.xmp\0" + body)
        for chunks in ((one,), (long, one), (one, long, one)):
            assert read_image(png_with(*chunks))[0].size == (32, 48)
    transparent = encode(Image.new("RGB", (8, 8)), "PNG", transparency=(0, 0, 0))
    at = transparent.index(b"IDAT") - 4
    image, _ = read_image(transparent[:at] + long + transparent[at:])
    assert image.getpixel((0, 0)) == (255, 255, 255)


def test_texts_cost_no_memory() -> None:
    import tracemalloc

    data = png_with(*MANY, chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(LONG)))
    tracemalloc.start()
    try:
        read_image(data)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 8 << 20, "70 MB when expanded"


def test_an_animation_whose_frames_are_damaged_shows_its_picture() -> None:
    frames = [scene(), scene().rotate(180), scene().rotate(90).resize((48, 32))]
    data = encode(frames[0], "PNG", save_all=True, append_images=frames[1:])
    at = data.rindex(b"fcTL") + 5
    damaged = data[:at] + b"\xff\xff" + data[at + 2 :]
    for each in (data, damaged, data[: len(data) * 2 // 3]):
        assert worst(read_image(each)[0], scene()) == 0


# --- JPEG and WebP: what is around the pixels


def test_jpeg_with_megabytes_of_remarks() -> None:
    data = encode(scene(), "JPEG", quality=95)
    for kind in (b"\xfe", b"\xe1", b"\xe2", b"\xed", b"\xee"):
        for start in (b"", b"Exif\0\0", b"ICC_PROFILE\0\1\1", b"MPF\0", b"Photoshop 3.0\0"):
            body = start.ljust(65_533, b"?")
            burdened = data[:2] + (b"\xff" + kind + b"\xff\xff" + body) * 40 + data[2:]
            assert worst(read_image(burdened)[0], read_image(data)[0]) == 0


def test_webp_with_megabytes_of_remarks() -> None:
    for options in ({"exif": b"Exif\0\0" + bytes(3 << 20)}, {"xmp": b"<" * (3 << 20)}):
        data = encode(scene(), "WEBP", lossless=True, **options)
        assert worst(read_image(data)[0], scene()) == 0


# --- files that lack only their end


JPEGS: list[dict[str, Any]] = [
    {},
    {"progressive": True},
    {"optimize": True},
    {"restart_marker_rows": 1},
    {"restart_marker_blocks": 3},
    {"progressive": True, "restart_marker_rows": 1},
    {"subsampling": 0},
]


@pytest.mark.parametrize("options", JPEGS, ids=str)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("size", [(400, 300), (17, 9)])
def test_jpeg_without_its_end_marker(
    size: tuple[int, int], mode: str, options: dict[str, Any]
) -> None:
    data = encode(scene(*size).convert(mode), "JPEG", **options)
    expected, facts = read_image(data, input_size=32)
    for lacking in (1, 2):
        image, own_facts = read_image(data[:-lacking], input_size=32)
        assert (worst(image, expected), own_facts) == (0, facts)


@pytest.mark.parametrize("options", JPEGS, ids=str)
@pytest.mark.parametrize("kind", ["scene", "flat", "noise"])
def test_jpeg_without_its_last_rows(kind: str, options: dict[str, Any]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    noise = Image.fromarray(pixels)
    flat = Image.new("RGB", (160, 120), (200, 90, 40))
    picture = {"scene": scene(160, 120), "flat": flat, "noise": noise}[kind]
    data = encode(picture, "JPEG", **options)
    full, begins = read_image(data)[0], data.index(b"\xff\xda") + 20
    for part in np.linspace(begins, len(data) - 3, 24).astype(int):
        with suppress(UnreadableImageError):
            image, _ = read_image(data[:part])
            assert worst(image, full) == 0, "refused, or the very same picture"
    for part in (begins + (len(data) - begins) // 2, begins + 5):
        if kind != "flat" or not options.get("progressive"):
            with pytest.raises(UnreadableImageError, match=r"^truncated: "):
                read_image(data[:part])


def test_jpeg_that_ends_between_two_scans_or_intervals() -> None:
    progressive = encode(scene(160, 120), "JPEG", progressive=True)
    at = progressive.index(b"\xff\xda")
    while (at := progressive.find(b"\xff\xda", at + 2)) > 0:
        with pytest.raises(UnreadableImageError, match=r"^truncated: "):
            read_image(progressive[:at])
    restarts = encode(scene(160, 120), "JPEG", restart_marker_rows=1)
    for number in range(6):
        with pytest.raises(UnreadableImageError, match=r"^truncated: "):
            read_image(restarts[: restarts.index(bytes((0xFF, 0xD0 + number)))])


@pytest.mark.parametrize("options", [{}, {"no_jp2": True}])
def test_jpeg_2000_without_its_end_marker(options: dict[str, Any]) -> None:
    data = encode(scene(), "JPEG2000", **options)
    for lacking in (1, 2):
        assert worst(read_image(data[:-lacking])[0], scene()) == 0
    for part in (len(data) - 3, len(data) * 3 // 4, len(data) // 2):
        with pytest.raises(UnreadableImageError):
            read_image(data[:part])


def test_png_without_its_end() -> None:
    data = encode(scene(), "PNG")
    for lacking in (1, 6, 11, 12, 14, 16):
        assert worst(read_image(data[:-lacking])[0], scene()) == 0
    cut_text = data[:-12] + chunk(b"tEXt", b"Creation Time\0" + b"?" * 99)[:-50]
    assert worst(read_image(cut_text)[0], scene()) == 0
    for lacking in (30, len(data) // 2):
        with pytest.raises(UnreadableImageError, match=r"^truncated: "):
            read_image(data[:-lacking])


def test_gif_without_its_end() -> None:
    picture = scene().quantize(64).convert("RGB")
    data = encode(picture, "GIF")
    for lacking in (1, 2):
        assert worst(read_image(data[:-lacking])[0], picture) == 0
    with pytest.raises(UnreadableImageError, match=r"^truncated: "):
        read_image(data[: len(data) * 2 // 3])
