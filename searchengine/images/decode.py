"""Bytes of an image file to an upright RGB picture and its facts, in one parse."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, cast

# Importing a plugin registers its format. These are all that is ever opened: no EPS, no PDF.
from PIL import (
    AvifImagePlugin,  # noqa: F401
    BmpImagePlugin,  # noqa: F401
    GifImagePlugin,  # noqa: F401
    Image,
    Jpeg2KImagePlugin,  # noqa: F401
    JpegImagePlugin,  # noqa: F401
    PngImagePlugin,  # noqa: F401
    TgaImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,  # noqa: F401
)
from PIL.ImageFile import ImageFile
from PIL.PpmImagePlugin import PpmImageFile

from searchengine.errors import ClipseekError, MissingExtraError, UnreadableImageError
from searchengine.images import jpeg, png, tiff
from searchengine.images.exif import read_exif, read_facts, read_orientation, read_tiff_exif
from searchengine.images.formats import RAW_SUFFIXES, SUFFIXES_OF, suffix_of
from searchengine.images.pixels import (
    LEAST_REDUCED,
    SIDEWAYS,
    check_pixels,
    load_ppm,
    reduce_blocks,
    to_rgb,
    turn_upright,
    without_comments,
)
from searchengine.images.raw import raw_format, read_raw
from searchengine.images.reasons import NOT_RAW, decoding_reason
from searchengine.images.tiff import Reading
from searchengine.images.tiff_pages import SIGNATURES, at_front, read_pages
from searchengine.images.tiff_samples import deepen_palette, read_samples
from searchengine.types import ImageFacts

MAX_MEGAPIXELS = 200.0
"""Well over the largest phone sensor; as RGBA in memory this is 0.8 GB."""

_TGA_FOOTER = b"TRUEVISION-XFILE.\0"
_NO_SUCH_TIFF = "this kind of TIFF is not supported"
_HEIF_BRANDS = frozenset(
    (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")
)
_COMMON = frozenset(("JPEG", "MPO", "PNG", "WEBP", "BMP", "GIF"))
_QUIET = ("ignore", None, Warning, re.compile(r"(PIL|pillow_heif|rawpy)\b"), 0)


def read_image(
    data: bytes,
    *,
    name: str = "",
    input_size: int | None = None,
    max_megapixels: float = MAX_MEGAPIXELS,
) -> tuple[Image.Image, ImageFacts]:
    """Decode one image file: an upright picture of mode RGB, and what the file says about it.

    Of an animation this is the first frame, of a TIFF file whose first page is a thumbnail the
    largest full one; transparency lies over white; colour profiles are ignored, as they are in the
    training of the encoders. With `input_size`, in pixels, pictures may come reduced, never below
    `LEAST_REDUCED` x `input_size` (RAW previews: 1 x) on either side unless the picture is smaller
    itself; the facts tell the full size. Files are known by their bytes; `name` is asked only where
    these leave a doubt: some RAW, and TGA. May be called from several threads at once.

    Raises UnreadableImageError with the reason, TooManyPixelsError over `max_megapixels` (in
    units of 10^6 pixels, checked before pixels are decoded), and MissingExtraError for HEIC or
    RAW without the package that reads it. Nothing else.
    """
    if not data:
        raise UnreadableImageError("empty file")
    try:
        with _quiet_pillow():
            return _read(data, suffix_of(name), input_size, max_megapixels)
    except ClipseekError:
        raise
    except Exception as error:  # Pillow raises a dozen types on corrupt files, even SyntaxError
        raise UnreadableImageError(decoding_reason(error)) from error


def is_plain(data: bytes) -> bool:
    """Whether every program sees the same picture in a file: upright, opaque, of 8 bits a channel.

    Never raises; nothing but what stands before the pixels is read, as a rule.
    """
    try:
        with _quiet_pillow():
            image = _open(data, "")
            is_common = image.format in _COMMON and image.mode in ("RGB", "L", "P", "1")
            is_opaque = is_common and not image.has_transparency_data
            return is_opaque and read_orientation(read_exif(image)) == 1
    except Exception:  # as in `read_image`
        return False


def _read(
    data: bytes, suffix: str, input_size: int | None, max_megapixels: float
) -> tuple[Image.Image, ImageFacts]:
    """By what the bytes are, and by the suffix where they do not tell."""
    if data.startswith(SIGNATURES) and raw_format(data) is None:
        return _read_tiff(data, suffix, input_size, max_megapixels)
    known = raw_format(data)
    if known is None and (suffix not in RAW_SUFFIXES or _is_ordinary(data)):
        return _read_pillow(data, suffix, input_size, max_megapixels)
    return _read_raw(data, suffix, known, input_size, max_megapixels)


def _read_raw(
    data: bytes, suffix: str, known: str | None, input_size: int | None, max_megapixels: float
) -> tuple[Image.Image, ImageFacts]:
    image_format = suffix[1:].upper() if suffix in RAW_SUFFIXES else known or "RAW"
    return read_raw(
        data,
        image_format,
        input_size,
        max_megapixels,
        lambda preview: _read_pillow(preview, ".jpg", input_size, max_megapixels),
    )


def _read_tiff(
    data: bytes, suffix: str, input_size: int | None, max_megapixels: float
) -> tuple[Image.Image, ImageFacts]:
    try:
        pages = read_pages(data)
    except ValueError:
        raw = _read_if_raw(data, suffix, input_size, max_megapixels)
        if raw is None:
            raise
        return raw
    page = tiff.choose_page(pages)
    reading = tiff.how_to_read(page)
    if reading is Reading.AS_RAW:
        known = "DNG" if pages[0].is_dng else None
        return _read_raw(data, suffix, known, input_size, max_megapixels)
    if not tiff.is_developed(page, len(data)):
        raw = _read_if_raw(data, suffix, input_size, max_megapixels)
        if raw is not None:
            return raw
    if isinstance(reading, str):
        raise UnreadableImageError(f"{_NO_SUCH_TIFF}: {reading}")
    check_pixels((page.width, page.height), max_megapixels)
    check_pixels(page.block, max_megapixels)
    picture, facts = _read_page(at_front(data, page), page, reading, input_size)
    if page is not pages[0] and facts.camera is None and facts.taken_at is None:
        exif = read_tiff_exif(data, pages[0].position)
        facts = read_facts(exif, (facts.width, facts.height), facts.format)
    return picture, facts


def _read_if_raw(
    data: bytes, suffix: str, input_size: int | None, max_megapixels: float
) -> tuple[Image.Image, ImageFacts] | None:
    """The picture of a file under a RAW name; None where it has another, or LibRaw knows better."""
    if suffix not in RAW_SUFFIXES:
        return None
    try:
        return _read_raw(data, suffix, None, input_size, max_megapixels)
    except Exception as error:
        if isinstance(error, ClipseekError) or decoding_reason(error) != NOT_RAW:
            raise
        return None


def _read_page(
    data: bytes, page: tiff.TiffPage, reading: Reading, input_size: int | None
) -> tuple[Image.Image, ImageFacts]:
    """The first page of the file, which is `page`."""
    size = (page.width, page.height)
    if reading is Reading.BY_SAMPLES:
        exif = read_tiff_exif(data, page.position)
        return _finished(read_samples(data, page), size, "TIFF", exif, input_size)
    try:
        image = TiffImagePlugin.TiffImageFile(io.BytesIO(data))
    except SyntaxError as error:
        if not str(error).startswith("unknown "):
            raise
        raise UnreadableImageError(f"{_NO_SUCH_TIFF}: {tiff.layout(page)}") from error
    size = image.size
    image.im = Image.new(image.mode, (page.width, page.height)).im  # or Pillow's limit holds
    image.load()
    deepen_palette(image)
    return _finished(image, size, "TIFF", read_exif(image), input_size)


def _read_pillow(
    data: bytes, suffix: str, input_size: int | None, max_megapixels: float
) -> tuple[Image.Image, ImageFacts]:
    """Any format but TIFF and RAW."""
    if data.startswith(png.SIGNATURE):
        data = png.without_burdens(data)
    image = _open(data, suffix)
    size = image.size
    check_pixels(size, max_megapixels)
    if image.format == "PNG":
        png.scale_transparent_colour(image)
    elif image.format in ("JPEG", "MPO"):
        jpeg.check_scans(data)
    if input_size is not None:
        image.draft("RGB", (LEAST_REDUCED * input_size, LEAST_REDUCED * input_size))
    try:
        loaded = load_ppm(image) if isinstance(image, PpmImageFile) else _loaded(image)
    except OSError:
        ended = _with_end(data, image.format)
        if ended is None:
            raise
        return _read_pillow(ended, suffix, input_size, max_megapixels)
    if image.format == "JPEG2000":
        loaded = jpeg.with_whites(loaded, data)
    exif = read_exif(image)  # after load: PNG may keep EXIF behind the pixels
    return _finished(loaded, size, image.format or "unknown", exif, input_size)


def _loaded(image: Image.Image) -> Image.Image:
    image.load()
    return image


def _with_end(data: bytes, image_format: str | None) -> bytes | None:
    """The file with the end marker that alone it lacks; None where that would not help."""
    if data.endswith(jpeg.END):
        return None
    # OpenJPEG refuses files whose pixels are incomplete, with or without the marker.
    if image_format == "JPEG2000" or (
        image_format in ("JPEG", "MPO") and jpeg.lacks_only_its_end(data)
    ):
        return jpeg.with_end(data)
    return None


def _finished(
    loaded: Image.Image,
    size: tuple[int, int],
    image_format: str,
    exif: Image.Exif,
    input_size: int | None,
) -> tuple[Image.Image, ImageFacts]:
    """RGB, reduced and upright, with its facts. `size` is the full one, as stored."""
    orientation = read_orientation(exif)
    facts = read_facts(exif, size[::-1] if orientation in SIDEWAYS else size, image_format)
    upright = turn_upright(reduce_blocks(to_rgb(loaded), input_size), orientation)
    upright.info = {}  # else a second exif_transpose down the line would turn it again
    return upright, facts


def _open(data: bytes, suffix: str) -> ImageFile:
    """`Image.open` for the allowed formats, without its limit on pixels, which is process-wide."""
    data = without_comments(data)
    prefix = data[:16]
    failure: Exception | None = None
    for image_format in SUFFIXES_OF:
        factory, accepts = Image.OPEN.get(image_format, (None, None))
        # A string instead of True is the reason why this build of Pillow cannot read the format.
        if factory is None or accepts is None or accepts(prefix) is not True:
            continue
        try:
            return factory(io.BytesIO(data), "")
        except Exception as error:
            failure = error
    if _is_heif(data):
        return _open_heif(data)
    if failure is not None:
        raise failure
    if suffix in SUFFIXES_OF["TGA"] or data.endswith(_TGA_FOOTER):  # no bytes tell at the front
        return TgaImagePlugin.TgaImageFile(io.BytesIO(data))
    raise UnreadableImageError("not an image this program knows")


def _is_ordinary(data: bytes) -> bool:
    """Whether a file begins like one of the formats beside RAW and TIFF."""
    prefix = data[:16]
    checks = (Image.OPEN.get(image_format, (None, None))[1] for image_format in SUFFIXES_OF)
    return _is_heif(data) or any(accepts and accepts(prefix) is True for accepts in checks)


def _is_heif(data: bytes) -> bool:
    return data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS


def _open_heif(data: bytes) -> ImageFile:
    try:
        from pillow_heif import HeifImageFile
    except ImportError as error:
        raise MissingExtraError("reading HEIC photos needs pillow-heif", "heif") from error
    return cast(ImageFile, HeifImageFile(io.BytesIO(data)))  # type: ignore[no-untyped-call]


@contextmanager
def _quiet_pillow() -> Iterator[None]:
    """No warnings from Pillow and its like, printed or raised, in any thread inside.

    `warnings.catch_warnings` restores what it saved and so is not for threads; each thread's own
    entry in the list of filters is.
    """
    filters = cast(list[Any], warnings.filters)
    filters.insert(0, _QUIET)
    try:
        yield
    finally:
        with suppress(ValueError):
            filters.remove(_QUIET)
