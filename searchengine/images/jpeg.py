"""JPEG and JPEG 2000 by their markers: files that end early, or that decoders go wrong with."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator

import numpy as np
from PIL import Image
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile
from PIL.JpegImagePlugin import JpegImageFile

from searchengine.errors import UnreadableImageError

END = b"\xff\xd9"
MAX_SCANS = 100
"""Programs write some ten. Each costs a pass over all pixels, and can be had for 50 bytes."""

_START_OF_SCAN, _END = 0xDA, 0xD9
_START_2000 = b"\xff\x4f\xff\x51"  # of a codestream: SOC, and SIZ, which always follows
_SIZES, _QUANTISATION, _OF_COMPONENT, _TILE_PART = 0x51, 0x5C, 0x5D, 0x90
_RESTART = re.compile(b"\xff([\xd0-\xd7])")
_MARKER = re.compile(b"\xff([^\x00\xd0-\xd7\xff])")
_BYTES = np.random.default_rng(0).integers(0, 255, 4096, dtype=np.uint8)
_NOISE, _OTHER_NOISE = _BYTES.tobytes(), (254 - _BYTES).tobytes()
"""Bits of pictures that nobody took, each the other's negative. Without 0xff: no markers."""


def check_scans(data: bytes) -> None:
    """Raises UnreadableImageError for a file of so many scans that decoding would take hours."""
    if data.count(bytes((0xFF, _START_OF_SCAN))) <= MAX_SCANS:  # the quick way, for nearly all
        return
    scans = sum(marker == _START_OF_SCAN for marker, _, _ in _segments(data))
    if scans > MAX_SCANS:
        raise UnreadableImageError(f"not supported: a JPEG of {scans:,} scans")


def with_end(data: bytes) -> bytes:
    """The file with its end marker, of which one byte may be there."""
    return data.removesuffix(b"\xff") + END


def lacks_only_its_end(data: bytes) -> bool:
    """Whether a JPEG file without end marker holds every row of its picture to the last bit.

    A decoder fills what is missing with gray, and what follows the last row it does not look at:
    where noise behind the data changes the picture, a part of it was missing. Noise behind a
    restart marker as well, since a decoder that misses one waits for it. Decodes four times.
    """
    body = data.removesuffix(b"\xff")
    scan = _last_scan(body)
    if scan is None:
        return False
    restarts = len(_RESTART.findall(body, scan))
    next_restart = bytes((0xFF, 0xD0 + restarts % 8))
    expected = _digest(body + END)
    behind = (_NOISE, _OTHER_NOISE, next_restart + _NOISE)
    return all(_digest(body + noise + END) == expected for noise in behind)


def _digest(data: bytes) -> bytes:
    image = JpegImageFile(io.BytesIO(data))
    image.load()
    return hashlib.blake2b(image.tobytes()).digest()


def _last_scan(data: bytes) -> int | None:
    """Where the last scan begins; None where scans are missing.

    A progressive file is complete once each component has had each coefficient to the last bit.
    """
    missing: set[tuple[int, int]] = set()  # (component, coefficient)
    last = None
    for marker, body, end in _segments(data):
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC) and len(body) > 6:
            missing = {(number, k) for number in body[6::3] for k in range(64)}
        elif marker == _START_OF_SCAN and len(body) > 3:
            components = body[1 : len(body) - 3 : 2]
            first, final, precision = body[-3:]
            if precision & 15 == 0:
                missing -= {(c, k) for c in components for k in range(first, final + 1)}
            last = end
    return None if missing else last


def _segments(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Marker, body and end of each segment, up to the end marker."""
    at = 2
    while (found := _MARKER.search(data, at)) and found[1][0] != _END:
        at = found.end()
        end = at + int.from_bytes(data[at : at + 2], "big")
        yield found[1][0], data[at + 2 : end], end
        at = end


def with_whites(image: Image.Image, data: bytes) -> Image.Image:
    """A loaded picture of JPEG 2000 with its brightest levels, which Pillow makes black.

    It rounds colours of more than 8 bits and keeps the last 8 bits of what comes out: 256 becomes
    0. So where there is black the file, which is `data`, is decoded once more, as the middle half
    of a range twice as wide: there the brightest are far from the darkest.
    """
    levels = np.asarray(image)
    if image.mode not in ("LA", "RGB", "RGBA") or levels.all():
        return image
    deeper = _deeper(data)
    if deeper is None:
        return image
    second = Jpeg2KImageFile(io.BytesIO(deeper))
    second.im = Image.new(second.mode, image.size).im  # or Pillow's limit holds
    second.load()
    is_lost = (levels == 0) & (np.asarray(second) >= 128)
    return Image.fromarray(np.where(is_lost, 255, levels).astype(np.uint8), image.mode)


def _deeper(data: bytes) -> bytes | None:
    """The file with one bit more a sample around the same numbers; None for up to 8 bits.

    Steps of quantisation are told by the number of bits: they are halved, and a guard bit less
    keeps the coefficients where they are.
    """
    deeper = bytearray(data)
    at = data.index(_START_2000) + 2
    while (marker := data[at + 1]) != _TILE_PART:
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == _SIZES:
            depths = data[at + 40 : end : 3]  # less one, and the sign in the highest bit
            if all(depth & 127 < 8 for depth in depths):
                return None
            deeper[at + 40 : end : 3] = bytes(depth + 1 for depth in depths)
        elif marker in (_QUANTISATION, _OF_COMPONENT):
            style = at + 4 + (marker == _OF_COMPONENT)
            if data[style] & 31:
                deeper[style] -= 1 << 5
                for exponent in range(style + 1, end, 2):
                    deeper[exponent] += 1 << 3
        at = end
    return bytes(deeper)
