"""What a filter means in SQL: conditions on the table of images."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime

import sqlalchemy as sa

from searchengine.catalog.sqlite.connection import DISTANCE
from searchengine.catalog.sqlite.schema import (
    album_images,
    albums,
    captions,
    images,
    is_place,
    labels,
)
from searchengine.geography import Near, boxes
from searchengine.paths import below
from searchengine.types import Filter, Orientation


def at_or_under(root: str, column: sa.ColumnElement[str] = images.c.path) -> sa.ColumnElement[bool]:
    """Paths equal to `root` or below it, as a range, so that the path's index serves it."""
    first = below(root)
    after_all_below = first[:-1] + chr(ord(os.sep) + 1)
    return sa.or_(column == root, sa.and_(column >= first, column < after_all_below))


def conditions(where: Filter) -> Iterator[sa.ColumnElement[bool]]:
    """One condition for each part of the filter that is set."""
    if where.under is not None:
        yield at_or_under(str(where.under))
    yield from _taken(where)
    if where.camera is not None:
        yield images.c.camera.icontains(where.camera, autoescape=True)
    if where.orientation is not None:
        yield _HOLDS[where.orientation]
    if where.label is not None:
        named = sa.func.lower(labels.c.name) == sa.func.lower(where.label)
        yield images.c.id.in_(sa.select(labels.c.image_id).where(named))
    if where.near is not None:
        yield _is_near(where.near)
    if where.place is not None:
        yield images.c.id.in_(sa.select(captions.c.image_id).where(is_place, _names(where.place)))
    if where.album is not None:
        inside = sa.select(album_images.c.image_id).join(albums)
        yield images.c.id.in_(inside.where(albums.c.name == where.album))


def _taken(where: Filter) -> Iterator[sa.ColumnElement[bool]]:
    taken = images.c.taken_at
    if where.after is not None:
        by_file = images.c.mtime_ns >= nanoseconds(where.after)
        yield sa.or_(taken >= where.after, sa.and_(taken.is_(None), by_file))
    if where.before is not None:
        by_file = images.c.mtime_ns < nanoseconds(where.before)
        yield sa.or_(taken < where.before, sa.and_(taken.is_(None), by_file))
    if where.dated is not None:
        yield taken.is_not(None) if where.dated else taken.is_(None)


def _is_near(near: Near) -> sa.ColumnElement[bool]:
    """Boxes first, which an index serves: the distance takes a call into Python for each image."""
    latitude, longitude = images.c.latitude, images.c.longitude
    inside = [
        sa.and_(
            latitude.between(box.south, box.north),
            longitude.between(box.west, box.east),
        )
        for box in boxes(near)
    ]
    away = getattr(sa.func, DISTANCE)(latitude, longitude, near.latitude, near.longitude)
    return sa.and_(sa.or_(*inside), away <= near.radius)


def _names(place: str) -> sa.ColumnElement[bool]:
    """Places with these parts of their names, whole and one after another."""
    whole = sa.func.lower(", " + captions.c.text + ", ")
    return sa.func.instr(whole, sa.func.lower(f", {place}, ")) > 0


_HOLDS = {
    Orientation.LANDSCAPE: images.c.width > images.c.height,
    Orientation.PORTRAIT: images.c.width < images.c.height,
    Orientation.SQUARE: images.c.width == images.c.height,
}


def nanoseconds(local_time: datetime) -> int:
    """Nanoseconds since 1970, within what SQLite's integers hold."""
    within = min(max(local_time, datetime(1970, 1, 2)), datetime(2262, 1, 1))
    return int(within.timestamp()) * 1_000_000_000
