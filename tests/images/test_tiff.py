"""TIFF beyond what Pillow reads: the right picture, or the true reason. Never another picture."""

from __future__ import annotations

import io
import zlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from searchengine.errors import TooManyPixelsError, UnreadableImageError
from searchengine.images.decode import read_image
from searchengine.images.tiff import Reading, TiffPage, choose_page, how_to_read, is_developed
from searchengine.images.tiff_pages import read_pages
from tests.images.tiff_files import Array, Page, tiff_of

COLOURS = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]], np.uint8)
RAMP = np.linspace(0, 255, 48).round().astype(np.uint8)[None, :].repeat(32, axis=0)


def quarters(height: int = 32, width: int = 48) -> Array:
    """Red, green; blue, white."""
    return COLOURS.repeat(height // 2, axis=0).repeat(width // 2, axis=1)


def deep(pixels: Array, kind: str) -> Array:
    """Levels of 8 bits as a kind of number, white as its largest, or 1 for floats."""
    dtype = np.dtype(kind)
    if dtype.kind == "f":
        return (pixels / 255.0).astype(dtype)
    return (pixels.astype(np.float64) / 255 * np.iinfo(dtype).max).astype(dtype)


def read(data: bytes, name: str = "scan.tif") -> Array:
    image, facts = read_image(data, name=name)
    assert (image.mode, facts.format, (facts.width, facts.height)) == ("RGB", "TIFF", image.size)
    return np.asarray(image).astype(int)


def assert_quarters(pixels: Array, most: int = 1) -> None:
    assert np.abs(pixels - quarters()).max() <= most


def assert_ramp(pixels: Array, most: int = 1) -> None:
    assert np.abs(pixels - RAMP[..., None]).max() <= most


LAYOUTS: list[dict[str, Any]] = [
    {},
    {"rows": 5},
    {"tile": (16, 32)},
    {"compression": 8, "rows": 7},
    {"compression": 8, "tile": (16, 16)},
    {"compression": 8, "predictor": 2},
    {"compression": 8, "predictor": 2, "tile": (16, 32)},
]


@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("kind", ["u1", "u2", "u4"])
def test_colours_in_whole_numbers(
    kind: str, layout: dict[str, Any], planar: bool, big_endian: bool
) -> None:
    page = Page(deep(quarters(), kind), 2, planar=planar, **layout)
    assert_quarters(read(tiff_of(page, big_endian=big_endian)))


@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize(
    "layout", [*LAYOUTS[:5], {"compression": 8, "predictor": 3, "rows": 9}], ids=str
)
@pytest.mark.parametrize("kind", ["f2", "f4", "f8"])
def test_colours_in_floats(
    kind: str, layout: dict[str, Any], planar: bool, big_endian: bool
) -> None:
    page = Page(deep(quarters(), kind), 2, planar=planar, **layout)
    assert_quarters(read(tiff_of(page, big_endian=big_endian)))


@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize("white_is_zero", [False, True])
@pytest.mark.parametrize("layout", LAYOUTS[:6], ids=str)
@pytest.mark.parametrize("kind", ["u1", "u2", "u4", "f2", "f4", "f8"])
def test_gray(kind: str, layout: dict[str, Any], white_is_zero: bool, big_endian: bool) -> None:
    if kind[0] == "f" and layout.get("predictor") == 2:
        layout = {**layout, "predictor": 3}
    pixels = deep(255 - RAMP if white_is_zero else RAMP, kind)
    page = Page(pixels, 0 if white_is_zero else 1, **layout)
    assert_ramp(read(tiff_of(page, big_endian=big_endian)))


@pytest.mark.parametrize("bits", [1, 2, 4, 6, 10, 12, 14])
@pytest.mark.parametrize("photometric", [0, 1, 2])
@pytest.mark.parametrize("big_endian", [False, True])
def test_packed_bits(bits: int, photometric: int, big_endian: bool) -> None:
    white = (1 << bits) - 1
    levels = quarters()[..., : 3 if photometric == 2 else 1]
    stored = (levels > 0).astype(np.uint16) * white
    page = Page(white - stored if photometric == 0 else stored, photometric, bits=bits)
    expected = np.broadcast_to(levels, (32, 48, 3))
    assert np.array_equal(read(tiff_of(page, big_endian=big_endian)), expected)


@pytest.mark.parametrize("kind", ["i1", "i2", "i4"])
def test_signed_numbers_are_stretched(kind: str) -> None:
    info = np.iinfo(kind)
    stored = np.linspace(info.min, info.max, 48).astype(kind)[None].repeat(32, axis=0)
    assert_ramp(read(tiff_of(Page(stored))))


def test_floats_beyond_one() -> None:
    """As for gray ones: to the smallest usual white that holds all, over all strips alike."""
    for white, scale in ((255.0, 255.0), (4095.0, 4000.0), (1000000.0, 1000000.0)):
        stored = (quarters() / 255 * scale).astype(np.float32)
        expected = quarters() * (scale / white)
        assert np.abs(read(tiff_of(Page(stored, 2, rows=3))) - expected).max() <= 1
    stored = np.full((32, 48, 3), np.nan, np.float32)
    stored[:, :24] = 1.0
    assert read(tiff_of(Page(stored, 2)))[0, [0, -1], 0].tolist() == [255, 0]


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("extra", [0, 1, 2])
@pytest.mark.parametrize("kind", ["u1", "u2", "f4"])
@pytest.mark.parametrize("photometric", [1, 2])
def test_a_sample_of_alpha(photometric: int, kind: str, extra: int, planar: bool) -> None:
    """The right half is transparent, and so white; where the sample is unspecified it is not."""
    levels = quarters() if photometric == 2 else quarters()[..., :1]
    alpha = np.full((32, 48, 1), 255, np.uint8)
    alpha[:, 24:] = 0
    stored = np.where(alpha == 0, 0, levels) if extra == 1 else levels
    pixels = deep(np.concatenate([stored, alpha], axis=2), kind)
    page = Page(pixels, photometric, planar=planar, extras=(extra,))
    expected = np.broadcast_to(levels, (32, 48, 3)).astype(int)
    expected = expected if extra == 0 else np.where(alpha == 0, 255, expected)
    assert np.abs(read(tiff_of(page)) - expected).max() <= 1


def test_half_transparent_pixels() -> None:
    for extra, stored in ((2, (65535, 0, 32768)), (1, (32768, 0, 32768))):
        pixels = np.zeros((4, 4, 4), np.uint16) + np.array([*stored[:2], 0, stored[2]], np.uint16)
        page = Page(pixels, 2, planar=True, extras=(extra,))
        assert np.abs(read(tiff_of(page))[0, 0] - (255, 127, 127)).max() <= 1


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("kind", ["u1", "u2"])
@pytest.mark.parametrize("planar", [False, True])
def test_colours_with_more_samples_than_a_picture_has(planar: bool, kind: str, count: int) -> None:
    more = np.full((32, 48, count), 77, np.uint8)
    pixels = deep(np.concatenate([quarters(), more], axis=2), kind)
    assert_quarters(read(tiff_of(Page(pixels, 2, planar=planar, extras=(0,) * count))))


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("kind", ["u1", "u2"])
def test_inks(kind: str, planar: bool) -> None:
    inks = np.concatenate([255 - quarters(), np.zeros((32, 48, 1), np.uint8)], axis=2)
    assert_quarters(read(tiff_of(Page(deep(inks, kind), 5, planar=planar))))


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("kind", ["u1", "u2"])
def test_luminance_and_colour_differences(kind: str, planar: bool) -> None:
    stored = np.asarray(Image.fromarray(quarters()).convert("YCbCr"))
    tags = ((530, "H", (1, 1)),)
    page = Page(stored if kind == "u1" else stored.astype(np.uint16) << 8, 6, planar, tags=tags)
    assert_quarters(read(tiff_of(page)), most=2)


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("kind", ["u1", "u2"])
def test_lab(kind: str, planar: bool) -> None:
    """White, mid gray, and a strong red (L 53.2, a 80.1, b 67.2); a and b are signed."""
    lab = np.array([[[100, 0, 0], [53.6, 0, 0], [53.2, 80.1, 67.2]]])
    depth = 0 if kind == "u1" else 8
    stored = np.round(lab * (255 / 100, 1, 1)).astype(np.int64) << depth
    pixels = (stored % (256 << depth)).astype(kind).repeat(8, axis=0)
    expected = np.array([[255, 255, 255], [128, 128, 128], [255, 0, 0]])
    found = read(tiff_of(Page(pixels, 8, planar=planar)))[0]
    assert np.abs(found - expected).max() <= 12
    assert np.abs(found[:2] - expected[:2]).max() <= 2


def packed(data: bytes, compression: str) -> tuple[int, bytes]:
    """TIFF's number of the compression, and 96 x 96 bytes in it: one strip, as Pillow writes it."""
    if compression == "zstd":  # not in every build of Pillow; a frame of one block, not compressed
        size = (len(data) - 256).to_bytes(2, "little") + (len(data) << 3 | 1).to_bytes(3, "little")
        return 50000, b"\x28\xb5\x2f\xfd\x60" + size + data
    buffer = io.BytesIO()
    Image.frombytes("L", (96, 96), data).save(buffer, "TIFF", compression=compression)
    tags: Any = TiffImageFile(io.BytesIO(buffer.getvalue())).tag_v2
    [start], [length] = tags[273], tags[279]
    return tags[259], buffer.getvalue()[start : start + length]


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "lzma", "zstd"])
@pytest.mark.parametrize("big_endian", [False, True])
def test_compressions_of_bytes(compression: str, big_endian: bool) -> None:
    """Three gray pictures one over the other, of 16 bits, white is zero."""
    kind = ">u2" if big_endian else "<u2"
    levels = quarters().transpose(2, 0, 1).reshape(96, 48, 1)
    number, body = packed(deep(levels, "u2").astype(kind).tobytes(), compression)
    page = Page(np.zeros((96, 48), kind), 0, compression=number, body=body)
    try:
        found = read(tiff_of(page, big_endian=big_endian))
    except UnreadableImageError:
        assert compression == "zstd"
        pytest.skip("this build of Pillow reads no zstd")
    assert np.abs(found - (255 - levels.astype(int))).max() <= 1


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("kind", ["u1", "u2", "f4"])
@pytest.mark.parametrize("big_endian", [False, True])
def test_big_tiff(kind: str, planar: bool, big_endian: bool) -> None:
    page = Page(deep(quarters(), kind), 2, planar=planar, rows=9)
    assert_quarters(read(tiff_of(page, big_endian=big_endian, big=True)))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turned_like_any_other(orientation: int) -> None:
    tags = ((274, "H", (orientation,)),)
    plain, _ = read_image(tiff_of(Page(quarters(), 2, tags=tags)))
    for page in (
        Page(deep(quarters(), "u2"), 2, planar=True, tags=tags),
        Page(deep(quarters(), "f4"), 2, tags=tags),
    ):
        for big in (False, True):
            image, facts = read_image(tiff_of(page, big=big))
            assert image.size == (facts.width, facts.height) == plain.size
            assert np.abs(np.asarray(image).astype(int) - np.asarray(plain)).max() <= 1


