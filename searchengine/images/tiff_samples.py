"""The pixels of TIFF pages that Pillow reads wrongly or not at all: sample by sample, in numpy.

Pillow's libtiff unpacks what is compressed, as bytes; what the bytes mean is worked out here.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from searchengine.errors import UnreadableImageError
from searchengine.images.pixels import finite, scaled, value_range
from searchengine.images.reasons import TRUNCATED
from searchengine.images.tiff import TiffPage

_COLOUR_MAP = 320

MAX_BLOCK = 1 << 30
"""Bytes of one strip or tile: it is unpacked as a whole."""

_ROWS_AT_ONCE = 1 << 22
"""Samples that are worked out at once, so that floats of all of a picture are never held."""

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class _Part:
    """Some rows of a strip or tile."""

    x: int
    y: int
    values: Array
    """(rows, columns, samples), of the file's own kind."""


def read_samples(data: bytes, page: TiffPage) -> Image.Image:
    """The page as RGB, as stored: not turned. `how_to_read` has to say BY_SAMPLES.

    Whole numbers of up to 15 bits, and of 16 in colour, are white at their largest; others are
    scaled as `value_range` says, over the whole picture. Transparency lies over white.
    """
    low, high = _range(data, page)
    picture = np.empty((page.height, page.width, 3), np.uint8)
    for part in _parts(data, page):
        rows, columns = part.values.shape[:2]
        picture[part.y : part.y + rows, part.x : part.x + columns] = _rgb(
            part.values, page, low, high
        )
    return Image.fromarray(picture)


def deepen_palette(image: TiffImageFile) -> None:
    """Set the colours of a loaded page of old programs, which wrote 8 bits of the 16 a colour has.

    As in libtiff they are told by having no value over 255: Pillow makes black of them.
    """
    colours = image.tag_v2.get(_COLOUR_MAP)
    if image.mode in ("P", "PA") and colours and max(colours) < 256:
        image.putpalette(np.array(colours, np.uint8).reshape(3, -1).T.tobytes())


def _range(data: bytes, page: TiffPage) -> tuple[float, float]:
    """What is black and what is white in this page's numbers."""
    bits, is_float = page.bits[0], page.kinds[0] == 3
    if page.kinds[0] == 1 and (bits < 16 or (_colours(page) > 1 and bits == 16)):
        return 0.0, float((1 << bits) - 1)
    low, high = np.inf, -np.inf
    for part in _parts(data, page):
        values = part.values[..., : _colours(page)]
        values = finite(values) if is_float else values
        low, high = min(low, float(values.min())), max(high, float(values.max()))
    return value_range(low, high, is_float)


def _colours(page: TiffPage) -> int:
    return {2: 3, 5: 4, 6: 3, 8: 3}.get(page.photometric, 1)


def _rgb(values: Array, page: TiffPage, low: float, high: float) -> Array:
    """Samples as (rows, columns, 3) levels of 8 bits."""
    colours = values[..., : _colours(page)]
    if page.photometric in (5, 6, 8):
        mode = {5: "CMYK", 6: "YCbCr", 8: "LAB"}[page.photometric]
        levels = (colours >> (page.bits[0] - 8)).astype(np.uint8)
        size = (levels.shape[1], levels.shape[0])
        return np.asarray(Image.frombytes(mode, size, levels.tobytes()).convert("RGB"))
    if page.bits[0] == 16 and page.kinds[0] == 1 and page.photometric == 2:
        shades = (colours >> 8).astype(np.float64)  # as Pillow where it reads such files
    else:
        shades = scaled(finite(colours.astype(np.float64)), low, high)
    if page.photometric == 0:
        shades = 255.0 - shades
    alpha = _alpha(values, page)
    if alpha is not None:
        is_premultiplied = page.extras[:1] == (1,)
        shades = (shades if is_premultiplied else shades * alpha) + 255.0 * (1.0 - alpha)
    levels = np.clip(shades + 0.5, 0, 255).astype(np.uint8)
    return np.broadcast_to(levels, (*levels.shape[:2], 3))


def _alpha(values: Array, page: TiffPage) -> Array | None:
    """Opacity from 0 to 1, (rows, columns, 1); None where the page has none."""
    colours = _colours(page)
    is_alpha = page.extras[:1] in ((1,), (2,)) or (page.extras == () and page.samples == 4)
    if not is_alpha or page.samples <= colours or page.photometric not in (0, 1, 2):
        return None
    full = 1.0 if page.kinds[0] == 3 else float((1 << (page.bits[0] - (page.kinds[0] == 2))) - 1)
    return np.clip(finite(values[..., colours : colours + 1].astype(np.float64)) / full, 0, 1)


