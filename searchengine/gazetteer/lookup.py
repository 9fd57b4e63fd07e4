"""Which place a name means, and which place is at a point."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from searchengine.errors import InputError
from searchengine.gazetteer.kept import Towns, read_towns
from searchengine.gazetteer.places import Place, folded, key_of, radius_of
from searchengine.geography import (
    EARTH_RADIUS,
    USUAL_RADIUS,
    Named,
    Near,
    near_text,
    read_near,
)

REACH = 50_000.0
"""Metres: what lies farther from every town is at none, but in the desert or at sea."""

SHOWN = 3
"""Other places of a name, and spellings of unknown ones, that are told."""

LEAST_ALIKE = 75.0
"""Of 100: names less like what was written are no spellings of it."""

ALSO = {"uk": "gb", "england": "gb", "scotland": "gb", "wales": "gb", "usa": "us", "america": "us"}
"""What people write for a country that has another name in the data."""


def near(text: str) -> Near:
    """What is near a place: "52.1,4.3,5km", "Lisbon", "Paris, Texas, 20 km". Raises as `meant`."""
    return meant(text).near


@dataclass(frozen=True, slots=True)
class Meant:
    """What somebody meant by a place."""

    near: Near
    said: str | None = None
    """Which place was taken, and which others there are; None for coordinates."""


def meant(text: str) -> Meant:
    """The place that somebody wrote, as `searchengine.geography.read_near` reads it.

    A name means its largest place, whose border is the distance where none is written, 10 km at
    least. Raises InputError for what is no place, with spellings that are, and MissingExtraError
    for a name where there is no gazetteer.
    """
    asked = read_near(text)
    if isinstance(asked, Near):
        return Meant(asked)
    first, *rest = find(asked)
    alike = {folded(asked.name), folded(first.name)}
    others = [place for place in rest if folded(place.name) in alike]
    border = max(USUAL_RADIUS, round(radius_of(first.population), -3))
    around = Near(first.latitude, first.longitude, asked.radius or border)
    said = f"near {first.text}: {near_text(around)}"
    if others:
        some = "; ".join(place.text for place in others[:SHOWN])
        more = f" and {len(others) - SHOWN:,} more" if len(others) > SHOWN else ""
        said += f"; not {some}{more}"
    return Meant(around, said)


def find(asked: Named) -> list[Place]:
    """The places of a name, the largest first. Raises InputError where there is none."""
    towns = read_towns()
    numbers = _named(towns, asked.name)
    inside = [
        place for place in numbers if all(_lies_in(towns, place, each) for each in asked.inside)
    ]
    if not inside:
        raise InputError(_unknown(towns, asked, numbers))
    found = (_place(towns, number) for number in _largest_first(towns, inside))
    return list({place.text: place for place in reversed(list(found))}.values())[::-1]


def at(points: NDArray[np.float64]) -> list[Place | None]:
    """The place at each of some points, shape (n, 2), degrees north and east.

    Of the towns whose border is around the point the largest, in the region of the nearest one;
    without any the nearest, and none where that is over 50 km away.
    """
    towns = read_towns()
    known: dict[tuple[float, float], Place | None] = {}
    for north, east in points.tolist():
        key = round(north, 4), round(east, 4)  # ten metres: a thousand pictures of one house
        if key not in known:
            known[key] = _at(towns, *key)
    return [known[round(north, 4), round(east, 4)] for north, east in points.tolist()]


def _at(towns: Towns, north: float, east: float) -> Place | None:
    reach = np.degrees(REACH / EARTH_RADIUS)
    first, last = np.searchsorted(towns.latitudes, [north - reach, north + reach])
    if first == last:
        return None
    away = _metres(towns, slice(first, last), north, east)
    nearest = first + int(np.argmin(away))
    if away[nearest - first] > REACH:
        return None
    people = towns.populations[first:last]
    is_around = away <= radius_of(1) * np.sqrt(people)
    is_around &= towns.regions[first:last] == towns.regions[nearest]
    if not is_around.any():
        return _place(towns, nearest)
    return _place(towns, first + int(np.argmax(np.where(is_around, people, -1))))


def _metres(towns: Towns, which: slice, north: float, east: float) -> NDArray[np.float64]:
    """As `searchengine.geography.distance`, of many places."""
    latitudes = np.radians(towns.latitudes[which].astype(np.float64))
    across = np.radians(towns.longitudes[which].astype(np.float64) - east)
    here = np.radians(north)
    half = np.sin((latitudes - here) / 2) ** 2
    half += np.cos(latitudes) * np.cos(here) * np.sin(across / 2) ** 2
    metres: NDArray[np.float64] = 2 * EARTH_RADIUS * np.arcsin(np.sqrt(half))
    return metres


def _named(towns: Towns, name: str) -> list[int]:
    key = np.uint64(key_of(folded(name)))
    first, last = np.searchsorted(towns.keys, key), np.searchsorted(towns.keys, key, "right")
    numbers: list[int] = towns.owners[first:last].tolist()
    return numbers


def _lies_in(towns: Towns, place: int, where: str) -> bool:
    """Whether a place is in a country or state of this name or code."""
    asked = folded(where)
    country, region = towns.countries[place], towns.regions[place]
    names = {
        folded(str(towns.country_names[country])),
        *str(towns.country_codes[country]).casefold().split(),
        folded(str(towns.region_names[region])),
        str(towns.region_codes[region]).casefold().split()[-1],
    }
    return asked in names or ALSO.get(asked) in names


def _largest_first(towns: Towns, numbers: Sequence[int]) -> list[int]:
    return sorted(numbers, key=lambda place: (-int(towns.populations[place]), place))


def _unknown(towns: Towns, asked: Named, elsewhere: Sequence[int]) -> str:
    """Why a name is no place, with what may have been meant."""
    if elsewhere:
        there = [_place(towns, each).text for each in _largest_first(towns, elsewhere)[:SHOWN]]
        return f"no {asked.name} is in {', '.join(asked.inside)}; there is: {'; '.join(there)}"
    name = folded(asked.name)
    if name in {folded(str(each)) for each in towns.country_names} | {
        folded(str(each)) for each in towns.region_names if each
    }:
        return (
            f"{asked.name} is no town, and a circle around it would say little; its pictures are "
            f"found by its name: clipseek search {asked.name!r} --words-only"
        )
    alike = list(_alike(towns, name))
    hint = f"did you mean {', '.join(alike)}" if alike else 'write coordinates: "52.1,4.3,5km"'
    return f"no place of {LEAST_NAMED} is called {asked.name!r}; {hint}"


LEAST_NAMED = "500 people or more"


def _alike(towns: Towns, name: str) -> Iterator[str]:
    """Names of places that are spelled nearly so, of equal ones those of the largest."""
    from rapidfuzz import process
    from rapidfuzz.distance import DamerauLevenshtein

    ends = towns.ends.tolist()
    whole = towns.names.tobytes()
    order = np.argsort(-towns.populations, kind="stable").tolist()
    names = [whole[(ends[place - 1] if place else 0) : ends[place]].decode() for place in order]
    found = process.extract(
        name,
        names,
        scorer=DamerauLevenshtein.normalized_similarity,
        processor=str.casefold,
        limit=2 * SHOWN,
        score_cutoff=LEAST_ALIKE / 100,
    )
    yield from list(dict.fromkeys(each for each, *_ in found))[:SHOWN]


def _place(towns: Towns, number: int) -> Place:
    start = int(towns.ends[number - 1]) if number else 0
    name = towns.names[start : int(towns.ends[number])].tobytes().decode()
    return Place(
        name=name,
        region=str(towns.region_names[towns.regions[number]]) or None,
        country=str(towns.country_names[towns.countries[number]]),
        latitude=round(float(towns.latitudes[number]), 4),
        longitude=round(float(towns.longitudes[number]), 4),
        population=int(towns.populations[number]),
    )
