"""What is known of an image, as names and values to read. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlencode

from searchengine.catalog.labels.given import Label
from searchengine.types import Filter, ImageRecord
from serving.question import Question
from serving.replies import file_url, version_of

ICON, LITTLE = 128, 400
"""Pixels of the longer side: up to these a picture is not drawn as large as the screen."""

SHOWN_BY_BROWSERS = frozenset(("JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "AVIF"))
"""Pillow's names of formats."""

LEAST_MEGABYTE = 999_500
"""Bytes from which on they are said in megabytes: fewer are 999 KB or less."""

UNITS = ("MB", "GB", "TB")
"""Each a thousand of that before."""


def facts_of(record: ImageRecord) -> list[tuple[str, str]]:
    """What is known of an image, as names and values to read."""
    facts = record.facts
    path = Path(record.file.path)
    changed = datetime.fromtimestamp(record.file.mtime_ns / 1e9)
    moment = ("File from", changed)
    if facts.taken_at:
        by = "" if facts.taken_from in (None, "exif") else f", by its {facts.taken_from}"
        moment = (f"Taken{by}", facts.taken_at)
    megapixels = facts.width * facts.height / 1e6
    rows = [
        (moment[0], f"{moment[1].day} {moment[1]:%B %Y, %H:%M}"),
        ("Camera", facts.camera or ""),
        ("Size", f"{facts.width:,} \N{MULTIPLICATION SIGN} {facts.height:,}"),
        ("Resolution", f"{megapixels:.1f} megapixels" if megapixels >= 1 else ""),
        ("File", f"{facts.format}, {bytes_said(record.file.size)}"),
        ("Place", _place(facts.latitude, facts.longitude)),
        ("Folder", str(path.parent)),
    ]
    return [(name, value) for name, value in rows if value]


@dataclass(frozen=True, slots=True)
class Tag:
    """A label of an image, as it is shown."""

    name: str
    said: str
    """How sure it is."""
    href: str
    """The images that have it too."""


def labels_of(labels: Sequence[Label]) -> list[Tag]:
    """The labels of an image, each name once by whichever set is the surest, which comes first."""
    named: dict[str, Label] = {}
    for label in labels:
        named.setdefault(label.name.casefold(), label)
    return [
        Tag(
            label.name,
            f"{label.probability:.0%} probable",
            Question(where=Filter(label=label.name)).url(),
        )
        for label in named.values()
    ]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the words of a question are seen in a picture."""

    words: str
    map: str | None
    """The address of what is laid over the picture; None where it is not asked for."""
    href: str
    """To see it, or to see the picture without it."""
    why_not: str | None


def place_of(
    question: Question, record: ImageRecord, words: str, *, is_shown: bool, why_not: str | None
) -> Place:
    """What the picture view says of where words are seen."""
    path = f"/images/{record.id}"
    shown = f"{path}/where?{urlencode({'q': question.text, 'v': version_of(record)})}"
    return Place(
        words=words,
        map=f"/api{shown}" if is_shown and why_not is None else None,
        href=question.url(path) + ("" if is_shown else "&where=yes"),
        why_not=why_not,
    )


def size_of(record: ImageRecord) -> str:
    """The class of the style sheet for how large a picture may be drawn."""
    side = max(record.facts.width, record.facts.height)
    return "icon" if side <= ICON else "little" if side <= LITTLE else ""


def shown_whole(record: ImageRecord) -> str | None:
    """The address of the file where a browser shows it, to look at closely."""
    return file_url(record) if record.facts.format in SHOWN_BY_BROWSERS else None


def bytes_said(count: int) -> str:
    """Bytes as people say them, from whole kilobytes on.

    >>> bytes_said(812), bytes_said(45_300), bytes_said(3_210_000), bytes_said(2_340_000_000)
    ('1 KB', '45 KB', '3.2 MB', '2.3 GB')
    """
    if count < LEAST_MEGABYTE:
        return f"{max(round(count / 1e3), 1)} KB"
    size, unit = count / 1e6, 0
    while round(size, 1) >= 1000 and unit + 1 < len(UNITS):
        size, unit = size / 1000, unit + 1
    return f"{size:,.1f} {UNITS[unit]}"


def _place(latitude: float | None, longitude: float | None) -> str:
    if latitude is None or longitude is None:
        return ""
    north = f"{abs(latitude):.4f}\N{DEGREE SIGN} {'N' if latitude >= 0 else 'S'}"
    return f"{north}, {abs(longitude):.4f}\N{DEGREE SIGN} {'E' if longitude >= 0 else 'W'}"