def _parts(data: bytes, page: TiffPage) -> Iterator[_Part]:
    """All of the picture, a few rows of a strip or tile at a time."""
    wide, high = page.block
    if wide <= 0 or high <= 0:
        raise UnreadableImageError("corrupt: strips without a size")
    across, down = -(-page.width // wide), -(-page.height // high)
    planes = page.samples if page.is_planar else 1
    used = min(planes, _colours(page) + 1)  # the colours, and an alpha
    if min(len(page.offsets), len(page.counts)) < across * down * planes:
        raise UnreadableImageError("corrupt: strips are missing from the directory")
    is_tiled = wide != page.width or high > page.height
    row_bytes = -(-wide * (1 if page.is_planar else page.samples) * page.bits[0] // 8)
    if row_bytes * high > MAX_BLOCK:
        raise UnreadableImageError(
            f"this kind of TIFF is not supported: a strip of {row_bytes * high / 1e9:.1f} GB"
        )
    for number in range(across * down):
        x, y = number % across * wide, number // across * high
        rows = high if is_tiled else min(high, page.height - y)
        blocks = [
            _unpacked(data, page, number + plane * across * down, row_bytes, rows)
            for plane in range(used)
        ]
        rows, columns = min(rows, page.height - y), min(wide, page.width - x)
        step = max(1, _ROWS_AT_ONCE // (wide * page.samples))
        for top in range(0, rows, step):
            stretch = slice(top * row_bytes, min(top + step, rows) * row_bytes)
            values = [_values(memoryview(block)[stretch], page, row_bytes) for block in blocks]
            joined = values[0] if len(values) == 1 else np.concatenate(values, axis=2)
            yield _Part(x, y + top, joined[:, :columns])


def _unpacked(data: bytes, page: TiffPage, block: int, row_bytes: int, rows: int) -> bytes:
    """The bytes of one strip or tile, without compression, `rows` x `row_bytes` long."""
    start, length = page.offsets[block], page.counts[block]
    if not 0 <= start <= start + length <= len(data):
        raise UnreadableImageError(TRUNCATED)
    if page.compression == 1:
        body = data[start : start + min(length, row_bytes * rows)]
        if len(body) < row_bytes * rows:
            raise UnreadableImageError(TRUNCATED)
        return body
    image = TiffImageFile(io.BytesIO(_as_gray(data[start : start + length], page, row_bytes, rows)))
    image.im = Image.new("L", image.size).im  # else Pillow holds its own limit against bytes
    image.load()
    return image.tobytes()


def _as_gray(body: bytes, page: TiffPage, width: int, height: int) -> bytes:
    """A TIFF file of this one strip, its bytes as the pixels of a gray picture."""
    entries = [(256, width), (257, height), (258, 8), (259, page.compression), (262, 1)]
    start = 8 + 2 + 12 * 9 + 4
    entries += [(273, start), (277, 1), (278, height), (279, len(body))]
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + directory + bytes(4) + body


def _values(body: memoryview, page: TiffPage, row_bytes: int) -> Array:
    """Numbers of the file's kind from the bytes of some rows, (rows, columns, samples)."""
    bits, samples = page.bits[0], 1 if page.is_planar else page.samples
    per_row = page.block[0] * samples
    rows = len(body) // row_bytes
    if bits not in (8, 16, 32, 64):
        ones = np.unpackbits(np.frombuffer(body, np.uint8).reshape(rows, row_bytes), axis=1)
        digits = ones[:, : per_row * bits].reshape(-1, bits)
        values = digits @ (1 << np.arange(bits - 1, -1, -1)).astype(np.uint16)
        return values.reshape(rows, page.block[0], samples)
    if page.predictor == 3:
        return _from_differences_of_floats(body, rows, bits // 8, samples, row_bytes)
    order = ">" if page.is_big_endian else "<"
    kind = {1: "u", 2: "i", 3: "f"}[page.kinds[0]]
    if page.predictor != 2:
        stored = np.frombuffer(body, f"{order}{kind}{bits // 8}")
        return stored.reshape(rows, page.block[0], samples)
    steps = np.frombuffer(body, f"{order}u{bits // 8}").reshape(rows, page.block[0], samples)
    native = np.cumsum(steps, axis=1, dtype=f"=u{bits // 8}")
    return native.view(f"={kind}{bits // 8}")


def _from_differences_of_floats(
    body: memoryview, rows: int, size: int, samples: int, row_bytes: int
) -> Array:
    """Predictor 3: the highest bytes of a row, then the next ones, and so on, as differences."""
    steps = np.frombuffer(body, np.uint8).reshape(rows, row_bytes // samples, samples)
    shuffled = np.cumsum(steps, axis=1, dtype=np.uint8).reshape(rows, size, row_bytes // size)
    ordered = np.ascontiguousarray(shuffled.transpose(0, 2, 1))
    return ordered.view(f">f{size}").reshape(rows, -1, samples)