def test_reduced_like_any_other() -> None:
    pixels = deep(quarters(400, 600), "u2")
    image, facts = read_image(tiff_of(Page(pixels, 2, planar=True)), input_size=32)
    assert (image.size, facts.width, facts.height) == ((100, 67), 600, 400)


def test_tifffile_reads_what_our_writer_writes() -> None:
    """Else a mistake in the writer could hide the same one in the reader."""
    tifffile = pytest.importorskip("tifffile", reason="tifffile is not installed")
    for planar in (False, True):
        for kind in ("u1", "u2", "f4", "f8"):
            for layout in (*LAYOUTS[:5], {"big_endian": True}, {"big": True}):
                where = {k: layout[k] for k in ("big_endian", "big") if k in layout}
                how = {k: v for k, v in layout.items() if k not in where}
                pixels = deep(quarters(), kind)
                data = tiff_of(Page(pixels, 2, planar=planar, **how), **where)
                read = tifffile.imread(io.BytesIO(data))
                assert np.array_equal(np.moveaxis(read, 0, 2) if planar else read, pixels)


def test_we_read_what_tifffile_writes() -> None:
    tifffile = pytest.importorskip("tifffile", reason="tifffile is not installed")
    planes = np.moveaxis(deep(quarters(), "u2"), 2, 0)
    for options in ({}, {"rowsperstrip": 8}, {"tile": (16, 16)}, {"compression": "zlib"}):
        buffer = io.BytesIO()
        tifffile.imwrite(
            buffer, planes, photometric="rgb", planarconfig="separate", metadata=None, **options
        )
        assert_quarters(read(buffer.getvalue()))


