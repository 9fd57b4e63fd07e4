"""Captions: texts stored for images of the library."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.dialects import sqlite

from searchengine.catalog.images import read_ids
from searchengine.catalog.records import CaptionedText
from searchengine.catalog.sqlite.connection import Reads
from searchengine.catalog.sqlite.schema import caption_embeddings, captions
from searchengine.catalog.sqlite.words import write_words
from searchengine.types import SpaceInfo

OF_FILES = "file"
"""The source of captions that a person gave in a file."""


class CaptionReads(Reads):
    """What can be asked about captions."""

    def captions_without_vector(self, space: SpaceInfo, limit: int) -> list[CaptionedText]:
        """Up to `limit` captions the space has no vector of."""
        has_vector = sa.exists().where(
            caption_embeddings.c.owner_id == captions.c.id,
            caption_embeddings.c.space_id == space.id,
        )
        query = sa.select(captions.c.id, captions.c.text).where(~has_vector).limit(limit)
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


def _count(connection: sa.Connection) -> int:
    return int(connection.execute(sa.select(sa.func.count()).select_from(captions)).scalar_one())
