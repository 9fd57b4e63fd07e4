"""Bytes of an image file to an upright RGB picture and its facts, in one parse."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import PurePath
from typing import Any, cast

import numpy as np

# Importing a plugin registers its format. These are all that is ever opened: no EPS, no PDF.
from PIL import (
    AvifImagePlugin,  # noqa: F401
    BmpImagePlugin,  # noqa: F401
    GifImagePlugin,  # noqa: F401
    Image,
    JpegImagePlugin,  # noqa: F401
    PngImagePlugin,  # noqa: F401
    TiffImagePlugin,  # noqa: F401
    WebPImagePlugin,  # noqa: F401
)

from searchengine.errors import (
    ClipseekError,
    MissingExtraError,
    TooManyPixelsError,
    UnreadableImageError,
)
from searchengine.images.exif import read_exif, read_facts, read_orientation, read_raw_exif
from searchengine.images.formats import RAW_SUFFIXES
from searchengine.types import ImageFacts

MAX_MEGAPIXELS = 200.0
"""Well over the largest phone sensor; as RGBA in memory this is 0.8 GB."""

LEAST_REDUCED = 2
"""Sides of a reduced picture, in input sizes. Below two, vectors move: by a mean cosine of 0.995 to
0.999 at 1.5 to 1.9 (`starter`, photos with detail at that size), to win a tenth of the decoding."""

MAX_REASON_LENGTH = 200
"""Characters kept of a decoder's message: some quote bytes of the file."""

