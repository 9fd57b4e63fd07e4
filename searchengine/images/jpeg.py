"""JPEG files that lack only their end marker, told from those that lack a part of the picture."""

from __future__ import annotations

import hashlib
import io
import re

import numpy as np
from PIL.JpegImagePlugin import JpegImageFile

END = b"\xff\xd9"
_START_OF_SCAN = 0xDA
_RESTART = re.compile(b"\xff([\xd0-\xd7])")
_MARKER = re.compile(b"\xff([^\x00\xd0-\xd7\xff])")
_BYTES = np.random.default_rng(0).integers(0, 255, 4096, dtype=np.uint8)
_NOISE, _OTHER_NOISE = _BYTES.tobytes(), (254 - _BYTES).tobytes()
"""Bits of pictures that nobody took, each the other's negative. Without 0xff: no markers."""


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
    at, last = 2, None
    while found := _MARKER.search(data, at):
        marker, at = found[1][0], found.end()
        length = int.from_bytes(data[at : at + 2], "big")
        body = data[at + 2 : at + length]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC) and len(body) > 6:
            missing = {(number, k) for number in body[6::3] for k in range(64)}
        elif marker == _START_OF_SCAN and len(body) > 3:
            components = body[1 : len(body) - 3 : 2]
            first, final, precision = body[-3:]
            if precision & 15 == 0:
                missing -= {(c, k) for c in components for k in range(first, final + 1)}
            last = at + length
        at += length
    return None if missing else last
