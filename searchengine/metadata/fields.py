"""What one block of metadata says."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(slots=True)
class Fields:
    """Texts as they were found, in their order."""

    sentences: list[str] = field(default_factory=list)
    """Titles, headlines and descriptions."""
    keywords: list[str] = field(default_factory=list)
    """Keywords, and names of people and places."""
    taken_at: datetime | None = None
    """When the picture was taken, in the local time of the place."""
    position: tuple[float, float] | None = None
    """Where, in degrees north and east."""
    camera: str | None = None
    """Maker and model."""
