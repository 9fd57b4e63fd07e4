"""Captions: texts stored for images of the library, by where they are from."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.dialects import sqlite

from searchengine.catalog.filters import at_or_under
from searchengine.catalog.gathered.written import record_facts
from searchengine.catalog.images import image_record, read_ids
from searchengine.catalog.records import METADATA, CaptionedText, Found, Reading
from searchengine.catalog.sqlite.connection import Reads, chunks
from searchengine.catalog.sqlite.schema import caption_embeddings, captions, images, readings
from searchengine.catalog.sqlite.words import write_words
from searchengine.types import (
    KEYWORDS,
    MODEL,
    ORIGINS,
    PLACE,
    READ,
    ImageRecord,
    SourcedText,
    SpaceInfo,
)

OF_FILES = "file"
"""The source of captions that a person gave in a file."""

_OF_METADATA = [origin + kind for origin in ORIGINS for kind in ("", KEYWORDS)]
_IS_SENTENCE = sa.and_(
    captions.c.source.not_in((READ, PLACE)),
    ~captions.c.source.endswith(KEYWORDS),
    sa.or_(captions.c.source.not_in(ORIGINS), captions.c.text.like("% % %")),
)
"""Keywords, places, what was read in pictures, and titles of one or two words in files are words
to be found; an encoder takes sentences. A photo titled "Cincinnati" would lose in searches for what
it shows."""


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

    def caption_texts(
        self, space: SpaceInfo, source: str | None = None
    ) -> tuple[NDArray[np.int64], list[str]]:
        """Rows of the caption vectors, shape (m,), and their texts: of a source, or all.

        Without a source those of models are left out: their guesses are not what people wrote.
        """
        which = _is_from(source) if source else ~captions.c.source.startswith(MODEL)
        query = (
            sa.select(caption_embeddings.c.row, captions.c.text)
            .join(captions, captions.c.id == caption_embeddings.c.owner_id)
            .where(caption_embeddings.c.space_id == space.id, which)
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

    def unread(
        self, reader: str, state: str, places: Sequence[str], *, retry_failed: bool = False
    ) -> list[ImageRecord]:
        """Images at and under the places, all without any, that a reader of a state has not read.

        Those that it failed on are among them with `retry_failed`.
        """
        is_read = [
            readings.c.image_id == images.c.id,
            readings.c.reader == reader,
            readings.c.state == state,
        ]
        if retry_failed:
            is_read.append(readings.c.failure.is_(None))
        query = sa.select(images).where(_inside(places), ~sa.exists().where(*is_read))
        with self._reading() as connection:
            return [image_record(row) for row in connection.execute(query.order_by(images.c.path))]

    def listed_under(self, places: Sequence[str]) -> int:
        """How many images are listed at and under the places, all without any."""
        query = sa.select(sa.func.count()).select_from(images).where(_inside(places))
        with self._reading() as connection:
            return int(connection.execute(query).scalar_one())


def _inside(places: Sequence[str]) -> sa.ColumnElement[bool]:
    return sa.or_(*(at_or_under(place) for place in places)) if places else sa.true()


def record_found(
    connection: sa.Connection, reader: str, state: str, found: Sequence[Found]
) -> None:
    """Put what a reader found in images in place of what it found before; images may be gone."""
    ids = [each.image_id for each in found]
    there: set[int] = set()
    for chunk in chunks(ids):
        there.update(
            connection.execute(sa.select(images.c.id).where(images.c.id.in_(chunk))).scalars()
        )
        these = captions.c.image_id.in_(chunk), captions.c.source == reader
        connection.execute(sa.delete(captions).where(*these))
    found = [each for each in found if each.image_id in there]
    texts = [
        {"image_id": each.image_id, "source": reader, "text": text}
        for each in found
        for text in dict.fromkeys(each.texts)
    ]
    if texts:
        connection.execute(sa.insert(captions), texts)
    _record_states(connection, reader, [(each.image_id, state, each.failure) for each in found])
    write_words(connection, sorted(there))


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

    Who read them in pictures, or made them, begins anew; places stay out.
    """
    found = connection.execute(sa.select(captions.c.image_id).where(_is_from(source)))
    owners = found.scalars().all()
    connection.execute(sa.delete(captions).where(_is_from(source)))
    of_reader = _is_from(source, readings.c.reader), readings.c.reader != PLACE
    connection.execute(sa.delete(readings).where(*of_reader))
    write_words(connection, sorted(set(owners)))
    return len(owners)


def record_readings(connection: sa.Connection, read: Sequence[Reading]) -> None:
    """Put what metadata says in place of what it said before.

    Texts that stay keep their ids. Its facts stand where EXIF has none.
    """
    ids = read_ids(connection, [reading.path for reading in read])
    listed = [(ids[reading.path], reading) for reading in read if reading.path in ids]
    if not listed:
        return
    states = [(image_id, reading.state, None) for image_id, reading in listed]
    _record_states(connection, METADATA, states)
    moved = record_facts(connection, listed)
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
    write_words(connection, sorted({key[0] for key in (*gone, *new)}.union(moved)))


def _record_states(
    connection: sa.Connection, reader: str, states: Sequence[tuple[int, str, str | None]]
) -> None:
    if not states:
        return
    insert = sqlite.insert(readings)
    new = insert.excluded
    connection.execute(
        insert.on_conflict_do_update(set_={"state": new.state, "failure": new.failure}),
        [
            {"image_id": image_id, "reader": reader, "state": state, "failure": failure}
            for image_id, state, failure in states
        ],
    )


def _is_from(
    source: str, column: sa.ColumnElement[str] = captions.c.source
) -> sa.ColumnElement[bool]:
    """Whether something is of a source, or of one whose name goes on behind it: "model NAME"."""
    return sa.or_(column == source, column.startswith(source + " ", autoescape=True))


def _count(connection: sa.Connection) -> int:
    return int(connection.execute(sa.select(sa.func.count()).select_from(captions)).scalar_one())
