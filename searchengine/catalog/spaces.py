"""Spaces: which encoders' vectors the library holds."""

from __future__ import annotations

import sqlalchemy as sa

from searchengine.catalog.sqlite.connection import Reads
from searchengine.catalog.sqlite.schema import spaces
from searchengine.types import SpaceInfo

# Every search asks: put together once.
_ALL_SPACES = sa.select(spaces).order_by(spaces.c.id)


class SpaceReads(Reads):
    """What can be asked about spaces."""

    def spaces(self) -> list[SpaceInfo]:
        """Every space, oldest first."""
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
