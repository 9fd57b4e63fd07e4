"""PNG files as Pillow has to have them: without texts, profiles and damaged remarks, for one."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from PIL.ImageFile import ImageFile

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_TEXT = 1 << 20
"""Bytes of a text that is kept, expanded: Pillow refuses a whole picture for a longer one."""

_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_TELLING = (b"XML:com.adobe.xmp", b"Raw profile type exif", b"Creation Time")
"""Keywords of texts that say something about the picture. The rest is only in the way."""
_USED = (b"tRNS", b"eXIf")
"""Of what is not needed to decode. Colour profiles and gamma are ignored, and of an animation the
picture before it is shown."""
_TRANSPARENT = {0: 2, 2: 6}
"""Bytes of a transparent colour, by the picture's type of colour."""
_STEPS = {"L;2": 85, "L;4": 17}
"""Between the grays of 2 and 4 bits, once Pillow has made 8 bits of them."""


def without_burdens(data: bytes) -> bytes:
    """A PNG file of the same pixels and EXIF; the same object where nothing is to be done.

    Left out are long texts and those that say nothing of the picture, colour profiles, the later
    frames of an animation and the like, and optional chunks that are damaged or cut off, as by
    libpng.
    """
    pieces: list[tuple[int, int]] = []  # stretches that stay
    from_here, seen = 0, set[bytes]()
    for kind, start, end in _chunks(data):
        if _is_optional(kind) and not _is_kept(data, kind, start, end, seen):
            pieces.append((from_here, start))
            from_here = min(end, len(data))
    if not pieces:
        return data
    view = memoryview(data)
    return b"".join([*(view[start:end] for start, end in pieces), view[from_here:]])


def scale_transparent_colour(image: ImageFile) -> None:
    """Bring the transparent colour of an opened file to 8 bits, as Pillow does its pixels alone."""
    colour, stored = image.info.get("transparency"), image.tile[0].args if image.tile else None
    if stored in _STEPS and isinstance(colour, int):
        image.info["transparency"] = colour * _STEPS[stored]
    elif stored == "RGB;16B" and isinstance(colour, tuple):
        image.info["transparency"] = tuple(level >> 8 for level in colour)


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of each chunk, up to the last one or to what is none.

    The end may lie behind that of the data.
    """
    start, kind = len(SIGNATURE), b""
    while kind != b"IEND" and start + 8 <= len(data):
        kind = data[start + 4 : start + 8]
        if not kind.isalpha():
            return
        end = start + 12 + int.from_bytes(data[start : start + 4], "big")
        yield kind, start, end
        start = end


def _is_optional(kind: bytes) -> bool:
    return bool(kind[0] & 0x20)


def _is_kept(data: bytes, kind: bytes, start: int, end: int, seen: set[bytes]) -> bool:
    if end > len(data):
        return False
    if kind == b"tRNS" and end - start - 12 < _TRANSPARENT.get(data[25], 0):
        return False
    if kind in _TEXTS:
        keyword = data[start + 8 : start + 88].split(b"\0", 1)[0]
        if keyword not in _TELLING or keyword in seen:
            return False
        seen.add(keyword)
        if not _is_short(kind, data[start + 8 + len(keyword) + 1 : end - 4]):
            return False
    elif kind not in _USED:
        return False
    checksum = zlib.crc32(memoryview(data)[start + 4 : end - 4])
    return checksum == int.from_bytes(data[end - 4 : end], "big")


def _is_short(kind: bytes, body: bytes) -> bool:
    """Whether a text, behind its keyword, is at most `MAX_TEXT` long once it is expanded."""
    if kind == b"tEXt" or (kind == b"iTXt" and body[:1] == b"\0"):
        return len(body) <= MAX_TEXT
    # Method, for iTXt after a flag; iTXt has a language and a translated keyword as well.
    packed = body[1:] if kind == b"zTXt" else body[2:].split(b"\0", 2)[-1]
    inflate = zlib.decompressobj()
    try:
        inflate.decompress(packed, MAX_TEXT)
    except zlib.error:
        return False
    return not inflate.unconsumed_tail