# --- pages


def shade(level: int, height: int = 32, width: int = 48, **options: Any) -> Page:
    return Page(np.full((height, width, 3), level, np.uint8), 2, **options)


@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize("big", [False, True])
def test_a_thumbnail_before_the_picture(big: bool, big_endian: bool) -> None:
    where = {"big": big, "big_endian": big_endian}
    thumbnail = shade(10, 8, 12, subfile=1)
    small, full = shade(100, 16, 24), Page(deep(quarters(), "u2"), 2, planar=True)
    assert_quarters(read(tiff_of(thumbnail, small, full, **where)))
    assert_quarters(read(tiff_of(replace(thumbnail, below=(small, full)), **where)))
    assert_quarters(read(tiff_of(thumbnail, Page(quarters(), 2), shade(9, 4, 4), **where)))
    mask = Page(np.ones((32, 48), np.uint8), subfile=4)
    assert_quarters(read(tiff_of(mask, Page(quarters(), 2), **where)))
    old_style = shade(10, 8, 12, tags=((255, "H", (2,)),))
    assert_quarters(read(tiff_of(old_style, Page(quarters(), 2), **where)))


def test_of_thumbnails_alone_the_largest() -> None:
    data = tiff_of(shade(10, 8, 12, subfile=1), shade(70, 32, 48, subfile=1))
    assert np.all(read(data) == 70)


