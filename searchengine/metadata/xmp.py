"""XMP packets (ISO 16684-1): RDF in XML, read by expat, which refuses entities here."""

from __future__ import annotations

import re
from xml.parsers import expat

from searchengine.cameras import MAX_CAMERA_LENGTH, join_camera
from searchengine.geography import in_degrees, position
from searchengine.metadata.cleaning import clean
from searchengine.metadata.dates import iso_date
from searchengine.metadata.fields import Fields

MAX_XMP = 16_000_000
"""Bytes of a packet that is read: most have 10 KB, those with every step of an edit some MB."""

MAX_VALUES, MAX_LENGTH, MAX_DEPTH = 1_000, 10_000, 200

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_DC = "http://purl.org/dc/elements/1.1/"
_PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/"
_EXIF = "http://ns.adobe.com/exif/1.0/"
_TIFF = "http://ns.adobe.com/tiff/1.0/"
_CORE = "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"
_EXTENSION = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"

_SENTENCES = {
    f"{_DC} title", f"{_DC} description", f"{_PHOTOSHOP} Headline", f"{_EXIF} UserComment",
    f"{_CORE} AltTextAccessibility", f"{_CORE} ExtDescrAccessibility",
    f"{_TIFF} ImageDescription",
}  # fmt: skip
_KEYWORDS = {
    f"{_DC} subject", f"{_PHOTOSHOP} City", f"{_PHOTOSHOP} State", f"{_PHOTOSHOP} Country",
    f"{_CORE} Location", f"{_EXTENSION} PersonInImage",
    "http://www.metadataworkinggroup.com/schemas/regions/ Name",
    "http://ns.microsoft.com/photo/1.2/t/Region# PersonDisplayName",
}  # fmt: skip
_HIERARCHIES = {
    "http://ns.adobe.com/lightroom/1.0/ hierarchicalSubject": "|",
    "http://www.digikam.org/ns/1.0/ TagsList": "/",
}
"""Keywords with those above them, as `animal|dog`, of which dc:subject has the last alone: by
Lightroom and by digiKam, and what stands between."""

_DATES = (
    f"{_EXIF} DateTimeOriginal",
    f"{_PHOTOSHOP} DateCreated",
    "http://ns.adobe.com/xap/1.0/ CreateDate",
)
"""The first that is there says when the picture was taken."""

_MAKER, _MODEL = f"{_TIFF} Make", f"{_TIFF} Model"
_LATITUDE, _LONGITUDE = f"{_EXIF} GPSLatitude", f"{_EXIF} GPSLongitude"
_SIDE = "Ref"
"""Behind the name of a coordinate: a property with its letter, by Apple's Photos."""

_SINGLE = {
    *_DATES, _MAKER, _MODEL, _LATITUDE, _LONGITUDE, _LATITUDE + _SIDE, _LONGITUDE + _SIDE,
}  # fmt: skip
"""Of these the first value counts."""

_SHOWN = f"{_EXTENSION} LocationShown"
"""What lies in it is of what the picture shows, and not of where it was taken."""

_ANGLE = re.compile(r"([+-]?\d+(?:\.\d+)?)(?:,(\d+(?:\.\d+)?))?(?:,(\d+(?:\.\d+)?))?([NSEW]?)")

_WANTED = _SENTENCES | _KEYWORDS | _HIERARCHIES.keys() | _SINGLE
_BEGIN = re.compile(rb"<(x:xmpmeta|x:xapmeta|rdf:RDF)\b")


