"""Places on the Earth: how far apart they are, what lies near one, and how people write them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from searchengine.errors import InputError

EARTH_RADIUS = 6_371_008.8
"""Metres: the mean radius (IUGG), that of the sphere on which distances differ least."""

FARTHEST = math.pi * EARTH_RADIUS
"""Metres between a place and the one across from it."""

USUAL_RADIUS = 10_000.0
"""Metres around a place of which no distance was said."""

_UNITS = {"m": 1.0, "km": 1_000.0, "mi": 1_609.344}
_RADIUS = re.compile(r"(\d+(?:\.\d+)?|\.\d+) ?(m|km|mi)", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)")
_HOW = 'write "52.1,4.3,5km" or "Lisbon, 20 km"'


@dataclass(frozen=True, slots=True)
class Near:
    """What is at most so far from a place."""

    latitude: float
    """Degrees north, in [-90, 90]."""
    longitude: float
    """Degrees east, in [-180, 180]."""
    radius: float = USUAL_RADIUS
    """Metres, along the ground; more than 0."""

    def __post_init__(self) -> None:
        """Raises InputError for what is no place on the Earth."""
        is_place = -90 <= self.latitude <= 90 and -180 <= self.longitude <= 180
        if not (is_place and 0 < self.radius < math.inf):
            raise InputError(
                f"no place: {self.latitude} degrees north, {self.longitude} degrees east, "
                f"{self.radius} metres around it; they are from -90 to 90, from -180 to 180, over 0"
            )


@dataclass(frozen=True, slots=True)
class Named:
    """A place by its name, which a gazetteer has to find."""

    name: str
    inside: tuple[str, ...] = ()
    """What it lies in, as "Texas" or "France"."""
    radius: float | None = None
    """Metres; None where nothing was said."""


@dataclass(frozen=True, slots=True)
class Box:
    """What lies between two parallels and two meridians, in degrees; west is not above east."""

    south: float
    north: float
    west: float
    east: float


def distance(latitude: float, longitude: float, other: float, other_longitude: float) -> float:
    """Metres along the ground between two places in degrees: the haversine formula.

    R. W. Sinnott, Virtues of the Haversine, Sky and Telescope 68 (1984). On a sphere: up to 0.6 %
    from what a geodesist measures.
    """
    first, second = math.radians(latitude), math.radians(other)
    across = math.radians(other_longitude - longitude)
    half = (
        math.sin((second - first) / 2) ** 2
        + math.cos(first) * math.cos(second) * math.sin(across / 2) ** 2
    )
    return 2 * EARTH_RADIUS * math.asin(min(1.0, math.sqrt(half)))


def boxes(near: Near) -> Iterator[Box]:
    """Boxes that together hold all that is near a place: two where that crosses 180 degrees.

    Around a pole it is everything north or south of a parallel. After J. P. Matuschek, Finding
    Points Within a Distance of a Latitude/Longitude Using Bounding Coordinates.
    """
    reach = near.radius / EARTH_RADIUS
    south = near.latitude - math.degrees(reach)
    north = near.latitude + math.degrees(reach)
    if south <= -90 or north >= 90:
        yield Box(max(south, -90.0), min(north, 90.0), -180.0, 180.0)
        return
    across = math.sin(reach) / math.cos(math.radians(near.latitude))
    width = math.degrees(math.asin(min(1.0, across)))
    west, east = near.longitude - width, near.longitude + width
    if west < -180:
        yield Box(south, north, west + 360, 180.0)
        west = -180.0
    if east > 180:
        yield Box(south, north, -180.0, east - 360)
        east = 180.0
    yield Box(south, north, west, east)


def in_degrees(degrees: float, minutes: float = 0.0, seconds: float = 0.0) -> float | None:
    """Degrees, minutes and seconds as degrees; None for what is no angle, or below zero.

    Sixty is one: programs that round write it.
    """
    is_angle = 0 <= degrees < math.inf and 0 <= minutes <= 60 and 0 <= seconds <= 60
    return degrees + minutes / 60 + seconds / 3600 if is_angle else None


def position(latitude: float | None, longitude: float | None) -> tuple[float, float] | None:
    """Where a picture was taken, in degrees north and east, or None unless both are sound.

    0, 0 is what cameras write that do not know where they are: a buoy lies there, no land.
    """
    if latitude is None or longitude is None or latitude == longitude == 0:
        return None
    is_place = -90 <= latitude <= 90 and -180 <= longitude <= 180
    return (latitude, longitude) if is_place else None


def read_near(text: str) -> Near | Named:
    """What somebody wrote: "52.1,4.3", "52.1,4.3,5km", "Lisbon", "Paris, Texas, 20 km".

    Distances are in m, km or mi, and 10 km where none is written; of a named place the gazetteer
    says. Raises InputError for coordinates that are none, a distance without its unit, and where
    there is no name.
    """
    parts = [" ".join(part.split()) for part in text.split(",")]
    numbers = [bool(_NUMBER.fullmatch(part)) for part in parts]
    radius = None
    if len(parts) > 1 and (written := _RADIUS.fullmatch(parts[-1])):
        radius = float(written[1]) * _UNITS[written[2].lower()]
        parts, numbers = parts[:-1], numbers[:-1]
        if not 0 < radius <= FARTHEST:
            raise InputError(f"{text!r}: no place on the Earth is that far away; {_HOW}")
    if len(parts) > 1 and numbers[-1] and (len(parts) == 3 or not numbers[0]):
        raise InputError(f"{text!r}: a distance has a unit, m, km or mi; {_HOW}")
    if len(parts) == 2 and all(numbers):
        latitude, longitude = float(parts[0]), float(parts[1])
        if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
            raise InputError(
                f"{text!r}: latitude comes first, from -90 to 90 degrees north, then longitude, "
                f"from -180 to 180 degrees east; {_HOW}"
            )
        return Near(latitude, longitude, USUAL_RADIUS if radius is None else radius)
    if any(numbers) or not all(parts) or _RADIUS.fullmatch(parts[0]):
        raise InputError(f"{text!r} is no place; {_HOW}")
    return Named(parts[0], tuple(parts[1:]), radius)


def near_text(near: Near) -> str:
    """The place and the distance in a form that `read_near` reads as the same: "52.1,4.3,5km"."""
    return f"{_plain(near.latitude)},{_plain(near.longitude)},{distance_text(near.radius)}"


def _plain(degrees: float) -> str:
    """To six decimals, which is a hand's breadth, and never with an exponent."""
    return f"{degrees:.6f}".rstrip("0").rstrip(".")


def distance_text(metres: float) -> str:
    """Metres for people: "800m", "7.5km"."""
    return f"{metres:.0f}m" if metres < 1_000 else f"{_plain(round(metres / 1_000, 3))}km"
