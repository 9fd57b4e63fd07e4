"""Pictures by date: a heading for each day, and bars of months to go to. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import ceil, sqrt

from searchengine.types import ImageRecord
from serving.pages.view import Tile, pictures
from serving.question import Question

MOST_MONTHS = 120
"""Bars that can be told apart; what spans more is shown by years."""

HEIGHTS = 10
"""Classes of the style sheet for the heights of bars."""

Month = tuple[int, int]
"""Year and month; the month is 0 for a whole year."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A month, or a year, and where its pictures begin."""

    label: str
    """"April 2007, 12 pictures"."""
    year: str
    """Of the first of each year; "" of others."""
    height: int
    """1 to HEIGHTS."""
    href: str


def moment_of(record: ImageRecord) -> datetime:
    """When a picture was taken; where nothing says so, when its file changed."""
    return record.facts.taken_at or record.modified_at


def by_days(
    tiles: Sequence[Tile], records: Sequence[ImageRecord], before: ImageRecord | None
) -> list[Tile]:
    """The tiles, the first of each day with its day over it; `before` stands before the first."""
    days = [None if before is None else moment_of(before).date()]
    days += [moment_of(record).date() for record in records]
    return [
        tile if day in (last, None) else replace(tile, day=f"{day:%A, %d %B %Y}")
        for tile, last, day in zip(tiles, days, days[1:], strict=False)
    ]


def months_of(records: Iterable[ImageRecord]) -> list[tuple[Month, int]]:
    """Each month that the pictures are of, latest first, with how many are."""
    moments = [moment_of(record) for record in records]
    counts = Counter((moment.year, moment.month) for moment in moments)
    return sorted(counts.items(), reverse=True)


def timeline(question: Question, months: Sequence[tuple[Month, int]]) -> list[Bar]:
    """A bar for each month, latest first; for each year where there are too many months.

    None where there is but one. Heights grow with the root, so that few pictures are seen too.
    """
    if len(months) > MOST_MONTHS:
        years: Counter[Month] = Counter()
        for (year, _), images in months:
            years[year, 0] += images
        months = sorted(years.items(), reverse=True)
    if len(months) < 2:
        return []
    most = max(images for _, images in months)
    bars, offset, last = [], 0, 0
    for (year, month), images in months:
        label = f"{datetime(year, month, 1):%B} {year}" if month else str(year)
        bars.append(
            Bar(
                label=f"{label}, {pictures(images)}",
                year="" if year == last else str(year),
                height=ceil(HEIGHTS * sqrt(images / most)),
                href=question.url(offset=offset),
            )
        )
        offset, last = offset + images, year
    return bars
