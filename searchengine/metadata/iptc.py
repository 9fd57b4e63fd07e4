"""IPTC IIM (version 4.2): records of a photo agency's time, in the resources of Photoshop."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from searchengine.metadata.cleaning import decode
from searchengine.metadata.dates import iptc_date
from searchengine.metadata.fields import Fields

_RESOURCE = 0x0404
_MAX_RECORDS = 1_000
_UTF8 = b"\x1b%G"

_CHARSET = (1, 90)
_SENTENCES = {(2, 5), (2, 105), (2, 120)}
"""Title, headline, description."""
_KEYWORDS = {(2, 25), (2, 90), (2, 92), (2, 95), (2, 101)}
"""Keywords, city, sublocation, state, country."""
_DATE, _TIME = (2, 55), (2, 60)


def read_iptc(data: bytes) -> Fields:
    """What the records say; those after a broken one say nothing."""
    found, date, time, is_utf8 = Fields(), "", "", False
    for key, value in _records(data):
        if key == _CHARSET:
            is_utf8 = value == _UTF8
        text = value.decode("utf-8", "ignore") if is_utf8 else decode(value)
        if key in _SENTENCES:
            found.sentences.append(text)
        elif key in _KEYWORDS:
            found.keywords.append(text)
        elif key == _DATE:
            date = text
        elif key == _TIME:
            time = text
    found.taken_at = iptc_date(date, time)
    return found


def records_in(resources: bytes) -> bytes:
    """The records among the resources of Photoshop ("8BIM"); empty where there are none."""
    at = 0
    while resources[at : at + 4] == b"8BIM" and at + 12 <= len(resources):
        [kind] = struct.unpack_from(">H", resources, at + 4)
        at += 6 + (resources[at + 6] + 2) // 2 * 2  # a name and its length, made even
        if at + 4 > len(resources):
            break
        [size] = struct.unpack_from(">I", resources, at)
        if kind == _RESOURCE:
            return resources[at + 4 : at + 4 + size]
        at += 4 + size + size % 2
    return b""


def _records(data: bytes) -> Iterator[tuple[tuple[int, int], bytes]]:
    at = 0
    for _ in range(_MAX_RECORDS):
        if data[at : at + 1] != b"\x1c" or at + 5 > len(data):
            return
        record, number, size = struct.unpack_from(">BBH", data, at + 1)
        if size >= 0x8000:
            return  # of a size that has its own size: pictures, no text
        yield (record, number), data[at + 5 : at + 5 + size]
        at += 5 + size