_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
_HEIF_BRANDS = frozenset(
    (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")
)
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = (5, 6, 7, 8)
_RAW_FLIPS = {5: Image.Transpose.ROTATE_90, 6: Image.Transpose.ROTATE_270}  # LibRaw's codes
_USUAL_WHITES = (255.0, 4095.0, 65535.0)  # 8, 12 and 16 bits
_QUIET = ("ignore", None, Warning, re.compile(r"(PIL|pillow_heif|rawpy)\b"), 0)


def read_image(
    data: bytes,
    *,
    name: str = "",
    input_size: int | None = None,
    max_megapixels: float = MAX_MEGAPIXELS,
) -> tuple[Image.Image, ImageFacts]:
    """Decode one image file: an upright picture of mode RGB, and what the file says about it.

    Of an animation this is the first frame; transparency lies over white; colour profiles are
    ignored, as they are in the training of the encoders. With `input_size`, in pixels, pictures
    may come reduced, never below `LEAST_REDUCED` x `input_size` (RAW previews: 1 x) on either side
    unless the picture is smaller itself; the facts tell the full size. `name` is needed only
    for RAW files, which are known by their suffix. May be called from several threads at once.

    Raises UnreadableImageError with the reason, TooManyPixelsError over `max_megapixels` (in
    units of 10^6 pixels, checked before pixels are decoded), and MissingExtraError for HEIC or
    RAW without the package that reads it. Nothing else.
    """
    if not data:
        raise UnreadableImageError("empty file")
    suffix = PurePath(name).suffix.lower()
    try:
        with _quiet_pillow():
            if suffix in RAW_SUFFIXES:
                return _read_raw(data, suffix, input_size, max_megapixels)
            return _read_pillow(data, input_size, max_megapixels)
    except ClipseekError:
        raise
    except Exception as error:  # Pillow raises a dozen types on corrupt files, even SyntaxError
        raise UnreadableImageError(_reason(error)) from error


def _read_pillow(
    data: bytes, input_size: int | None, max_megapixels: float
) -> tuple[Image.Image, ImageFacts]:
    image = _open(data)
    size = image.size
    _check_pixels(size, max_megapixels)
    if input_size is not None:
        image.draft("RGB", (LEAST_REDUCED * input_size, LEAST_REDUCED * input_size))
    image.load()
    exif = read_exif(image)  # after load: PNG may keep EXIF behind the pixels
    orientation = read_orientation(exif)
    facts = read_facts(
        exif, size[::-1] if orientation in _SIDEWAYS else size, image.format or "unknown"
    )
    upright = _reduced(_to_rgb(image), input_size)
    if orientation != 1:
        upright = upright.transpose(_UPRIGHT[orientation])
    upright.info = {}  # else a second exif_transpose down the line would turn it again
    return upright, facts


def _reduced(image: Image.Image, input_size: int | None) -> Image.Image:
    """A large picture as the means of its blocks, for formats without a reduced decode.

    Turning and resizing all pixels of a 12-megapixel picture would cost as much as decoding it.
    """
    blocks = 1 if input_size is None else min(image.size) // (LEAST_REDUCED * input_size)
    return image.reduce(blocks) if blocks > 1 else image


def _open(data: bytes) -> Image.Image:
    """`Image.open` for the allowed formats, without its limit on pixels, which is process-wide."""
    prefix = data[:16]
    failure: Exception | None = None
    for image_format in _FORMATS:
        factory, accepts = Image.OPEN[image_format]
        # A string instead of True is the reason why this build of Pillow cannot read the format.
        if accepts is None or accepts(prefix) is not True:
            continue
        try:
            return factory(io.BytesIO(data), "")
        except Exception as error:
            failure = error
    if prefix[4:8] == b"ftyp" and prefix[8:12] in _HEIF_BRANDS:
        return _open_heif(data)
    if failure is not None:
        raise failure
    raise UnreadableImageError("not an image this program knows")


def _open_heif(data: bytes) -> Image.Image:
    try:
        from pillow_heif import HeifImageFile
    except ImportError as error:
        raise MissingExtraError("reading HEIC photos needs pillow-heif", "heif") from error
    return cast(Image.Image, HeifImageFile(io.BytesIO(data)))  # type: ignore[no-untyped-call]


def _to_rgb(image: Image.Image) -> Image.Image:
    """A loaded picture of any mode as RGB."""
    if image.mode.startswith(("I", "F")):
        return _scaled_gray(image).convert("RGB")
    if image.has_transparency_data:
        if image.mode == "La":  # premultiplied gray converts to nothing else
            image = image.convert("LA")
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image if image.mode == "RGB" else image.convert("RGB")


def _scaled_gray(image: Image.Image) -> Image.Image:
    """Modes I;16, I and F as L; Pillow's own conversion clips at 255.

    White is the smallest usual white (1 for F; 8, 12, 16 bits) that holds all values. Where none
    does, or values are negative, the range of the values is stretched.
    """
    values = np.nan_to_num(np.asarray(image, dtype=np.float32), posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    if low >= 0:
        whites = (1.0, *_USUAL_WHITES) if image.mode == "F" else _USUAL_WHITES
        low, high = 0.0, next((white for white in whites if high <= white), high)
    scale = 255.0 / (high - low) if high > low else 0.0
    return Image.fromarray(((values - low) * scale + 0.5).astype(np.uint8))


def _read_raw(
    data: bytes, suffix: str, input_size: int | None, max_megapixels: float
) -> tuple[Image.Image, ImageFacts]:
    """The camera's own preview where it is large enough, else the sensor, developed."""
    try:
        import rawpy
    except ImportError as error:
        raise MissingExtraError("reading RAW photos needs rawpy", "raw") from error
    with rawpy.imread(io.BytesIO(data)) as raw:
        turn = _RAW_FLIPS.get(raw.sizes.flip)
        size = (raw.sizes.height, raw.sizes.width) if turn else (raw.sizes.width, raw.sizes.height)
        _check_pixels(size, max_megapixels)
        facts = read_facts(read_raw_exif(data), size, suffix[1:].upper())
        with suppress(Exception):  # no preview, no JPEG, corrupt: then the sensor has to do
            preview, own_facts = _read_pillow(
                bytes(raw.extract_thumb().data), input_size, max_megapixels
            )
            if facts.camera is None and facts.taken_at is None:
                # CR3 and RAF are no TIFF files, but their previews may carry the EXIF.
                facts = replace(own_facts, width=size[0], height=size[1], format=facts.format)
            if input_size is not None and min(preview.size) >= input_size:
                if turn and (preview.width > preview.height) != (size[0] > size[1]):
                    preview = preview.transpose(turn)
                return preview, facts
        # Half size makes one pixel of each 2 x 2 block, which needs no demosaicing.
        is_large = input_size is not None and min(size) >= 4 * input_size
        return Image.fromarray(raw.postprocess(half_size=is_large, use_camera_wb=True)), facts


def _check_pixels(size: tuple[int, int], max_megapixels: float) -> None:
    megapixels = size[0] * size[1] / 1e6
    if megapixels > max_megapixels:
        raise TooManyPixelsError(megapixels, max_megapixels)


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    kind = "truncated" if "truncated" in text.lower() else "corrupt"
    return f"{kind}: {text[:MAX_REASON_LENGTH]}"


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
