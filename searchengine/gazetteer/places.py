"""What the gazetteer knows of a place, and how names are compared. Pure."""

from __future__ import annotations

import hashlib
import math
import re
import unicodedata
from dataclasses import dataclass

DENSITY = 3_000.0
"""People on a square kilometre of a town: a city of 500,000 reaches 7 km from its middle."""

_MARKS = re.compile("[\u0300-\u036f]")
"""Accents of Latin, Greek and Cyrillic letters; signs of other scripts are letters of theirs."""
_OTHERS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Place:
    """A town or village."""

    name: str
    region: str | None
    """The state; None outside the United States, for which the data has no names."""
    country: str
    latitude: float
    """Degrees north, of its middle."""
    longitude: float
    """Degrees east."""
    population: int

    @property
    def text(self) -> str:
        """The whole name, as "Paris, Texas, United States"; its parts hold no comma."""
        parts = (self.name, self.region, self.country)
        return ", ".join(dict.fromkeys(part.replace(",", "") for part in parts if part))


def radius_of(population: float) -> float:
    """Metres from the middle of a town of so many people to its border, were it a circle."""
    return 1_000 * math.sqrt(population / DENSITY / math.pi)


def folded(name: str) -> str:
    """A name as it is compared: without accents, case and punctuation."""
    if not name.isascii():
        name = _MARKS.sub("", unicodedata.normalize("NFKD", name))
    return _OTHERS.sub(" ", name.casefold()).strip()


def key_of(name: str) -> int:
    """A number of 64 bits for a folded name; two names share one once in 10 million million."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big")
