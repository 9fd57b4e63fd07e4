"""Camera RAW: the camera's own preview where it is large enough, else the sensor, developed."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from PIL import Image

from searchengine.errors import MissingExtraError
from searchengine.images.exif import read_facts, read_raw_exif
from searchengine.images.pixels import check_pixels
from searchengine.types import ImageFacts

_FLIPS = {5: Image.Transpose.ROTATE_90, 6: Image.Transpose.ROTATE_270}  # LibRaw's codes
_SIGNATURES = (
    (b"FUJIFILMCCD-RAW", "RAF"),
    (b"FOVb", "X3F"),
    (b"\0MRM", "MRW"),
    (b"IIRO", "ORF"),
    (b"IIRS", "ORF"),
    (b"MMOR", "ORF"),
    (b"IIU\0", "RW2"),
    (b"II\x1a\0\0\0HEAPCCDR", "CRW"),
)


def raw_format(data: bytes) -> str | None:
    """The usual suffix, in capitals, of RAW files that are no TIFF and are told by how they begin.

    None for all others.
    """
    if data[4:12] == b"ftypcrx ":
        return "CR3"
    if data[:4] == b"II*\0" and data[8:10] == b"CR":
        return "CR2"
    return next((name for start, name in _SIGNATURES if data.startswith(start)), None)


def read_raw(
    data: bytes,
    image_format: str,
    input_size: int | None,
    max_megapixels: float,
    read_preview: Callable[[bytes], tuple[Image.Image, ImageFacts]],
) -> tuple[Image.Image, ImageFacts]:
    """The picture, upright, of mode RGB, and its facts under this name of the format.

    Raises MissingExtraError without rawpy, TooManyPixelsError, and rawpy's own errors.
    """
    try:
        import rawpy
    except ImportError as error:
        raise MissingExtraError("reading RAW photos needs rawpy", "raw") from error
    with rawpy.imread(io.BytesIO(data)) as raw:
        sizes = raw.sizes
        turn = _FLIPS.get(sizes.flip)
        size = (sizes.height, sizes.width) if turn else (sizes.width, sizes.height)
        check_pixels(size, max_megapixels)
        check_pixels((sizes.raw_width, sizes.raw_height), max_megapixels)  # with its margins
        facts = read_facts(read_raw_exif(data), size, image_format)
        with suppress(Exception):  # no preview, no JPEG, corrupt: then the sensor has to do
            preview, own_facts = read_preview(bytes(raw.extract_thumb().data))
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
