"""The tags of TIFF directories, which EXIF is made of, that hold text or other metadata."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from searchengine.metadata.cleaning import decode
from searchengine.metadata.fields import Fields

DESCRIPTION, XMP, IPTC, PHOTOSHOP = 270, 700, 33723, 34377
_DETAILS, _COMMENT = 0x8769, 0x9286
_TITLE_OF_WINDOWS, _COMMENT_OF_WINDOWS, _KEYWORDS_OF_WINDOWS, _SUBJECT = (
    0x9C9B, 0x9C9C, 0x9C9E, 0x9C9F,
)  # fmt: skip
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 6: 1, 7: 1}
_WANTED = {
    DESCRIPTION, XMP, IPTC, PHOTOSHOP, _DETAILS, _COMMENT,
    _TITLE_OF_WINDOWS, _COMMENT_OF_WINDOWS, _KEYWORDS_OF_WINDOWS, _SUBJECT,
}  # fmt: skip

MAX_ENTRIES = 500
MAX_VALUE = 16_000_000
"""Bytes of a value that is read."""


def read_tags(file: BinaryIO) -> dict[int, bytes]:
    """The wanted tags of the first directory and of EXIF's own, by number; as they are stored.

    `file` is a TIFF file, or one of the RAW formats that are TIFF but for the third byte, or a
    block of EXIF. Raises struct.error and OSError for what is none.
    """
    head = file.read(8)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None:
        return {}
    found = dict(_entries(file, order, struct.unpack(f"{order}I", head[4:])[0]))
    details = found.pop(_DETAILS, b"")
    if len(details) == 4:
        inner = dict(_entries(file, order, struct.unpack(f"{order}I", details)[0]))
        found.update((tag, inner[tag]) for tag in inner.keys() & {_COMMENT})
    if _COMMENT in found:
        found[_COMMENT] = _plain_comment(found[_COMMENT], order)
    return found


def read_exif_texts(tags: dict[int, bytes]) -> Fields:
    """What the tags of EXIF, and those that Windows adds, say."""
    found = Fields()
    for tag in (_TITLE_OF_WINDOWS, _SUBJECT, DESCRIPTION, _COMMENT_OF_WINDOWS, _COMMENT):
        if tag in tags:
            is_wide = tag in (_TITLE_OF_WINDOWS, _SUBJECT, _COMMENT_OF_WINDOWS)
            found.sentences.append(_wide(tags[tag]) if is_wide else decode(tags[tag]))
    found.keywords = _wide(tags.get(_KEYWORDS_OF_WINDOWS, b"")).split(";")
    return found


def _entries(file: BinaryIO, order: str, position: int) -> Iterator[tuple[int, bytes]]:
    file.seek(position)
    [count] = struct.unpack(f"{order}H", file.read(2))
    directory = file.read(12 * min(count, MAX_ENTRIES))
    for tag, kind, number, value in struct.iter_unpack(f"{order}HHI4s", directory):
        size = _SIZES.get(kind, 0) * number
        if tag not in _WANTED or not 0 < size <= MAX_VALUE:
            continue
        if size > 4:
            file.seek(struct.unpack(f"{order}I", value)[0])
            value = file.read(size)
        yield tag, value[:size]


def _wide(data: bytes) -> str:
    return data.decode("utf-16-le", "ignore").split("\0", 1)[0]


def _plain_comment(value: bytes, order: str) -> bytes:
    """A comment in UTF-8, by the code of its encoding in front."""
    code, text = value[:8], value[8:]
    if code == b"UNICODE\0":
        # Many programs write one order of bytes whatever the file's is: in the wrong one, Latin
        # letters and spaces become Chinese.
        orders = ("utf-16-le", "utf-16-be") if order == "<" else ("utf-16-be", "utf-16-le")
        declared, other = (text.decode(wide, "ignore").split("\0", 1)[0] for wide in orders)
        is_other = 2 * sum(map(str.isascii, other)) > len(other)
        return (other if is_other else declared).encode("utf-8", "ignore")
    return text if code in (b"ASCII\0\0\0", b"\0" * 8) else b""
