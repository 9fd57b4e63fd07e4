"""Facts of images that metadata says where EXIF says nothing: dates, positions and cameras."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from searchengine.catalog.records import Reading
from searchengine.catalog.sqlite.connection import chunks
from searchengine.catalog.sqlite.schema import captions, images, readings
from searchengine.types import PLACE, ImageFacts, Written

POSITION, CAMERA = "position", "camera"
_COLUMNS = {POSITION: ("latitude", "longitude"), CAMERA: ("camera",)}
"""The facts that are not EXIF's where `readings` names one who read them."""


def _is_read(reader: str) -> sa.ColumnElement[bool]:
    these = readings.c.image_id == images.c.id, readings.c.reader == reader
    return sa.exists().where(*these)


def facts_of_content() -> list[sa.ColumnElement[Any]]:
    """The facts of images, as columns, as far as the files alone say them."""
    reader_of = {name: reader for reader, names in _COLUMNS.items() for name in names}
    return [
        sa.case((~_is_read(reader_of[name]), images.c[name])).label(name)
        if name in reader_of
        else images.c[name]
        for name in ImageFacts.__dataclass_fields__
    ]


def record_facts(connection: sa.Connection, listed: Sequence[tuple[int, Reading]]) -> list[int]:
    """Put what metadata says of images in place of what it said before. EXIF comes before it.

    Returns the images that are elsewhere now: their names of places are gone.
    """
    undated = images.c.taken_from.is_distinct_from("exif")
    connection.execute(
        sa.update(images).where(images.c.id == sa.bindparam("image"), undated),
        [
            {
                "image": image_id,
                "taken_at": reading.written.taken_at,
                "taken_from": reading.written.taken_from,
            }
            for image_id, reading in listed
        ],
    )
    written = {image_id: reading.written for image_id, reading in listed}
    _record(connection, CAMERA, written)
    moved = _record(connection, POSITION, written)
    _forget(connection, readings, readings.c.reader == PLACE, moved)
    _forget(connection, captions, captions.c.source == PLACE, moved)
    return moved


def _record(connection: sa.Connection, reader: str, written: dict[int, Written]) -> list[int]:
    """Returns the images that changed."""
    columns = [images.c[name] for name in _COLUMNS[reader]]
    query = sa.select(images.c.id, _is_read(reader), *columns)
    changed: dict[int, tuple[object, ...]] = {}
    for chunk in chunks(list(written)):
        for image_id, is_read, *known in connection.execute(query.where(images.c.id.in_(chunk))):
            says = _said(reader, written[image_id])
            if (is_read or known[0] is None) and tuple(known) != says:
                changed[image_id] = says
    _forget(connection, readings, readings.c.reader == reader, list(changed))
    for image_id, says in changed.items():
        new = dict(zip(_COLUMNS[reader], says, strict=True))
        connection.execute(sa.update(images).where(images.c.id == image_id).values(new))
        if says[0] is not None:
            mark = {"image_id": image_id, "reader": reader, "state": ""}
            connection.execute(sa.insert(readings).values(mark))
    return list(changed)


def _said(reader: str, written: Written) -> tuple[object, ...]:
    return written.position or (None, None) if reader == POSITION else (written.camera,)


def _forget(
    connection: sa.Connection, table: sa.Table, these: sa.ColumnElement[bool], ids: Sequence[int]
) -> None:
    for chunk in chunks(ids):
        connection.execute(sa.delete(table).where(these, table.c.image_id.in_(chunk)))
