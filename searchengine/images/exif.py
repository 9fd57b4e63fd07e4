"""What EXIF says about a picture: when, with which camera, where. Corrupt EXIF says nothing."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from PIL import Image
from PIL.ExifTags import GPS, IFD, Base

from searchengine.cameras import join_camera
from searchengine.geography import in_degrees, position
from searchengine.types import ImageFacts

_DATE = re.compile(
    r"\s*(\d{4})[:/.-](\d\d?)[:/.-](\d\d?)(?!\d)(?:[ T]+(\d\d?):(\d\d?)(?::(\d\d?))?)?"
)


def read_exif(image: Image.Image) -> Image.Exif:
    """The EXIF of a loaded picture; empty where there is none or it is corrupt. Never raises."""
    if image.format == "AVIF":  # how it is turned lies in its own boxes, whatever XMP says
        image.info.pop("xmp", None)
    try:
        return image.getexif()
    except Exception:  # Pillow raises SyntaxError, struct.error, ValueError, ... on corrupt EXIF
        return Image.Exif()


def read_raw_exif(data: bytes) -> Image.Exif:
    """The EXIF of a camera's RAW file that is a TIFF inside; empty for others. Never raises."""
    exif = Image.Exif()
    if data[:2] == b"II":  # ORF and RW2 differ from a little-endian TIFF in the next two bytes
        data = b"II*\0" + data[4:]
    try:
        exif.load_from_fp(io.BytesIO(data))
    except Exception:  # as above
        return Image.Exif()
    return exif


def read_tiff_exif(data: bytes, position: int) -> Image.Exif:
    """The EXIF of the page of a TIFF file whose directory begins at `position`. Never raises."""
    exif = Image.Exif()
    exif.endian = ">" if data[:2] == b"MM" else "<"
    exif.bigtiff = data[2:3] == b"+"
    try:
        exif.load_from_fp(io.BytesIO(data), position)
    except Exception:  # as above
        return Image.Exif()
    return exif


def read_orientation(exif: Image.Exif) -> int:
    """How the stored picture is turned, 1 (upright) to 8 as in EXIF; 1 where it is not told."""
    value = _tag(exif, Base.Orientation)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def read_facts(exif: Image.Exif, size: tuple[int, int], image_format: str) -> ImageFacts:
    """The facts of a picture. Malformed values count as absent; never raises.

    `size` is (width, height) in pixels, upright; `image_format` is Pillow's name.
    """
    details = _directory(exif, IFD.Exif)
    place = _position(_directory(exif, IFD.GPSInfo))
    latitude, longitude = place or (None, None)
    dates = (
        _tag(details, Base.DateTimeOriginal),
        _tag(details, Base.DateTimeDigitized),
        _tag(exif, Base.DateTime),
    )
    taken_at = next((date for date in map(parse_date, dates) if date), None)
    return ImageFacts(
        width=size[0],
        height=size[1],
        format=image_format,
        taken_at=taken_at,
        taken_from="exif" if taken_at else None,
        camera=join_camera(_text(_tag(exif, Base.Make)), _text(_tag(exif, Base.Model))),
        latitude=latitude,
        longitude=longitude,
    )


def parse_date(value: object) -> datetime | None:
    """EXIF's "2024:05:01 13:37:00" as local time; None for "0000:00:00 00:00:00", blanks, ...

    The time may be blank, as in scans of old photos, or none, as 24:05:10 by some telephones: then
    the day counts.
    """
    match = _DATE.match(_text(value))
    for parts in (match.groups(), match.groups()[:3]) if match else ():
        with suppress(ValueError):
            found = datetime(*(int(part or 0) for part in parts))  # type: ignore[arg-type]
            return found if found.year > 1 else None  # .NET writes the year 1 for no date
    return None


def _position(gps: Mapping[int, Any]) -> tuple[float, float] | None:
    """Latitude and longitude in signed degrees, or None unless both are sound."""
    return position(
        _degrees(gps, GPS.GPSLatitude, GPS.GPSLatitudeRef, "NS"),
        _degrees(gps, GPS.GPSLongitude, GPS.GPSLongitudeRef, "EW"),
    )


def _degrees(
    gps: Mapping[int, Any], value_tag: int, reference_tag: int, signs: str
) -> float | None:
    reference = _text(_tag(gps, reference_tag)).upper()
    try:
        degrees, minutes, seconds = (float(part) for part in _tag(gps, value_tag))
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    # A denominator of zero comes as NaN, which fails every comparison.
    total = in_degrees(degrees, minutes, seconds)
    if total is None or len(reference) != 1 or reference not in signs:
        return None
    return -total if reference == signs[1] else total


def _directory(exif: Image.Exif, which: IFD) -> Mapping[int, Any]:
    try:
        return exif.get_ifd(which)
    except Exception:  # as in read_exif
        return {}


def _tag(tags: Mapping[int, Any] | Image.Exif, tag: int) -> Any:  # noqa: ANN401 - EXIF is untyped
    try:
        return tags.get(tag)
    except Exception:  # as in read_exif: Pillow decodes a value when it is asked for
        return None


def _text(value: object) -> str:
    """An EXIF string up to its first NUL, on one line, without control characters."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return ""
    words = value.split("\0", 1)[0].split()
    return "".join(char for char in " ".join(words) if char.isprintable())
