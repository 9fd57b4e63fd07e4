"""All that is written about a picture, from its file, the sidecar beside it and its name."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from searchengine.errors import FileTooLargeError
from searchengine.files import open_ordinary, read_whole
from searchengine.metadata.blocks import Blocks, find_blocks
from searchengine.metadata.cleaning import MAX_KEYWORD, MAX_KEYWORDS, clean, said
from searchengine.metadata.dates import date_in_name, mail_date
from searchengine.metadata.fields import Fields
from searchengine.metadata.iptc import read_iptc
from searchengine.metadata.tags import read_exif_texts
from searchengine.metadata.xmp import MAX_XMP, read_xmp
from searchengine.types import KEYWORDS, FileState, SourcedText, Written

MAX_SENTENCES = 20
"""Titles and descriptions kept of a picture."""

_BROKEN = (ValueError, struct.error, OSError, zlib.error, OverflowError)
"""What is raised over a file that is not what it says."""


def read_written(file: FileState, source: BinaryIO, sidecar: str | None) -> Written:
    """What is written about the picture in `file`, whose bytes are `source`.

    `sidecar` is the path of the XMP beside it. What is broken says nothing; never raises.
    """
    said_by = list(_by_origin(source, sidecar))
    dates = [(fields.taken_at, origin) for origin, fields in said_by]
    name = os.path.splitext(os.path.basename(file.path))[0]
    dates.append((_date_of_name(name, file), "name"))
    taken_at, taken_from = next((found for found in dates if found[0]), (None, None))
    positions = (fields.position for _, fields in said_by)
    cameras = (fields.camera for _, fields in said_by)
    return Written(
        tuple(_texts(said_by)),
        taken_at,
        taken_from,
        next(filter(None, positions), None),
        next(filter(None, cameras), None),
    )


def read_written_file(file: FileState, sidecar: str | None) -> Written:
    """As `read_written`, from the disk. Raises OSError."""
    with open_ordinary(Path(file.path)) as source:
        return read_written(file, source, sidecar)


def _by_origin(source: BinaryIO, sidecar: str | None) -> Iterator[tuple[str, Fields]]:
    """What each origin says, those first that people write last."""
    if sidecar is not None:
        with suppress(FileTooLargeError, *_BROKEN):
            yield "sidecar", read_xmp(read_whole(Path(sidecar), MAX_XMP))
    blocks = Blocks({})
    with suppress(*_BROKEN):
        blocks = find_blocks(source)
    yield "xmp", read_xmp(blocks.xmp)
    yield "iptc", read_iptc(blocks.iptc)
    yield "exif", read_exif_texts(blocks.tags)
    yield "png", _read_png(blocks.texts)


def _read_png(texts: tuple[tuple[str, str], ...]) -> Fields:
    found = Fields()
    for key, text in texts:
        if key in ("Title", "Description", "Comment"):
            found.sentences.append(text)
        elif key == "Creation Time":
            found.taken_at = found.taken_at or mail_date(text.strip())
    return found


def _texts(said_by: list[tuple[str, Fields]]) -> Iterator[SourcedText]:
    """Each text once, from the first origin that has it; the keywords of an origin together."""
    seen: set[str] = set()

    def new(text: str) -> bool:
        key = text.casefold()
        is_new = bool(text) and key not in seen
        seen.add(key)
        return is_new

    kept = 0
    for origin, fields in said_by:
        for text in map(said, fields.sentences):
            if kept < MAX_SENTENCES and new(text):
                kept += 1
                yield SourcedText(text, origin)
        keywords = [clean(keyword, MAX_KEYWORD) for keyword in fields.keywords]
        joined = ", ".join([keyword for keyword in keywords if new(keyword)][:MAX_KEYWORDS])
        if joined:
            yield SourcedText(joined, origin + KEYWORDS)


def _date_of_name(name: str, file: FileState) -> datetime | None:
    try:
        return date_in_name(name, datetime.fromtimestamp(file.mtime_ns / 1e9))
    except (ValueError, OSError, OverflowError):  # times that no calendar has
        return None
