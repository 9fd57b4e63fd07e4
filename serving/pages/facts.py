"""What is known of an image, as names and values to read. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from searchengine.catalog.labels.given import Label
from searchengine.types import Filter, ImageRecord
from serving.question import Question


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
