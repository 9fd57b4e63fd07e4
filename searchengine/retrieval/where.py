"""A filter as somebody wrote it, held against what can be and against what the library lists."""

from __future__ import annotations

from searchengine.catalog.catalog import CatalogReads
from searchengine.errors import InputError
from searchengine.geography import distance_text, near_text
from searchengine.types import Filter, SpaceInfo

SHOWN = 5
"""Cameras named to somebody who asked for another."""


def require_possible(where: Filter, min_score: float | None = None) -> None:
    """Raises InputError for values that no image can have."""
    if min_score is not None and not -1 <= min_score <= 1:
        raise InputError(f"the least score is a cosine, from -1 to 1, not {min_score:g}")
    if where.after and where.before and where.after >= where.before:
        raise InputError(
            f"no image is taken at or after {where.after} and before {where.before}; write the "
            "earlier date as after"
        )


def why_none(where: Filter, now: CatalogReads, space: SpaceInfo) -> str | None:
    """Why no image of the library can pass the filter, with what there is; None where one may."""
    if where.camera is not None and not now.lists(Filter(camera=where.camera)):
        there = [camera for camera, _ in now.facets(space, Filter()).cameras]
        return f"no image has a camera named like {where.camera!r}; there is: {_some(there)}"
    if where.label is not None and not now.lists(Filter(label=where.label)):
        return (
            f"no image has the label {where.label!r}; there is: {_some(now.label_names())}; images "
            "get labels by: clipseek tag"
        )
    if where.album is not None and not now.lists(Filter(album=where.album)):
        return _no_album(where.album, now)
    if where.near is not None and not now.lists(Filter(near=where.near)):
        located = now.located()
        return (
            f"no image was taken within {distance_text(where.near.radius)} of "
            f"{near_text(where.near).rpartition(',')[0]}; {located:,} of "
            f"{now.counts()['images']:,} say where they were taken"
        )
    if where.place is not None and not now.lists(Filter(place=where.place)):
        there = [each.place for each in now.places()]
        return f"no image was taken at {where.place!r}; there is: {_some(there)}"
    return None


def _no_album(name: str, now: CatalogReads) -> str:
    found = now.album_called(name)
    if found is None:
        there = now.albums()
        return f"no album is called {name!r}; there is: {_some([each.name for each in there])}"
    if found.question is not None:
        return f"{name!r} is a saved search; to ask it: clipseek album show {name!r}"
    return f"the album {name!r} is empty; to add to it: clipseek album add"


def _some(names: list[str]) -> str:
    more = [f"and {len(names) - SHOWN:,} more"] if len(names) > SHOWN else []
    return ", ".join([*names[:SHOWN], *more]) or "none"
