"""Captions: texts stored for images of the library, by where they are from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.dialects import sqlite

from searchengine.catalog.images import read_ids
from searchengine.catalog.records import METADATA, CaptionedText, Reading
from searchengine.catalog.sqlite.connection import Reads, chunks
from searchengine.catalog.sqlite.schema import caption_embeddings, captions, images, readings
from searchengine.catalog.sqlite.words import write_words
from searchengine.types import KEYWORDS, ORIGINS, READ, SourcedText, SpaceInfo

OF_FILES = "file"
"""The source of captions that a person gave in a file."""

_OF_METADATA = [origin + kind for origin in ORIGINS for kind in ("", KEYWORDS)]
_IS_SENTENCE = sa.and_(captions.c.source != READ, ~captions.c.source.endswith(KEYWORDS))
"""Keywords, and what was read in pictures, are words to be found; an encoder takes sentences."""


class CaptionReads(Reads):
    """What can be asked about captions."""

    def captions_without_vector(self, space: SpaceInfo, limit: int) -> list[CaptionedText]:
        """Up to `limit` captions that are sentences and that the space has no vector of."""
        has_vector = sa.exists().where(
            caption_embeddings.c.owner_id == captions.c.id,
            caption_embeddings.c.space_id == space.id,
        )
        query = sa.select(captions.c.id, captions.c.text)
        query = query.where(_IS_SENTENCE, ~has_vector).limit(limit)
        with self._reading() as connection:
            return [CaptionedText(*row) for row in connection.execute(query)]

    def caption_texts(self, space: SpaceInfo) -> tuple[NDArray[np.int64], list[str]]:
        """Rows of the caption vectors, shape (m,), and their texts."""
        query = (
            sa.select(caption_embeddings.c.row, captions.c.text)
            .join(captions, captions.c.id == caption_embeddings.c.owner_id)
            .where(caption_embeddings.c.space_id == space.id)
            .order_by(caption_embeddings.c.row)
        )
        with self._reading() as connection:
            found = connection.execute(query).all()
        return np.array([row for row, _ in found], dtype=np.int64), [text for _, text in found]

    def sources(self) -> dict[str, int]:
        """How many captions are from each source, by its name."""
        query = sa.select(captions.c.source, sa.func.count()).group_by(captions.c.source)
        with self._reading() as connection:
            found = connection.execute(query.order_by(captions.c.source))
            return {source: number for source, number in found}  # noqa: C416 - rows are no pairs

    def captions_from(self, source: str) -> list[tuple[str, SourcedText]]:
        """Image paths and captions of a source and of those under its name, by path."""
        query = sa.select(images.c.path, captions.c.text, captions.c.source).join(
            images, images.c.id == captions.c.image_id
        )
        with self._reading() as connection:
            found = connection.execute(
                query.where(_is_from(source)).order_by(images.c.path, captions.c.id)
            )
            return [(path, SourcedText(text, each)) for path, text, each in found]


def add_captions(
    connection: sa.Connection, pairs: Sequence[tuple[str, str]], source: str
) -> tuple[int, list[str]]:
    """Store (image path, text) pairs of a source; how many are new, and the paths not listed."""
    paths = {path for path, _ in pairs}
    ids = read_ids(connection, sorted(paths))
    values = [
        {"image_id": ids[path], "text": text, "source": source}
        for path, text in pairs
        if path in ids
    ]
    before = _count(connection)
    if values:
        connection.execute(sqlite.insert(captions).on_conflict_do_nothing(), values)
        write_words(connection, sorted(ids.values()))
    return _count(connection) - before, sorted(paths - ids.keys())


def remove_captions(connection: sa.Connection, source: str) -> int:
    """Take out the captions of a source and of those under its name; returns how many.

    Who read them in pictures, or made them, begins anew.
    """
    found = connection.execute(sa.select(captions.c.image_id).where(_is_from(source)))
    owners = found.scalars().all()
    connection.execute(sa.delete(captions).where(_is_from(source)))
    connection.execute(sa.delete(readings).where(_is_from(source, readings.c.reader)))
    write_words(connection, sorted(set(owners)))
    return len(owners)


def record_readings(connection: sa.Connection, read: Sequence[Reading]) -> None:
    """Put what metadata says in place of what it said before.

    Texts that stay keep their ids. Its date stands where EXIF has none.
    """
    ids = read_ids(connection, [reading.path for reading in read])
    listed = [(ids[reading.path], reading) for reading in read if reading.path in ids]
    if not listed:
        return
    _record_states(connection, [(image_id, reading.state) for image_id, reading in listed])
    _record_dates(connection, listed)
    known: dict[tuple[int, str, str], int] = {}
    query = sa.select(captions.c.image_id, captions.c.source, captions.c.text, captions.c.id)
    for chunk in chunks([image_id for image_id, _ in listed]):
        these = captions.c.image_id.in_(chunk), captions.c.source.in_(_OF_METADATA)
        for *key, caption_id in connection.execute(query.where(*these)):
            known[tuple(key)] = caption_id
    now = [
        (image_id, text.source, text.text)
        for image_id, reading in listed
        for text in reading.written.texts
    ]
    gone = known.keys() - set(now)
    for chunk in chunks([known[key] for key in gone]):
        connection.execute(sa.delete(captions).where(captions.c.id.in_(chunk)))
    new = [key for key in dict.fromkeys(now) if key not in known]
    if new:
        values = [dict(zip(("image_id", "source", "text"), key, strict=True)) for key in new]
        connection.execute(sa.insert(captions), values)
    write_words(connection, sorted({key[0] for key in gone} | {key[0] for key in new}))


def _record_states(connection: sa.Connection, states: Sequence[tuple[int, str]]) -> None:
    insert = sqlite.insert(readings)
    connection.execute(
        insert.on_conflict_do_update(set_={"state": insert.excluded.state}),
        [
            {"image_id": image_id, "reader": METADATA, "state": state, "failure": None}
            for image_id, state in states
        ],
    )


def _record_dates(connection: sa.Connection, listed: Sequence[tuple[int, Reading]]) -> None:
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


def _is_from(
    source: str, column: sa.ColumnElement[str] = captions.c.source
) -> sa.ColumnElement[bool]:
    """Whether something is of a source, or of one whose name goes on behind it: "model NAME"."""
    return sa.or_(column == source, column.startswith(source + " ", autoescape=True))


def _count(connection: sa.Connection) -> int:
    return int(connection.execute(sa.select(sa.func.count()).select_from(captions)).scalar_one())
