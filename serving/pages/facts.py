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
        ("File", f"{facts.format}, {file_size(record.file.size)}"),
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


def file_size(size: int) -> str:
    """Bytes as people say them.

    >>> file_size(3_210_000), file_size(812)
    ('3.2 MB', '1 KB')
    """
    return f"{size / 1e6:.1f} MB" if size >= 1_000_000 else f"{max(round(size / 1e3), 1)} KB"


def _place(latitude: float | None, longitude: float | None) -> str:
    if latitude is None or longitude is None:
        return ""
    north = f"{abs(latitude):.4f}\N{DEGREE SIGN} {'N' if latitude >= 0 else 'S'}"
    return f"{north}, {abs(longitude):.4f}\N{DEGREE SIGN} {'E' if longitude >= 0 else 'W'}"
