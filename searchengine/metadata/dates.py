"""Dates as metadata and names of files write them, without a time zone.

A day counts where its time is none.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

FIRST_YEAR = 1990
"""No file is named after an earlier day by what takes pictures."""

_ISO = re.compile(r"\s*(\d{4})[-:/.](\d\d?)[-:/.](\d\d?)(?!\d)(?:[T ]+(\d\d?):(\d\d)(?::(\d\d))?)?")
_IPTC = re.compile(r"(\d{4})(\d\d)(\d\d)(?:[T ]?(\d\d)(\d\d)(\d\d)?)?")
_IN_NAME = re.compile(
    r"(?<!\d)((?:19|20)\d\d)([-_.]?)(\d\d)\2(\d\d)"
    r"(?:(?:[-_. T]|[-_ ]+at[-_ ]+)?(\d\d)([-_.:]?)(\d\d)\6(\d\d)(?:\d{3})?)?(?!\d)"
)


def iso_date(text: str) -> datetime | None:
    """The date of XMP ("2019-07-21T10:11:12+02:00", "2019-07-21") or EXIF, with a day at least."""
    return _date(_ISO.match(text))


def iptc_date(date: str, time: str) -> datetime | None:
    """The date of IPTC: "20190721", and "101112+0200" or nothing."""
    digits = re.match(r"\d{6}", time)
    return _date(_IPTC.fullmatch(date[:8] + (digits[0] if digits else "")))


def mail_date(text: str) -> datetime | None:
    """The "Creation Time" of PNG: as in mails, or as in XMP."""
    found = iso_date(text)
    if found is None:
        try:
            found = parsedate_to_datetime(text).replace(tzinfo=None)
        except (ValueError, IndexError, TypeError, OverflowError):
            return None
    return found if found.year >= FIRST_YEAR else None


def date_in_name(name: str, modified_at: datetime) -> datetime | None:
    """The day, and the time where it is there, in a name such as IMG_20190721_101112.jpg.

    No later than a day after the file was last written, as no picture is taken after that.
    """
    for match in _IN_NAME.finditer(name):
        year, _, month, day, hour, _, minute, second = match.groups()
        found = _made(year, month, day, hour, minute, second) or _made(year, month, day)
        if found and found.year >= FIRST_YEAR and found <= modified_at + timedelta(days=1):
            return found
    return None


def _date(match: re.Match[str] | None) -> datetime | None:
    if match is None:
        return None
    return _made(*match.groups()) or _made(*match.groups()[:3])


def _made(*parts: str | None) -> datetime | None:
    try:
        found = datetime(*(int(part or 0) for part in parts))  # type: ignore[arg-type]
    except ValueError:
        return None
    return found if found.year > 1 else None  # .NET writes the year 1 for no date
