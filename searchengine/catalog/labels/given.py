"""Labels: the names that images have by the label sets of the library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from searchengine.catalog.sqlite.connection import Reads, chunks
from searchengine.catalog.sqlite.schema import embeddings, label_sets, labels
from searchengine.types import SpaceInfo


@dataclass(frozen=True, slots=True)
class Label:
    """A name that an image has."""

    name: str
    probability: float
    """In [0, 1]: how sure the encoder is; 1 where a person said so."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A label of an image, to be recorded."""

    image_id: int
    name: str
    probability: float


class LabelReads(Reads):
    """What can be asked about labels."""

    def rows_from(
        self, space: SpaceInfo, first: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The rows of image vectors from `first` on that are in use, and their images' ids.

        Ascending by row, both of shape (m,).
        """
        query = (
            sa.select(embeddings.c.row, embeddings.c.owner_id)
            .where(
                embeddings.c.space_id == space.id,
                embeddings.c.row >= first,
                embeddings.c.owner_id.is_not(None),
            )
            .order_by(embeddings.c.row)
        )
        with self._reading() as connection:
            found = connection.execute(query).all()
        return (
            np.array([row for row, _ in found], dtype=np.int64),
            np.array([owner for _, owner in found], dtype=np.int64),
        )

    def labels_by_image(self, set_id: int) -> dict[int, list[Label]]:
        """The labels that a set gave, by the image's id, most probable first."""
        query = (
            sa.select(labels.c.image_id, labels.c.name, labels.c.probability)
            .where(labels.c.set_id == set_id)
            .order_by(labels.c.image_id, labels.c.probability.desc(), labels.c.name)
        )
        found: dict[int, list[Label]] = {}
        with self._reading() as connection:
            for image_id, name, probability in connection.execute(query):
                found.setdefault(image_id, []).append(Label(name, probability))
        return found

    def label_names(self) -> list[str]:
        """Every name that any image has as a label, the most frequent first."""
        number = sa.func.count()
        folded = sa.func.lower(labels.c.name)  # as filters compare them
        query = sa.select(sa.func.min(labels.c.name), number).group_by(folded)
        with self._reading() as connection:
            found = connection.execute(query.order_by(number.desc(), folded))
            return [name for name, _ in found]

    def labels_of(self, image_ids: Sequence[int]) -> dict[int, list[Label]]:
        """The labels of these images by all sets, by id, most probable first."""
        query = sa.select(labels.c.image_id, labels.c.name, labels.c.probability)
        found: dict[int, list[Label]] = {}
        with self._reading() as connection:
            for chunk in chunks(image_ids):
                these = query.where(labels.c.image_id.in_(chunk)).order_by(
                    labels.c.probability.desc(), labels.c.name
                )
                for image_id, name, probability in connection.execute(these):
                    found.setdefault(image_id, []).append(Label(name, probability))
        return found


def record_labels(
    connection: sa.Connection,
    set_id: int,
    space: SpaceInfo,
    rows: int,
    asked: Sequence[int],
    found: Sequence[Labelled],
) -> None:
    """Put what was found of the images `asked` in place of their labels by a set.

    The first `rows` rows of the space have been asked then. `asked` may leave out images that
    cannot have labels by the set yet.
    """
    for chunk in chunks(asked):
        connection.execute(
            sa.delete(labels).where(labels.c.image_id.in_(chunk), labels.c.set_id == set_id)
        )
    if found:
        values = [
            {
                "set_id": set_id,
                "image_id": each.image_id,
                "name": each.name,
                "probability": each.probability,
            }
            for each in found
        ]
        connection.execute(sa.insert(labels), values)
    connection.execute(
        sa.update(label_sets).where(label_sets.c.id == set_id).values(space_id=space.id, rows=rows)
    )


def clear_labels(connection: sa.Connection, set_id: int) -> None:
    """Drop all labels that a set gave."""
    connection.execute(sa.delete(labels).where(labels.c.set_id == set_id))