def test_the_first_of_several_full_pages() -> None:
    assert np.all(read(tiff_of(shade(40, 8, 12), shade(90))) == 40)


def test_pages_that_lead_in_a_circle() -> None:
    data = bytearray(tiff_of(shade(10, 8, 12, subfile=1), shade(70, subfile=1)))
    first = int.from_bytes(data[4:8], "little")
    data[-4:] = first.to_bytes(4, "little")
    assert np.all(read(bytes(data)) == 70)


def test_facts_of_a_thumbnail_serve_its_picture() -> None:
    buffer = io.BytesIO()
    camera = Image.Exif()
    camera[271], camera[272], camera[254] = "Imacon", "Flextight", 1
    Image.new("RGB", (12, 8)).save(
        buffer, "TIFF", exif=camera, save_all=True, append_images=[Image.fromarray(quarters())]
    )
    image, facts = read_image(buffer.getvalue())
    assert (facts.camera, facts.width, facts.height) == ("Imacon Flextight", 48, 32)
    assert_quarters(np.asarray(image).astype(int))


@pytest.mark.parametrize("tag", [700, 34377, 50000])
def test_megabytes_of_remarks(tag: int) -> None:
    remark = ((tag, "B", (32,) * (5 << 20)),)
    assert_quarters(read(tiff_of(Page(quarters(), 2, tags=remark))))
    assert_quarters(read(tiff_of(Page(deep(quarters(), "u2"), 2, planar=True, tags=remark))))


