"""Texts of files brought to what people read: bounded, on one line, without what cameras put in."""

from __future__ import annotations

import re
import unicodedata

MAX_TEXT, MAX_KEYWORD = 2_000, 100
"""Characters kept of a description, and of a keyword: IPTC allows 2,000 and 64."""

MAX_KEYWORDS = 100
"""Keywords kept of a picture."""

_BY_CAMERAS = re.compile(
    r"(\w+ )?(digital (still )?camera|camera pictures)|(sony|minolta) dsc|exif[ _]?jpeg[ _]?picture"
    r"|digimax.*|dcim\\.*|(processed|created|edited|made) (with|by) .*|file written by .*"
    r"|default|untitled|none|unknown|n/a|null|-+|\?+|oznor\w*|[a-z]{0,4}hdr[a-z]{0,4}|dav|edf|cof|mde"
    r"|(dsc|img|pict|p|dscn|dscf|imgp|_mg|pxl|mvimg)[ _-]*\d[\d_-]*(\.\w{3,4})?|(https?://|www\.)\S+|[\W\d_]+",
    re.IGNORECASE,
)
"""Descriptions that say nothing of the picture: by cameras and programs, file names, addresses."""


def clean(text: str, most: int = MAX_TEXT) -> str:
    """The text in composed form, on one line, printable, `most` characters at most."""
    text = text[: 4 * most]
    composed = unicodedata.normalize("NFC", " ".join(text.split()))
    return "".join(char for char in composed if char.isprintable())[:most].strip()


def said(text: str) -> str:
    """A cleaned description; empty where it says nothing of the picture."""
    cleaned = clean(text)
    return "" if _BY_CAMERAS.fullmatch(cleaned) else cleaned


def decode(data: bytes) -> str:
    """Text of a file that does not say its encoding: UTF-8, or what Windows wrote before it."""
    data = data.split(b"\0", 1)[0]
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace").replace("\ufffd", "")
