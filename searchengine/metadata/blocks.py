"""Where in a picture file its metadata lies: found by seeking, without reading the pixels."""

from __future__ import annotations

import io
import re
import struct
import zlib
from dataclasses import dataclass
from typing import BinaryIO

from searchengine.metadata.iptc import records_in
from searchengine.metadata.tags import IPTC, PHOTOSHOP, XMP, read_tags
from searchengine.metadata.xmp import MAX_XMP, find_packet

MAX_SCANNED = 100_000_000
"""Bytes of a file without a format of ours that are looked through."""

MAX_PARTS = 2_000
"""Segments or chunks of a file that are looked at."""

_XMP_SEGMENT = b"http://ns.adobe.com/xap/1.0/\0"
_EXIF_IN = re.compile(rb"Exif\0\0(?=II\*\0|MM\0\*)")
_BARE_EXIF = (b"\0\0\0\0II*\0", b"\0\0\0\0MM\0*")
"""As libheif writes it: an offset of HEIF's, four bytes, and no word before the block."""


@dataclass(slots=True)
class Blocks:
    """The metadata of a file, as it is stored. What is not there is empty."""

    tags: dict[int, bytes]
    """Of EXIF, as in `tags`."""
    xmp: bytes = b""
    iptc: bytes = b""
    """Records, without the resource they lie in."""
    texts: tuple[tuple[str, str], ...] = ()
    """Keys and texts of PNG."""


def find_blocks(file: BinaryIO) -> Blocks:
    """The metadata of a picture file. Raises struct.error, OSError or zlib.error for a broken one.

    Read: JPEG, PNG, WebP, TIFF and RAW like it, and others (HEIC, AVIF, GIF, CR3, RAF) by a search
    for a whole packet.
    """
    head = file.read(12)
    file.seek(0)
    if head.startswith(b"\xff\xd8"):
        return _of_jpeg(file)
    if head.startswith(b"\x89PNG\r\n"):
        return _of_png(file)
    if head[:4] == b"RIFF" and head[8:] == b"WEBP":
        return _of_webp(file)
    if head[:2] in (b"II", b"MM"):
        tags = read_tags(file)
        iptc = tags.get(IPTC, b"") or records_in(tags.get(PHOTOSHOP, b""))
        return Blocks(tags, tags.get(XMP, b""), iptc)
    return _of_any(file.read(MAX_SCANNED))


def _of_jpeg(file: BinaryIO) -> Blocks:
    found, resources = Blocks({}), b""
    file.seek(2)
    for _ in range(MAX_PARTS):
        mark = file.read(4)
        if len(mark) < 4 or mark[0] != 0xFF or mark[1] in (0xD9, 0xDA):
            break
        if mark[1] == 0xFF:  # markers may have any number of these before them
            file.seek(-3, io.SEEK_CUR)
            continue
        size = struct.unpack(">H", mark[2:])[0] - 2
        if mark[1] not in (0xE1, 0xED):
            file.seek(size, io.SEEK_CUR)
            continue
        data = file.read(size)
        if data.startswith(b"Exif\0") and not found.tags:
            found.tags = _tags(data)
        elif data.startswith(_XMP_SEGMENT) and not found.xmp:
            found.xmp = data[len(_XMP_SEGMENT) :]
        elif data.startswith(b"Photoshop 3.0\0"):
            resources += data[14:]
    found.iptc = records_in(resources)
    return found


def _of_png(file: BinaryIO) -> Blocks:
    found, texts = Blocks({}), []
    file.seek(8)
    for _ in range(MAX_PARTS):
        size, kind = struct.unpack(">I4s", file.read(8))
        if kind == b"IEND":
            break
        if kind not in (b"tEXt", b"zTXt", b"iTXt", b"eXIf") or size > MAX_XMP:
            file.seek(size + 4, io.SEEK_CUR)
            continue
        data = file.read(size + 4)[:size]
        if kind == b"eXIf":
            found.tags = _tags(data)
            continue
        key, text = _png_text(kind, data)
        if key == "XML:com.adobe.xmp":
            found.xmp = text
        elif key == "Raw profile type iptc":  # ImageMagick's: a name, a length, and hex digits
            hexadecimal = b"".join(text.strip().splitlines()[2:])
            found.iptc = records_in(bytes.fromhex(hexadecimal.decode("ascii", "ignore")))
        else:
            encoding = "utf-8" if kind == b"iTXt" else "latin-1"
            texts.append((key, text.decode(encoding, "ignore")))
    found.texts = tuple(texts)
    return found


def _png_text(kind: bytes, data: bytes) -> tuple[str, bytes]:
    """Key and text of a chunk, unpacked up to a limit."""
    key, _, text = data.partition(b"\0")
    is_packed = kind == b"zTXt"
    if kind == b"iTXt":
        is_packed = text[:1] == b"\1"
        text = text[2:].partition(b"\0")[2].partition(b"\0")[2]
    elif is_packed:
        text = text[1:]
    if is_packed:
        text = zlib.decompressobj().decompress(text, MAX_XMP)
    return key.decode("latin-1"), text


def _of_webp(file: BinaryIO) -> Blocks:
    found = Blocks({})
    file.seek(12)
    for _ in range(MAX_PARTS):
        head = file.read(8)
        if len(head) < 8:
            break
        kind, size = struct.unpack("<4sI", head)
        if kind in (b"XMP ", b"EXIF") and size <= MAX_XMP:
            data = file.read(size)
            if kind == b"EXIF":
                found.tags = _tags(data)
            else:
                found.xmp = data
            file.seek(size % 2, io.SEEK_CUR)
        else:
            file.seek(size + size % 2, io.SEEK_CUR)
    return found


def _of_any(data: bytes) -> Blocks:
    named = _EXIF_IN.search(data)
    begins = (
        [named.end()] if named else [data.find(mark) + 4 for mark in _BARE_EXIF if mark in data]
    )
    tags = _tags(data[min(begins) : min(begins) + MAX_XMP]) if begins else {}
    return Blocks(tags, find_packet(data))


def _tags(exif: bytes) -> dict[int, bytes]:
    """Of a block of EXIF, which programs begin as in JPEG or not; none where it is broken."""
    try:
        return read_tags(io.BytesIO(exif[6:] if exif.startswith(b"Exif\0") else exif))
    except (struct.error, ValueError):
        return {}
