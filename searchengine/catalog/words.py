"""Plain words: which images have them, in captions, in what was read in the picture, in names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from searchengine.catalog.rows import row_numbers
from searchengine.catalog.sqlite.connection import Reads, chunks
from searchengine.catalog.sqlite.schema import caption_embeddings, captions, embeddings
from searchengine.types import SourcedText, SpaceInfo

Phrase = Sequence[str]
"""Words that stand one after another, as `words_of` gives them."""

_ROWS_WITH = sa.text(
    "SELECT embeddings.row FROM words CROSS JOIN embeddings ON embeddings.owner_id = words.rowid "
    "WHERE words MATCH :asked AND embeddings.space_id = :space LIMIT :most"
)
"""Joined from the words on, whatever the planner thinks."""


_VOCABULARY = "CREATE VIRTUAL TABLE IF NOT EXISTS temp.vocabulary USING fts5vocab(main, words, row)"
"""All words of the table, in order; it belongs to the connection and reads as it does."""

MOST_WORDS = 20_000
"""Words beginning with one letter that are looked at: a million photos may have as many."""


class WordReads(Reads):
    """What can be asked about words."""

    def has_word(self, word: str) -> bool:
        """Whether any image has a word, as `words_of` gives it."""
        query = "SELECT 1 FROM temp.vocabulary WHERE term = ?"
        with self._reading() as connection:
            connection.exec_driver_sql(_VOCABULARY)
            return connection.exec_driver_sql(query, (word,)).first() is not None

    def words_beginning_with(self, letter: str) -> dict[str, int]:
        """Words of images that begin with a letter, and how many images have each."""
        query = (
            "SELECT term, doc FROM temp.vocabulary "
            "WHERE term >= ? AND term < ? AND term NOT GLOB '*[0-9]*' LIMIT ?"
        )
        values = (letter, chr(ord(letter) + 1), MOST_WORDS)
        with self._reading() as connection:
            connection.exec_driver_sql(_VOCABULARY)
            found = connection.exec_driver_sql(query, values)
            return {word: images for word, images in found}  # noqa: C416 - rows are no pairs

    def rows_with_words(
        self, space: SpaceInfo, phrases: Sequence[Phrase], most: int = -1
    ) -> NDArray[np.int64]:
        """Rows of images with all of the phrases, ascending, shape (m,); `most` at most."""
        asked = " AND ".join(f'"{" ".join(phrase)}"' for phrase in phrases)
        values = {"asked": asked, "space": space.id, "most": most}
        with self._reading() as connection:
            found = connection.execute(_ROWS_WITH, values).scalars()
            return np.sort(row_numbers(found, embeddings))

    def captions_of(self, image_ids: Sequence[int]) -> dict[int, list[SourcedText]]:
        """What is written about these images, by id, in the order it was stored."""
        found: dict[int, list[SourcedText]] = {}
        query = sa.select(captions.c.image_id, captions.c.text, captions.c.source)
        with self._reading() as connection:
            for chunk in chunks(image_ids):
                these = query.where(captions.c.image_id.in_(chunk)).order_by(captions.c.id)
                for image_id, text, source in connection.execute(these):
                    found.setdefault(image_id, []).append(SourcedText(text, source))
        return found

    def captions_of_rows(self, space: SpaceInfo, rows: Sequence[int]) -> dict[int, str]:
        """The captions whose vectors these rows hold, by row."""
        found: dict[int, str] = {}
        query = sa.select(caption_embeddings.c.row, captions.c.text).join(
            captions, captions.c.id == caption_embeddings.c.owner_id
        )
        with self._reading() as connection:
            for chunk in chunks(rows):
                these = query.where(
                    caption_embeddings.c.space_id == space.id, caption_embeddings.c.row.in_(chunk)
                )
                found.update((row, text) for row, text in connection.execute(these))
        return found
