"""Examples: images of which a person said that a name is right for them, or wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from searchengine.catalog.sqlite.connection import Reads
from searchengine.catalog.sqlite.schema import label_examples


@dataclass(frozen=True, slots=True)
class Example:
    """What a person said of an image."""

    image_id: int
    name: str
    is_right: bool
    """Whether the image has the name, or has it not."""


class ExampleReads(Reads):
    """What can be asked about examples."""

    def label_examples(self, set_id: int) -> list[Example]:
        """Every example of a set, by name and image."""
        query = (
            sa.select(label_examples.c.image_id, label_examples.c.name, label_examples.c.is_right)
            .where(label_examples.c.set_id == set_id)
            .order_by(label_examples.c.name, label_examples.c.image_id)
        )
        with self._reading() as connection:
            return [
                Example(image_id, name, bool(is_right))
                for image_id, name, is_right in connection.execute(query)
            ]


def put_examples(connection: sa.Connection, set_id: int, examples: Sequence[Example]) -> None:
    """Keep examples of a set; the last word about an image and a name holds."""
    if not examples:
        return
    insert = sqlite.insert(label_examples)
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=[
                label_examples.c.image_id, label_examples.c.set_id, label_examples.c.name,
            ],
            set_={"is_right": insert.excluded.is_right},
        ),
        [
            {
                "set_id": set_id,
                "image_id": each.image_id,
                "name": each.name,
                "is_right": int(each.is_right),
            }
            for each in examples
        ],
    )  # fmt: skip
