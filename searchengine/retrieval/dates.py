"""Dates as people write them in filters."""

from __future__ import annotations

from datetime import datetime

from searchengine.errors import InputError

DATE_FORMS = ("%Y", "%Y-%m", "%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M")


def read_date(text: str) -> datetime:
    """A local time from 2024, 2024-05, 2024-05-31 or 2024-05-31T18:30: the first moment of it.

    Raises InputError for anything else.
    """
    for form in DATE_FORMS:
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    raise InputError(f"{text!r} is no date; write 2024, 2024-05 or 2024-05-31")
