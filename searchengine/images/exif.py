"""What EXIF says about a picture: when, with which camera, where. Corrupt EXIF says nothing."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from PIL import Image
from PIL.ExifTags import GPS, IFD, Base

from searchengine.types import ImageFacts

_DATE = re.compile(
    r"\s*(\d{4})[:/.-](\d\d?)[:/.-](\d\d?)(?!\d)(?:[ T]+(\d\d?):(\d\d?)(?::(\d\d?))?)?"
)

MAX_CAMERA_LENGTH = 100
"""Characters kept of a camera's name: real ones are under 60, an EXIF string may be 64 KB."""


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


def join_camera(maker: str, model: str) -> str | None:
    """Maker and model in one string, without the maker twice; None where both are empty.

    "Canon" + "Canon EOS 5D" and "NIKON CORPORATION" + "NIKON D90" are the model alone.
    """
    words = re.split(r"[\s-]+", model.lower(), maxsplit=1)
    repeated = words[0] in re.split(r"[\s-]+", maker.lower())
    camera = model if model and repeated else f"{maker} {model}".strip()
    return camera[:MAX_CAMERA_LENGTH].rstrip() or None


def _position(gps: Mapping[int, Any]) -> tuple[float, float] | None:
    """Latitude and longitude in signed degrees, or None unless both are sound.

    0, 0 is what cameras write that do not know where they are: a buoy lies there, no land.
    """
    latitude = _degrees(gps, GPS.GPSLatitude, GPS.GPSLatitudeRef, "NS", 90)
    longitude = _degrees(gps, GPS.GPSLongitude, GPS.GPSLongitudeRef, "EW", 180)
    if latitude is None or longitude is None or latitude == longitude == 0:
        return None
    return latitude, longitude


def _degrees(
    gps: Mapping[int, Any], value_tag: int, reference_tag: int, signs: str, limit: int
) -> float | None:
    reference = _text(_tag(gps, reference_tag)).upper()
    try:
        degrees, minutes, seconds = (float(part) for part in _tag(gps, value_tag))
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    total = degrees + minutes / 60 + seconds / 3600
    # A denominator of zero comes as NaN, which fails every comparison.
    if len(reference) != 1 or reference not in signs or not min(degrees, minutes, seconds) >= 0:
        return None
    if not math.isfinite(total) or total > limit:
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