def read_xmp(packet: bytes) -> Fields:
    """What a packet says, as far as it is sound. A document type or an entity ends the reading."""
    reading = _Reading()
    if len(packet) <= MAX_XMP:
        reading.read(packet)
    found = Fields()
    for name, text in reading.values:
        if name in _SENTENCES:
            found.sentences.append(text)
        elif name in _KEYWORDS:
            found.keywords.append(text)
    known = {keyword.casefold() for keyword in found.keywords}
    for name, text in reading.values:
        for part in text.split(_HIERARCHIES[name]) if name in _HIERARCHIES else ():
            if part.strip() and part.strip().casefold() not in known:
                known.add(part.strip().casefold())
                found.keywords.append(part.strip())
    first = {name: text for name, text in reversed(reading.values) if name in _SINGLE}
    dates = (iso_date(first[name]) for name in _DATES if name in first)
    found.taken_at = next(filter(None, dates), None)
    found.position = position(
        _degrees(first.get(_LATITUDE, ""), first.get(_LATITUDE + _SIDE, ""), "NS"),
        _degrees(first.get(_LONGITUDE, ""), first.get(_LONGITUDE + _SIDE, ""), "EW"),
    )
    maker, model = (clean(first.get(name, ""), MAX_CAMERA_LENGTH) for name in (_MAKER, _MODEL))
    found.camera = join_camera(maker, model)
    return found


def _degrees(text: str, side: str, signs: str) -> float | None:
    """An angle as "48,8.5N" or "48,8,30N"; or "48.14", with a sign or a letter beside it."""
    angle = _ANGLE.fullmatch("".join(text.split()).upper())
    if angle is None:
        return None
    total = in_degrees(abs(float(angle[1])), float(angle[2] or 0), float(angle[3] or 0))
    letter = angle[4] or side.strip()[:1].upper()
    if total is None or letter not in signs or (angle[2] and not letter):
        return None
    return -total if angle[1].startswith("-") or letter == signs[1] else total


def find_packet(data: bytes) -> bytes:
    """The packet in a file whose format is not looked into, as the standard allows; or nothing."""
    begin = _BEGIN.search(data)
    if begin is None:
        return b""
    end = data.find(b"</" + begin[1] + b">", begin.start())
    return data[begin.start() : end + len(begin[1]) + 3] if end > 0 else b""


class _RefusedError(Exception):
    """The packet is none that a program for photos writes."""


class _Reading:
    """One pass over a packet."""

    def __init__(self) -> None:
        self.values: list[tuple[str, str]] = []
        """Namespace and name, and the text."""
        self._open: list[str] = []
        self._text: list[str] = []
        self._length = 0
        self._name: str | None = None
        """The wanted property that is open."""

    def read(self, packet: bytes) -> None:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = _refuse
        parser.EntityDeclHandler = _refuse
        try:
            parser.Parse(_as_utf8(packet.lstrip()), True)
        except (expat.ExpatError, _RefusedError, ValueError, LookupError):
            return  # what came before it counts

    def _start(self, element: str, attributes: dict[str, str]) -> None:
        self._open.append(element)
        if len(self._open) > MAX_DEPTH:
            raise _RefusedError
        for name, value in attributes.items():
            if name in _WANTED:
                self._keep(name, value[:MAX_LENGTH])
        if element in _WANTED:
            self._name = element
        if self._name is not None:
            self._text, self._length = [], 0

    def _end(self, element: str) -> None:
        self._open.pop()
        if self._name is None or not (element == self._name or element == f"{_RDF} li"):
            return
        self._keep(self._name, "".join(self._text))
        self._text, self._length = [], 0
        if element == self._name:
            self._name = None

    def _characters(self, text: str) -> None:
        if self._name is not None and self._length < MAX_LENGTH:
            self._text.append(text)
            self._length += len(text)

    def _keep(self, name: str, text: str) -> None:
        if name in _SINGLE and _SHOWN in self._open:
            return
        if text.strip() and len(self.values) < MAX_VALUES:
            self.values.append((name, text))


def _refuse(*_: object) -> None:
    raise _RefusedError


def _as_utf8(packet: bytes) -> bytes:
    """The packet with bytes that are no UTF-8 taken for what Windows wrote; others as they are."""
    if b"\0" in packet[:4] or packet.startswith(b"<?xml"):
        return packet  # UTF-16, or it says what it is
    try:
        packet.decode("utf-8")
    except UnicodeDecodeError:
        return packet.decode("cp1252", "replace").encode("utf-8")
    return packet
