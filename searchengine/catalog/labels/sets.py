"""Label sets: which names are asked of the images of a library, and how far that has come."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from searchengine.catalog.sqlite.connection import Reads
from searchengine.catalog.sqlite.schema import label_sets


@dataclass(frozen=True, slots=True)
class StoredSet:
    """A label set as the catalog records it."""

    id: int
    name: str
    definition: str
    """JSON: what `searchengine.labels.definition` makes of it."""
    space_id: int | None
    """The space whose rows were asked; None for none, and where that space is gone."""
    rows: int
    """The first rows of that space, as many as this, were asked; images of later ones were not."""


class LabelSetReads(Reads):
    """What can be asked about label sets."""

    def label_sets(self) -> list[StoredSet]:
        """Every label set, by name."""
        with self._reading() as connection:
            found = connection.execute(sa.select(label_sets).order_by(label_sets.c.name))
            return [StoredSet(**row._mapping) for row in found]


def put_label_set(connection: sa.Connection, name: str, definition: str) -> None:
    """Keep a label set under a name; where its definition is another, no row was asked yet."""
    insert = sqlite.insert(label_sets).values(name=name, definition=definition, rows=0)
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=[label_sets.c.name],
            set_={"definition": definition, "rows": 0, "space_id": None},
            where=label_sets.c.definition != definition,
        )
    )


def remove_label_set(connection: sa.Connection, set_id: int) -> None:
    """Take a label set out, with its labels and examples."""
    connection.execute(sa.delete(label_sets).where(label_sets.c.id == set_id))
