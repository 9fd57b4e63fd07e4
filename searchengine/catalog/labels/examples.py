"""Examples: images of which a person said that a name is right for them, or wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from searchengine.catalog.labels.given import Labelled
from searchengine.catalog.sqlite.connection import Reads
from searchengine.catalog.sqlite.schema import label_examples, labels


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

    def label_to_review(self, set_id: int, skip: int) -> tuple[int, Labelled | None]:
        """How many labels of a set are no examples yet, and the least sure after `skip` of them."""
        of_both = sa.and_(
            *(label_examples.c[key] == labels.c[key] for key in ("image_id", "set_id", "name"))
        )
        unsaid = (
            sa.select(labels.c.image_id, labels.c.name, labels.c.probability)
            .outerjoin(label_examples, of_both)
            .where(labels.c.set_id == set_id, label_examples.c.image_id.is_(None))
        )
        number = sa.select(sa.func.count()).select_from(unsaid.subquery())
        ordered = unsaid.order_by(labels.c.probability, labels.c.image_id, labels.c.name)
        with self._reading() as connection:
            left = connection.execute(number).scalar_one()
            found = connection.execute(ordered.limit(1).offset(skip)).first()
        return left, None if found is None else Labelled(*found)


def say_of_label(connection: sa.Connection, set_id: int, example: Example) -> None:
    """Keep one example, and let the label of its image be as it says."""
    put_examples(connection, set_id, [example])
    connection.execute(
        sa.delete(labels).where(
            labels.c.set_id == set_id,
            labels.c.image_id == example.image_id,
            labels.c.name == example.name,
        )
    )
    if example.is_right:
        kept = {"set_id": set_id, "image_id": example.image_id, "name": example.name}
        connection.execute(sa.insert(labels).values(**kept, probability=1.0))


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