# --- what is refused, and why


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        (Page(np.zeros((8, 8, 5), np.uint16)), "5 samples of 16 bits"),
        (Page(np.zeros((8, 8, 3), np.uint8)), "3 samples of 8 bits"),
        (Page(np.zeros((8, 8, 5), np.float32), extras=(0,) * 4), "5 samples of 32 floating"),
        (Page(np.zeros((8, 8, 12), np.uint16), 2, extras=(0,) * 9), "12 samples of 16 bits"),
        (Page(np.zeros((8, 8), np.complex64)), "1 sample of 64 complex bits"),
        (Page(np.zeros((8, 8), np.uint16), 3), "1 sample of 16 bits with a palette"),
        (Page(np.zeros((8, 8, 3), np.uint16), 6), "3 samples of 16 bits with fewer samples of co"),
        (Page(np.zeros((8, 8, 3), np.uint8), 6), "3 samples of 8 bits with fewer samples of col"),
        (Page(np.zeros((8, 8, 3), np.float32), 32845), "photometric kind 32845"),
        (Page(np.zeros((8, 8), np.uint8), compression=34712, body=b"?"), "compression 34712"),
        (Page(np.zeros((8, 8, 4), np.float32), 5), "4 samples of 32 floating-point bits"),
        (
            Page(np.zeros((8, 8), np.uint16), 0, compression=8, tags=((266, "H", (2,)),)),
            "1 sample of 16 bits in",
        ),
    ],
)
def test_the_true_reason(page: Page, reason: str) -> None:
    for name in ("scan.tif", "scan.dng"):
        with pytest.raises(UnreadableImageError) as caught:
            read_image(tiff_of(page), name=name)
        assert str(caught.value).startswith(f"this kind of TIFF is not supported: {reason}")


@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
@pytest.mark.parametrize(
    "page",
    [
        Page(deep(quarters(), "u2"), 2, planar=True),
        Page(deep(quarters(), "u2"), 2, planar=True, compression=8, rows=4),
        Page(deep(RAMP, "f8"), 0, tile=(16, 16)),
    ],
)
def test_files_that_are_cut_off(page: Page, part: float) -> None:
    data = tiff_of(page)
    with pytest.raises(UnreadableImageError, match=r"^corrupt: "):
        read_image(data[: int(len(data) * part)])  # the directory is behind the pixels


def test_strips_that_are_cut_off_or_missing() -> None:
    """The directory names strips behind the end of the file."""
    pixels = deep(quarters(), "u2")
    for page in (
        Page(pixels, 2, planar=True),
        Page(pixels, 2, planar=True, compression=8),
        Page(deep(RAMP, "f8"), 0, tile=(16, 16)),
    ):
        data = tiff_of(page)
        offsets = b"\x44\1\4\0" if page.tile else b"\x11\1\4\0"  # of one strip, or of their table
        at = data.index(offsets) + 8
        far = data[:at] + (len(data) + 9).to_bytes(4, "little") + data[at + 4 :]
        with pytest.raises(UnreadableImageError, match=r"^(truncated: the file ends|corrupt: a t)"):
            read_image(far)


def test_pixels_are_counted_before_they_are_unpacked() -> None:
    page = Page(np.zeros((8, 8), np.uint16), 0, tags=())
    bomb = zlib.compress(bytes(100_000))
    data = bytearray(tiff_of(replace(page, body=bomb, compression=8)))
    for tag in (256, 257, 278):
        at = data.index(tag.to_bytes(2, "little") + b"\4\0\1\0\0\0") + 8
        data[at : at + 4] = (60_000).to_bytes(4, "little")
    with pytest.raises(TooManyPixelsError, match="3600 megapixels"):
        read_image(bytes(data))
    with pytest.raises(UnreadableImageError, match=r"a strip of 7\.2 GB$"):
        read_image(bytes(data), max_megapixels=10_000)


def test_a_tile_larger_than_the_limit() -> None:
    data = bytearray(tiff_of(Page(np.zeros((16, 16), np.uint16), 0, tile=(16, 16))))
    for tag in (322, 323):
        at = data.index(tag.to_bytes(2, "little") + b"\4\0\1\0\0\0") + 8
        data[at : at + 4] = (1 << 20).to_bytes(4, "little")
    with pytest.raises(TooManyPixelsError):
        read_image(bytes(data))


def test_the_limit_on_pixels_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    for page in (
        Page(quarters(), 2),
        Page(quarters(), 2, compression=8),
        Page(deep(quarters(), "u2"), 2, planar=True, compression=8),
    ):
        assert_quarters(read(tiff_of(page)))


def test_memory_of_a_deep_picture_is_bounded() -> None:
    """Worked out a few rows at a time: floats of the whole would be 96 MB, and more in between."""
    import tracemalloc

    pixels = np.zeros((2000, 2000, 3), np.float32)
    data = tiff_of(Page(pixels, 2, rows=50))
    tracemalloc.start()
    try:
        read_image(data, input_size=224)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 60e6, "12 MB are the picture in 8 bits"


