"""Spaces: which encoders' vectors the library holds."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from searchengine.catalog.sqlite.connection import Reads
from searchengine.catalog.sqlite.schema import (
    caption_embeddings,
    checksums,
    embeddings,
    settings,
    spaces,
)
from searchengine.types import SpaceInfo

DEFAULT_SPACE = "default_space"
"""The setting with the name of the space that answers; the oldest does where it names none."""

_IS_DEFAULT = (
    spaces.c.name
    == sa.select(settings.c.value).where(settings.c.name == DEFAULT_SPACE).scalar_subquery()
)

# Every search asks: put together once.
_ALL_SPACES = sa.select(spaces).order_by(sa.desc(_IS_DEFAULT), spaces.c.id)


class SpaceReads(Reads):
    """What can be asked about spaces."""

    def spaces(self) -> list[SpaceInfo]:
        """Every space: the default one, then the others, oldest first."""
        with self._reading() as connection:
            found = connection.execute(_ALL_SPACES)
            return [SpaceInfo(**row._mapping) for row in found]


def add_space(
    connection: sa.Connection,
    *,
    name: str,
    encoder: str,
    dim: int,
    precision: str,
    fingerprint: str,
) -> None:
    """Record a new, empty space."""
    values = {
        "name": name,
        "encoder": encoder,
        "dim": dim,
        "precision": precision,
        "fingerprint": fingerprint,
    }
    connection.execute(sa.insert(spaces), values)


def remove_space(connection: sa.Connection, space: SpaceInfo, about: Sequence[str]) -> None:
    """Take a space out, with all that is recorded of its rows and the settings `about` it."""
    for table in (embeddings, caption_embeddings, checksums):
        connection.execute(sa.delete(table).where(table.c.space_id == space.id))
    connection.execute(sa.delete(settings).where(settings.c.name.in_(about)))
    connection.execute(sa.delete(spaces).where(spaces.c.id == space.id))
