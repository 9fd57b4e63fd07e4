"""Writing label sets, labels and examples: each method one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from searchengine.catalog.labels.examples import Example, put_examples, say_of_label
from searchengine.catalog.labels.given import Labelled, clear_labels, record_labels
from searchengine.catalog.labels.sets import put_label_set, remove_label_set
from searchengine.catalog.sqlite.connection import Database
from searchengine.types import SpaceInfo


class LabelWrites:
    """What the catalog writes of labels."""

    _database: Database

    def put_label_set(self, name: str, definition: str) -> None:
        """Keep a label set; with another definition than before its images are asked anew."""
        with self._database.writing() as connection:
            put_label_set(connection, name, definition)

    def remove_label_set(self, set_id: int) -> None:
        """Take a label set out, with its labels and examples."""
        with self._database.writing() as connection:
            remove_label_set(connection, set_id)

    def record_labels(
        self,
        set_id: int,
        space: SpaceInfo,
        rows: int,
        asked: Sequence[int],
        found: Sequence[Labelled],
    ) -> None:
        """Record the labels of a part of the images; the first `rows` rows are done then."""
        with self._database.writing() as connection:
            record_labels(connection, set_id, space, rows, asked, found)

    def begin_labels(self, set_id: int, space: SpaceInfo) -> None:
        """Drop the labels of a set: its images are asked from the first row of the space on."""
        with self._database.writing() as connection:
            clear_labels(connection, set_id)
            record_labels(connection, set_id, space, 0, (), ())

    def put_examples(self, set_id: int, examples: Sequence[Example]) -> None:
        """Keep examples of a set."""
        with self._database.writing() as connection:
            put_examples(connection, set_id, examples)

    def say_of_label(self, set_id: int, example: Example) -> None:
        """Keep one example, and let the label of its image be as it says."""
        with self._database.writing() as connection:
            say_of_label(connection, set_id, example)