# --- the decisions alone


RGB16 = TiffPage(48, 32, bits=(16, 16, 16), kinds=(1, 1, 1), photometric=2)


@pytest.mark.parametrize(
    ("change", "reading"),
    [
        ({}, Reading.AS_IT_IS),
        ({"is_planar": True}, Reading.BY_SAMPLES),
        ({"is_planar": True, "compression": 5}, Reading.BY_SAMPLES),
        ({"bits": (8, 8, 8)}, Reading.AS_IT_IS),
        ({"kinds": (3, 3, 3)}, Reading.BY_SAMPLES),
        ({"kinds": (1, 2, 1)}, "3 samples of 16 bits"),
        ({"bits": (5, 6, 5)}, "3 samples of 5 and 6 bits"),
        ({"photometric": 32803}, Reading.AS_RAW),
        ({"photometric": 34892}, Reading.AS_RAW),
        ({"bits": (8, 8, 8), "compression": 7, "photometric": 6}, Reading.AS_IT_IS),
        ({"is_big": True, "is_big_endian": True}, Reading.BY_SAMPLES),
        ({"is_big": True}, Reading.AS_IT_IS),
        ({"bits": (16,), "kinds": (1,), "photometric": 1}, Reading.AS_IT_IS),
        ({"bits": (16,), "kinds": (1,), "photometric": 0}, Reading.BY_SAMPLES),
        ({"bits": (1,), "kinds": (1,), "photometric": 0, "compression": 4}, Reading.AS_IT_IS),
        ({"predictor": 3, "is_planar": True}, "predictor 3 of whole numbers"),
        ({"compression": 99}, "compression 99"),
    ],
)
def test_how_to_read(change: dict[str, Any], reading: Reading | str) -> None:
    assert how_to_read(replace(RGB16, **change)) == reading


def test_which_page() -> None:
    small, full = replace(RGB16, width=10), replace(RGB16, width=99)
    thumbnail = replace(RGB16, is_thumbnail=True)
    assert choose_page([small, full]) is small
    assert choose_page([thumbnail, small, full]) is full
    assert choose_page([thumbnail]) is thumbnail


def test_plain_pictures_under_a_raw_name() -> None:
    filled = replace(RGB16, counts=(5000, 4000))
    assert is_developed(filled, 10_000)
    assert not is_developed(filled, 20_000), "a small picture in a large file is its preview"
    assert not is_developed(replace(filled, is_dng=True), 10_000)
    gray = replace(filled, bits=(16,), kinds=(1,), photometric=1)
    assert is_developed(gray, 10_000)
    assert not is_developed(replace(gray, has_maker=True), 10_000), "some sensors are stored so"


@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize(
    ("kind", "bits"),
    [(0, 1), (1, 2), (1, 8), (1, 16), (3, 1), (3, 2), (3, 4), (3, 8), (2, 8), (2, 16)],
)
def test_bits_that_run_from_the_lowest(kind: int, bits: int, big_endian: bool) -> None:
    shape = (8, 8, 3) if kind == 2 else (8, 8)
    levels = np.random.default_rng(bits).integers(0, 1 << bits, shape)
    pixels = levels.astype(np.uint16 if bits == 16 else np.uint8)
    colours = tuple(int(level) for level in np.linspace(1, 65_535, 3 << bits)) if kind == 3 else ()
    tags: tuple[tuple[int, str, tuple[int, ...]], ...] = ((320, "H", colours),) if colours else ()
    packed = None if bits in (8, 16) else bits
    page = Page(pixels, kind, bits=packed, tags=tags)
    plain = tiff_of(page, big_endian=big_endian)
    [read] = read_pages(plain)
    body = plain[read.offsets[0] :][: read.counts[0]]
    turned = bytes(int(f"{byte:08b}"[::-1], 2) for byte in body)
    page = replace(page, body=turned, tags=((266, "H", (2,)), *tags))
    expected, _ = read_image(plain)
    picture, _ = read_image(tiff_of(page, big_endian=big_endian))
    assert picture.tobytes() == expected.tobytes()
