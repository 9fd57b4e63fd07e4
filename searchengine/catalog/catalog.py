"""The catalog: every fact about a library, in one SQLite file.

Rows and connections stay inside; what goes in and out are the values of `types.py` and
`records.py`. The tables are in `schema.py`, the SQL of each subject in its module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import sqlalchemy as sa

from searchengine.catalog.captions import (
    OF_FILES,
    CaptionReads,
    add_captions,
    record_found,
    record_readings,
    remove_captions,
)
from searchengine.catalog.checksums import ChecksumReads, keep_checksums
from searchengine.catalog.facets import FacetReads
from searchengine.catalog.failures import (
    FailureReads,
    add_failures,
    clear_failures,
    forget_failures,
)
from searchengine.catalog.gathered.albums import AlbumReads, AlbumWrites
from searchengine.catalog.gathered.kept_out import KeptOutReads, KeptOutWrites
from searchengine.catalog.gathered.places import PlaceReads
from searchengine.catalog.images import (
    ImageReads,
    add_images,
    move_images,
    remove_images,
    respell_images,
)
from searchengine.catalog.labels.examples import ExampleReads
from searchengine.catalog.labels.given import LabelReads
from searchengine.catalog.labels.sets import LabelSetReads
from searchengine.catalog.labels.writes import LabelWrites
from searchengine.catalog.records import Append, Batch, Found, Freed, PassedOver
from searchengine.catalog.rows import RowReads, free_rows, own_rows
from searchengine.catalog.spaces import SpaceReads, add_space, remove_space
from searchengine.catalog.sqlite.connection import Database, OneConnection, Watched
from searchengine.catalog.sqlite.migrations import bring_up_to_date
from searchengine.catalog.sqlite.opening import state_of
from searchengine.catalog.sqlite.schema import caption_embeddings, captions, failures, images
from searchengine.catalog.sqlite.words import COMPLETE, READING, rewrite_words
from searchengine.catalog.surveys import SurveyReads, forget_survey, record_survey, set_setting
from searchengine.catalog.words import WordReads
from searchengine.errors import LibraryDamagedError
from searchengine.types import BlockChecksum, Excluded, SpaceInfo


class CatalogReads(
    SpaceReads,
    RowReads,
    ImageReads,
    FacetReads,
    CaptionReads,
    FailureReads,
    SurveyReads,
    ChecksumReads,
    WordReads,
    LabelSetReads,
    LabelReads,
    ExampleReads,
    PlaceReads,
    KeptOutReads,
    AlbumReads,
):
    """Everything that can be asked of a catalog."""

    def counts(self) -> dict[str, int]:
        """How many images, failures and captions there are."""
        with self._reading() as connection:
            return {
                table.name: connection.execute(
                    sa.select(sa.func.count()).select_from(table)
                ).scalar_one()
                for table in (images, failures, captions)
            }


class Snapshot(OneConnection, CatalogReads):
    """The catalog as of one moment, whatever is written since."""


class AskedOften(OneConnection, CatalogReads):
    """The catalog as it is at each question."""


class Catalog(CatalogReads, LabelWrites, KeptOutWrites, AlbumWrites, Watched):
    """The SQLite file of a library. Every method is one transaction; any thread may ask."""

    def __init__(self, path: Path) -> None:
        """Open the catalog at `path`, making it where there is none.

        Raises LibraryTooNewError for a newer schema, LibraryUnusableError for an older one that
        may not be written, LibraryDamagedError for a file that is no catalog.
        """
        self.path = path
        self._database = Database(path)
        self._database.watcher = self._watcher
        try:
            bring_up_to_date(self._database)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close every connection to the file."""
        self._database.close()

    def _reading(self) -> AbstractContextManager[sa.Connection]:
        return self._database.reading()

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """The catalog as it is now, for several questions that must fit together.

        Writers go on meanwhile; what they write is not seen. Ask and leave: while a snapshot is
        open SQLite keeps all that is written since in the file beside the catalog.
        """
        with self._database.reading_now() as connection:
            yield Snapshot(connection, self.path.parent)

    @contextmanager
    def asked_often(self) -> Iterator[AskedOften]:
        """The catalog for many short questions, each of its own moment, in a third of the time."""
        with self._database.asking() as connection:
            yield AskedOften(connection, self.path.parent)

    def stamp(self) -> tuple[int, ...]:
        """A value that changes whenever any process has written to the catalog.

        In WAL mode a write shows in the file beside; a checkpoint changes it too, with no harm.
        """
        return state_of(self.path)

    def faults(self) -> list[str]:
        """What is wrong inside the catalog, a sentence each; reads all of it."""
        from searchengine.catalog.integrity import find_faults  # no search needs it

        found: list[str] = []
        try:
            with self._reading() as connection:
                found = find_faults(connection)
        except LibraryDamagedError as error:  # where even the end of a transaction is refused
            found.append(error.why)
        return list(dict.fromkeys(found))

    # writing

    def add_space(
        self, *, name: str, encoder: str, dim: int, precision: str, fingerprint: str
    ) -> None:
        """Record a new, empty space."""
        with self._database.writing() as connection:
            add_space(
                connection,
                name=name,
                encoder=encoder,
                dim=dim,
                precision=precision,
                fingerprint=fingerprint,
            )

    def remove_space(self, space: SpaceInfo, about: Sequence[str] = ()) -> None:
        """Take a space out, with all that is recorded of its rows and the settings `about` it."""
        with self._database.writing() as connection:
            remove_space(connection, space, about)

    @contextmanager
    def guarded_by(self, guard: Callable[[], None]) -> Iterator[None]:
        """Inside it every transaction that writes first asks `guard`, which may raise.

        SQLite's own lock is held by then, so that nobody else writes until it is done.
        """
        self._database.guard = guard
        try:
            yield
        finally:
            self._database.guard = None

    def record(
        self,
        space: SpaceInfo | None,
        batch: Batch,
        append: Append | None = None,
        freed: Freed | None = None,
    ) -> None:
        """Record a batch; the next rows of the space hold the vectors of `added`, in their order.

        `append` writes those vectors, before the facts about them and in the same transaction, in
        which the rows in `freed` first become dead.
        """
        with self._database.writing() as connection:
            if space is not None and freed is not None:
                free_rows(connection, space, freed.file, freed.rows)
                keep_checksums(connection, space, freed.file, freed.blocks)
            _record(connection, space, batch, append)

    def record_all(
        self,
        space: SpaceInfo,
        batches: Iterable[tuple[Batch, Append]],
        settings: Mapping[str, str],
    ) -> None:
        """Record batches as `record` does, and settings, in one transaction: all or nothing.

        Each batch is taken when the one before is recorded, so that memory holds one.
        """
        with self._database.writing() as connection:
            for batch, append in batches:
                _record(connection, space, batch, append)
            for name, value in settings.items():
                set_setting(connection, name, value)

    def forget_failures(self, roots: Sequence[str], keep: set[str]) -> None:
        """Drop the failures at or under `roots` that are not in `keep`: those files are gone."""
        with self._database.writing() as connection:
            forget_failures(connection, roots, keep)

    def respell(
        self, other: str, renamed: Sequence[tuple[int, str]], same: Sequence[tuple[int, int]]
    ) -> None:
        """Bring images listed under `other`, a link, to the one spelling of their place.

        `renamed` has ids and paths; of each pair of ids in `same` the first is dropped, and its
        captions go to the second. Failures under `other` are dropped too.
        """
        with self._database.writing() as connection:
            respell_images(connection, renamed, same)
            forget_failures(connection, [other], keep=set())

    def set_setting(self, name: str, value: str) -> None:
        """Keep the value of a setting."""
        with self._database.writing() as connection:
            set_setting(connection, name, value)

    def record_survey(
        self,
        roots: Sequence[str],
        left_out: Sequence[Excluded],
        passed: Sequence[PassedOver],
        settings: Mapping[str, str],
    ) -> None:
        """Put what a walk of `roots` left out and passed over in place of what was recorded.

        Keeps `settings` with it.
        """
        with self._database.writing() as connection:
            record_survey(connection, roots, left_out, passed)
            for name, value in settings.items():
                set_setting(connection, name, value)

    def forget_survey(self, places: Sequence[str]) -> None:
        """Drop what was left out and passed over at and under `places`."""
        with self._database.writing() as connection:
            forget_survey(connection, places)

    def add_captions(
        self, pairs: Sequence[tuple[str, str]], source: str = OF_FILES
    ) -> tuple[int, list[str]]:
        """Store (image path, text) pairs; returns how many are new, and the paths not listed."""
        with self._database.writing() as connection:
            return add_captions(connection, pairs, source)

    def record_found(self, reader: str, state: str, found: Sequence[Found]) -> None:
        """Put what a reader found in images in place of what it found before."""
        with self._database.writing() as connection:
            record_found(connection, reader, state, found)

    def remove_captions(self, source: str) -> int:
        """Take out the captions of a source, and those under its name; returns how many."""
        with self._database.writing() as connection:
            return remove_captions(connection, source)

    def rewrite_words(self) -> None:
        """Make the table of words anew: where an older version kept none, or it is damaged."""
        with self._database.writing() as connection:
            rewrite_words(connection)
            set_setting(connection, COMPLETE, READING)

    def record_caption_vectors(
        self, space: SpaceInfo, caption_ids: Sequence[int], append: Append | None = None
    ) -> None:
        """Record that the next rows of the caption vectors are of `caption_ids`, as `record`."""
        with self._database.writing() as connection:
            own_rows(connection, caption_embeddings, space, caption_ids, append)

    def keep_checksums(self, space: SpaceInfo, file: str, blocks: Sequence[BlockChecksum]) -> None:
        """Record checksums of blocks of a vector file of the space."""
        with self._database.writing() as connection:
            keep_checksums(connection, space, file, blocks)


def _record(
    connection: sa.Connection, space: SpaceInfo | None, batch: Batch, append: Append | None
) -> None:
    remove_images(connection, batch.removed)
    move_images(connection, batch.moved)
    if space is not None and batch.added:
        add_images(connection, space, batch.added, append)
    record_readings(connection, batch.read)
    clear_failures(connection, [entry.file for entry in batch.added])
    clear_failures(connection, [file for _, file in batch.moved])
    add_failures(connection, batch.failed)
