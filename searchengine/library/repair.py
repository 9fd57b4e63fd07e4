"""Mending a library from what is left: vectors from their pictures, what is derived from those.

Rows are never written over. The rows of a bad block become dead, and their images get new ones
behind the last in the same transaction. A kill in between leaves captions without a vector, which
the next repair encodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from searchengine.catalog.records import Batch, Freed
from searchengine.embedding.outcomes import Encoded, Observer
from searchengine.embedding.stream import ImageStream
from searchengine.encoders.text.encoder import TOWER_FILE, fault_of_tower
from searchengine.errors import EncoderError, MissingExtraError
from searchengine.files import content_hash
from searchengine.library.check import StoredRows, stored_rows
from searchengine.library.learned.align import alignment_stays
from searchengine.library.learned.derived import lost
from searchengine.looks.look import Looks
from searchengine.relevance.kept import FILE as STATISTICS_FILE
from searchengine.relevance.kept import fault_of_statistics
from searchengine.spaces.following import fault_of_columns, forget_columns, refresh_columns
from searchengine.spaces.space import Space
from searchengine.spaces.stacked import STACKS_FILE
from searchengine.stacks.find import refresh_stacks
from searchengine.types import ImageEntry, ImageRecord
from searchengine.vectors.checksums import blocks_of
from searchengine.vectors.damage import BadBlock

if TYPE_CHECKING:
    from searchengine.library.library import Library
    from searchengine.library.writing import Writer


def repair(library: Library, writer: Writer, observer: Observer | None) -> int:
    """Mend every space; returns how many vectors were encoded again.

    Vectors of images are encoded again, in the precision of index runs, where the file is there and
    holds what was indexed. Of the others those whose length is wrong are dropped, for the next
    index run to make, and the rest stay as they are. Raises the encoder's errors, before anything
    is changed in a space.
    """
    library.catalog.rewrite_words()
    return sum(_Mending(library, writer, space, observer).run() for space in library.spaces())


@dataclass(frozen=True, slots=True)
class _Mending:
    """One space being mended, while the library's lock is held."""

    library: Library
    writer: Writer
    space: Space
    observer: Observer | None

    def run(self) -> int:
        """Mend everything of the space; returns how many vectors were encoded again."""
        images, captions = stored_rows(self.space)
        images.file.lengthen(images.rows)
        captions.file.lengthen(captions.rows)
        with alignment_stays(self.space):
            # The last block first: what is encoded again is appended to it.
            encoded = sum(self._images(images, bad) for bad in [*images.bad_blocks()][::-1])
            encoded += self._captions(captions, [*captions.bad_blocks()])
            self.space.forget_ties()
        if fault_of_tower(self.space.info, self.space.directory) is not None:
            with suppress(OSError):
                (self.space.directory / TOWER_FILE).unlink()
        gone = [file for file, _ in lost(self.space)]
        space, directory = self.space.info, self.space.directory
        if STATISTICS_FILE in gone or fault_of_statistics(space, directory, self.space.tied):
            self.writer.measure_relevance(self.space)
        if self.space.looks.is_damaged(images.rows):
            with suppress(OSError):
                self.space.looks.path.unlink(missing_ok=True)
                self.space.stacks.forget()
            gone.append(STACKS_FILE)
        if STACKS_FILE in gone or self.space.stacks.fault(images.rows):
            refresh_stacks(self.space)
        if fault_of_columns(self.space) is not None:
            forget_columns(self.space)
        refresh_columns(self.space)
        with suppress(MissingExtraError):  # the check says that it could not be looked at
            self.space.refresh_index()
            self.space.refresh_caption_index()
        return encoded

    def _images(self, stored: StoredRows, bad: BadBlock) -> int:
        rows = bad.doubtful.tolist()
        by_row = self.space.catalog.images_of_rows(self.space.info, rows)
        row_of = {record.id: row for row, record in by_row.items()}
        if self.observer is not None:
            self.observer.planned(len(by_row))
        again = self._encode(list(by_row.values()))
        wrong = {*bad.impossible.tolist(), *(row_of[entry.image_id or 0] for entry, *_ in again)}
        freed = _freed(stored, bad, sorted(wrong))
        if again:
            entries, vectors, looks = zip(*again, strict=True)
            self.writer.commit(self.space, Batch(added=entries), np.stack(vectors), looks, freed)
        else:
            self.writer.commit(self.space, Batch(), freed=freed)
        return len(again)

    def _encode(
        self, records: Sequence[ImageRecord]
    ) -> list[tuple[ImageEntry, NDArray[np.float32], Looks | None]]:
        """Those of the images whose files are as they were indexed, with their vectors."""
        stream: ImageStream[ImageRecord, bytes, str] = ImageStream(
            lambda: self.library.encoders.for_rows(self.space),
            path_of=lambda record: record.path,
            identify=lambda _record, data: content_hash(data),
            known=lambda record, found: None if found == record.content_hash else "another content",
            looks=True,
        )
        again = []
        with stream.outcomes(records) as outcomes:
            for outcome in outcomes:
                if isinstance(outcome, Encoded):
                    record = outcome.job
                    entry = ImageEntry(record.file, outcome.key, outcome.facts, record.id)
                    again.append((entry, outcome.vector, outcome.look))
                if self.observer is not None:
                    self.observer.advanced()
        return again

    def _captions(self, stored: StoredRows, found: Sequence[BadBlock]) -> int:
        if not (found or self.space.catalog.captions_without_vector(self.space.info, 1)):
            return 0
        try:
            self.library.encoders.for_texts(self.space)  # or its error, with nothing changed
        except EncoderError:
            if found:
                raise
            return 0  # of a repair that was killed: the next index run encodes them, or says why
        for bad in found:
            freed = _freed(stored, bad, bad.doubtful.tolist())
            self.writer.commit(self.space, Batch(), freed=freed)
        self.writer.embed_captions(self.space)
        return sum(len(bad.doubtful) for bad in found)


def _freed(stored: StoredRows, bad: BadBlock, rows: Sequence[int]) -> Freed:
    """Dead rows of a block. That of the last, which others come to, is as it is now without them.

    Others keep their checksums, by which derived files know the rows that they were made of.
    """
    is_empty = not bad.is_as_written and len(rows) == len(bad.doubtful)
    is_last = bad.block == blocks_of(stored.rows)[-1][0]
    now = [*stored.file.checksums(stored.rows, [bad.block])] if is_empty and is_last else []
    return Freed(stored.file.path.name, rows, now)
