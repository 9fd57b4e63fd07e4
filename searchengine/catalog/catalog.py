"""The catalog: every fact about a library, in one SQLite file. The home of SQLAlchemy.

Rows and connections stay inside; what goes in and out are the values of `types.py` and the few
records below. Every method is one transaction. The tables are in `schema.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from searchengine.catalog.facets import Facets, count_facets
from searchengine.catalog.filters import at_or_under, conditions
from searchengine.catalog.schema import (
    SCHEMA_VERSION,
    caption_embeddings,
    captions,
    embeddings,
    failures,
    images,
    spaces,
    tables,
)
from searchengine.errors import (
    LibraryDamagedError,
    LibraryTooNewError,
    LibraryUnusableError,
    StorageFullError,
)
from searchengine.types import (
    CaptionedText,
    Failure,
    FileState,
    Filter,
    ImageEntry,
    ImageFacts,
    ImageRecord,
    SpaceInfo,
)

BUSY_SECONDS = 30
"""How long a statement waits for another process's transaction; those last milliseconds."""

MAX_PARAMETERS = 10_000
"""Values bound in one IN (...): SQLite allows 32,766."""

FETCHED_AT_A_TIME = 10_000
"""Records of a long answer: SQLAlchemy takes a third longer to hand them over one by one."""

_FACTS = [images.c[name] for name in ImageFacts.__dataclass_fields__]

# What every search asks is put together once: SQLAlchemy takes longer for that than SQLite for the
# answer.
_OF_SPACE = sa.bindparam("space", type_=sa.Integer())
_ALL_SPACES = sa.select(spaces).order_by(spaces.c.id)
_LAST_ROW = {
    table.name: sa.select(sa.func.max(table.c.row)).where(table.c.space_id == _OF_SPACE)
    for table in (embeddings, caption_embeddings)
}
_DEAD_ROWS = (
    sa.select(embeddings.c.row)
    .where(embeddings.c.space_id == _OF_SPACE, embeddings.c.owner_id.is_(None))
    .order_by(embeddings.c.row)
)
_IMAGES_OF = (
    sa.select(embeddings.c.row, images)
    .join(images, images.c.id == embeddings.c.owner_id)
    .where(
        embeddings.c.space_id == _OF_SPACE,
        embeddings.c.row.in_(sa.bindparam("rows", expanding=True)),
    )
)
_SAME_CONTENT = sa.select(images.c.id, images.c.path, *_FACTS).where(
    images.c.content_hash == sa.bindparam("content_hash")
)
_ROW_OF = sa.select(embeddings.c.row).where(
    embeddings.c.owner_id == sa.bindparam("image"), embeddings.c.space_id == _OF_SPACE
)


class Known(NamedTuple):
    """An image the catalog lists, as the plan needs it."""

    id: int
    size: int
    mtime_ns: int
    has_vector: bool
    """Whether the space asked about holds its vector."""


@dataclass(frozen=True, slots=True)
class Twin:
    """An image with the same content whose vector is in the space already."""

    image_id: int
    path: str
    row: int
    facts: ImageFacts


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction of an index run records. Vectors of `added` are in the file by then."""

    added: Sequence[ImageEntry] = ()
    moved: Sequence[tuple[int, FileState]] = ()
    """Image ids and the files that hold them now: same content at another path or time."""
    failed: Sequence[tuple[FileState, str]] = ()
    """Files and the reasons why they could not be indexed."""
    removed: Sequence[int] = ()
    """Ids of images whose files are gone."""

    def __bool__(self) -> bool:
        return bool(self.added or self.moved or self.failed or self.removed)


class Catalog:
    """The SQLite file of a library."""

    def __init__(self, path: Path) -> None:
        """Open the catalog at `path`, making it where there is none.

        Raises LibraryTooNewError for a newer schema, LibraryDamagedError for a file that is no
        catalog.
        """
        self.path = path
        self._engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_SECONDS})
        sa.event.listen(self._engine, "connect", _configure)
        try:
            self._migrate()
        except BaseException:
            self.close()
            raise

    def _migrate(self) -> None:
        with self._transaction() as connection:
            version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
            if version > SCHEMA_VERSION:
                raise LibraryTooNewError(self.path.parent, version, SCHEMA_VERSION)
            if version == 0:
                tables.create_all(connection)
                connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def close(self) -> None:
        """Close every connection to the file."""
        self._engine.dispose()

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        """One transaction; SQLite's errors become ours."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except sa.exc.DBAPIError as error:
            text = str(error.orig)
            if "full" in text or "disk I/O" in text:
                raise StorageFullError(self.path.parent) from error
            if isinstance(error, sa.exc.OperationalError):
                raise LibraryUnusableError(self.path.parent, text) from error
            raise LibraryDamagedError(self.path.parent, text) from error

    @contextmanager
    def snapshot(self) -> Iterator[Catalog]:
        """Replaced when the catalog is split."""
        yield self

    # spaces

    def spaces(self) -> list[SpaceInfo]:
        """Every space, oldest first."""
        with self._transaction() as connection:
            found = connection.execute(_ALL_SPACES)
            return [SpaceInfo(**row._mapping) for row in found]

    def add_space(
        self, *, name: str, encoder: str, dim: int, precision: str, fingerprint: str
    ) -> None:
        """Record a new, empty space."""
        values = {
            "name": name,
            "encoder": encoder,
            "dim": dim,
            "precision": precision,
            "fingerprint": fingerprint,
        }
        with self._transaction() as connection:
            connection.execute(sa.insert(spaces), values)

    # vector rows

    def rows(self, space: SpaceInfo) -> int:
        """How many rows of the space's image vectors count; what is beyond is garbage."""
        with self._transaction() as connection:
            return _count_rows(connection, embeddings, space)

    def caption_rows(self, space: SpaceInfo) -> int:
        """How many rows of the space's caption vectors count."""
        with self._transaction() as connection:
            return _count_rows(connection, caption_embeddings, space)

    def vector_counts(self, space: SpaceInfo) -> tuple[int, int]:
        """How many images and how many captions have a vector in the space."""
        with self._transaction() as connection:
            images_there, captions_there = (
                connection.execute(
                    sa.select(sa.func.count(table.c.owner_id)).where(table.c.space_id == space.id)
                ).scalar_one()
                for table in (embeddings, caption_embeddings)
            )
        return images_there, captions_there

    def dead_rows(self, space: SpaceInfo) -> NDArray[np.int64]:
        """Rows of image vectors whose image is gone, ascending, shape (m,)."""
        with self._transaction() as connection:
            return _dead_rows(connection, space)

    def rows_and_dead(self, space: SpaceInfo) -> tuple[int, NDArray[np.int64]]:
        """How many rows of image vectors count, and which of them are dead, as of one moment."""
        with self._transaction() as connection:
            return _count_rows(connection, embeddings, space), _dead_rows(connection, space)

    def embedded_images(self, space: SpaceInfo) -> tuple[NDArray[np.int64], list[str]]:
        """The rows of all images with a vector in the space, ascending, and the images' paths."""
        query = (
            sa.select(embeddings.c.row, images.c.path)
            .join(images, images.c.id == embeddings.c.owner_id)
            .where(embeddings.c.space_id == space.id)
            .order_by(embeddings.c.row)
        )
        with self._transaction() as connection:
            found = connection.execute(query).all()
        return np.array([row for row, _ in found], dtype=np.int64), [path for _, path in found]

    def rows_matching(self, space: SpaceInfo, where: Filter) -> NDArray[np.int64]:
        """Rows of image vectors whose image passes the filter, ascending, shape (m,)."""
        return self._rows_where(
            sa.select(embeddings.c.row)
            .join(images, images.c.id == embeddings.c.owner_id)
            .where(embeddings.c.space_id == space.id, *conditions(where))
            .order_by(embeddings.c.row)
        )

    def _rows_where(self, query: sa.Select[tuple[int]]) -> NDArray[np.int64]:
        with self._transaction() as connection:
            return np.fromiter(connection.execute(query).scalars(), dtype=np.int64)

    # images

    def known(self, encoder: str, roots: Sequence[str]) -> dict[str, Known]:
        """The images at or under `roots` by path; `has_vector` is about the encoder's space."""
        inside = sa.or_(*(at_or_under(root) for root in roots))
        vectors = (
            sa.select(embeddings.c.owner_id)
            .join(spaces, spaces.c.id == embeddings.c.space_id)
            .where(spaces.c.encoder == encoder)
            .subquery()
        )
        query = (
            sa.select(
                images.c.path,
                images.c.id,
                images.c.size,
                images.c.mtime_ns,
                vectors.c.owner_id.is_not(None),
            )
            .join(vectors, vectors.c.owner_id == images.c.id, isouter=True)
            .where(inside)
        )
        with self._transaction() as connection:
            parts = connection.execute(query).partitions(FETCHED_AT_A_TIME)
            return {row[0]: Known(*row[1:]) for part in parts for row in part}

    def failed_files(self) -> dict[str, tuple[int, int]]:
        """Size and mtime_ns of every failed file at the time it failed, by path."""
        query = sa.select(failures.c.path, failures.c.size, failures.c.mtime_ns)
        with self._transaction() as connection:
            return {path: (size, mtime) for path, size, mtime in connection.execute(query)}

    def twin(self, space: SpaceInfo, content_hash: bytes) -> Twin | None:
        """An image of the same content with a vector in the space, or None. Any thread may ask.

        Two steps: joined, SQLite would walk every row of the space for each new file.
        """
        with self._transaction() as connection:
            same = connection.execute(_SAME_CONTENT, {"content_hash": content_hash}).all()
            for image_id, path, *facts in same:
                keys = {"image": image_id, "space": space.id}
                row = connection.execute(_ROW_OF, keys).scalar_one_or_none()
                if row is not None:
                    return Twin(image_id, path, row, ImageFacts(*facts))
        return None

    def image_ids(self, path: str) -> list[int]:
        """Ids of the images at or under a path."""
        with self._transaction() as connection:
            return list(
                connection.execute(sa.select(images.c.id).where(at_or_under(path))).scalars()
            )

    def images_of_rows(self, space: SpaceInfo, rows: Sequence[int]) -> dict[int, ImageRecord]:
        """The images whose vectors these rows hold, by row; rows of nobody are not in it."""
        found: dict[int, ImageRecord] = {}
        with self._transaction() as connection:
            for chunk in _chunks(rows):
                for record in connection.execute(_IMAGES_OF, {"space": space.id, "rows": chunk}):
                    found[record.row] = _image_record(record)
        return found

    def images(self, ids: Sequence[int]) -> dict[int, ImageRecord]:
        """What is listed of these images, by id; ids that are not listed are not in it."""
        query = sa.select(images)
        found: dict[int, ImageRecord] = {}
        with self._transaction() as connection:
            for chunk in _chunks(ids):
                for record in connection.execute(query.where(images.c.id.in_(chunk))):
                    found[record.id] = _image_record(record)
        return found

    def newest(
        self, space: SpaceInfo, where: Filter, *, k: int, offset: int = 0
    ) -> list[ImageRecord]:
        """The images with a vector in the space that pass the filter, last added first."""
        query = (
            sa.select(images)
            .join(embeddings, embeddings.c.owner_id == images.c.id)
            .where(embeddings.c.space_id == space.id, *conditions(where))
            .order_by(images.c.id.desc())
            .limit(k)
            .offset(offset)
        )
        with self._transaction() as connection:
            return [_image_record(record) for record in connection.execute(query)]

    def rows_of(self, space: SpaceInfo, ids: Sequence[int]) -> dict[int, int]:
        """The vector row of each of these images that has one in the space, by id."""
        query = sa.select(embeddings.c.owner_id, embeddings.c.row)
        found: dict[int, int] = {}
        with self._transaction() as connection:
            for chunk in _chunks(ids):
                these = query.where(
                    embeddings.c.owner_id.in_(chunk), embeddings.c.space_id == space.id
                )
                found.update((owner, row) for owner, row in connection.execute(these))
        return found

    def facets(self, space: SpaceInfo, where: Filter) -> Facets:
        """How many images with a vector in the space each choice of the filter would leave."""
        with self._transaction() as connection:
            return count_facets(connection, space, where)

    def stamp(self) -> tuple[int, ...]:
        """A value that changes whenever any process has written to the catalog.

        In WAL mode a write shows in the file beside; a checkpoint changes it too, with no harm.
        """
        seen: list[int] = []
        for path in (self.path, self.path.with_name(self.path.name + "-wal")):
            try:
                status = path.stat()
            except FileNotFoundError:
                continue
            seen += [status.st_mtime_ns, status.st_size]
        return tuple(seen)

    def counts(self) -> dict[str, int]:
        """How many images, failures and captions there are."""
        with self._transaction() as connection:
            return {
                table.name: connection.execute(
                    sa.select(sa.func.count()).select_from(table)
                ).scalar_one()
                for table in (images, failures, captions)
            }

    def failures(self) -> list[Failure]:
        """Every failed file, by path."""
        query = sa.select(failures.c.path, failures.c.reason, failures.c.failed_at)
        with self._transaction() as connection:
            found = connection.execute(query.order_by(failures.c.path))
            return [Failure(**row._mapping) for row in found]

    def forget_failures(self, roots: Sequence[str], keep: set[str]) -> None:
        """Drop the failures at or under `roots` that are not in `keep`: those files are gone."""
        inside = sa.or_(*(at_or_under(root, failures.c.path) for root in roots))
        with self._transaction() as connection:
            listed = connection.execute(sa.select(failures.c.path).where(inside)).scalars()
            gone = [{"gone": path} for path in listed if path not in keep]
            if gone:
                connection.execute(
                    sa.delete(failures).where(failures.c.path == sa.bindparam("gone")), gone
                )

    def record(self, space: SpaceInfo | None, batch: Batch, first_row: int) -> None:
        """Record a batch; the vector of `added[i]` is row `first_row + i` of the space."""
        with self._transaction() as connection:
            _remove(connection, batch.removed)
            _move(connection, batch.moved)
            if space is not None and batch.added:
                _add(connection, space, batch.added, first_row)
            _clear_failures(connection, [entry.file for entry in batch.added])
            _clear_failures(connection, [file for _, file in batch.moved])
            _fail(connection, batch.failed)

    # captions

    def add_captions(self, pairs: Sequence[tuple[str, str]]) -> tuple[int, list[str]]:
        """Store (image path, text) pairs; returns how many are new, and the paths not listed."""
        paths = {path for path, _ in pairs}
        with self._transaction() as connection:
            ids: dict[str, int] = {}
            for chunk in _chunks(sorted(paths)):
                query = sa.select(images.c.path, images.c.id).where(images.c.path.in_(chunk))
                ids.update((path, image_id) for path, image_id in connection.execute(query))
            values = [{"image_id": ids[path], "text": text} for path, text in pairs if path in ids]
            before = _count(connection, captions)
            if values:
                connection.execute(sa.insert(captions).prefix_with("OR IGNORE"), values)
            added = _count(connection, captions) - before
        return added, sorted(paths - ids.keys())

    def captions_without_vector(self, space: SpaceInfo, limit: int) -> list[CaptionedText]:
        """Up to `limit` captions the space has no vector of."""
        has_vector = sa.exists().where(
            caption_embeddings.c.owner_id == captions.c.id,
            caption_embeddings.c.space_id == space.id,
        )
        query = sa.select(captions.c.id, captions.c.text).where(~has_vector).limit(limit)
        with self._transaction() as connection:
            return [CaptionedText(*row) for row in connection.execute(query)]

    def record_caption_vectors(
        self, space: SpaceInfo, caption_ids: Sequence[int], first_row: int
    ) -> None:
        """Record that row `first_row + i` of the caption vectors is of `caption_ids[i]`."""
        with self._transaction() as connection:
            connection.execute(
                sa.insert(caption_embeddings), _owned_rows(space, caption_ids, first_row)
            )

    def caption_texts(self, space: SpaceInfo) -> tuple[NDArray[np.int64], list[str]]:
        """Rows of the caption vectors, shape (m,), and their texts."""
        query = (
            sa.select(caption_embeddings.c.row, captions.c.text)
            .join(captions, captions.c.id == caption_embeddings.c.owner_id)
            .where(caption_embeddings.c.space_id == space.id)
            .order_by(caption_embeddings.c.row)
        )
        with self._transaction() as connection:
            found = connection.execute(query).all()
        return np.array([row for row, _ in found], dtype=np.int64), [text for _, text in found]


def _configure(connection: Any, _record: object) -> None:  # noqa: ANN401 - a sqlite3 connection
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = NORMAL")  # with WAL: a power cut loses the last
    cursor.execute("PRAGMA foreign_keys = ON")  #    transactions at most, never consistency
    cursor.close()


def _chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), MAX_PARAMETERS):
        yield values[start : start + MAX_PARAMETERS]


def _count_rows(connection: sa.Connection, table: sa.Table, space: SpaceInfo) -> int:
    highest = connection.execute(_LAST_ROW[table.name], {"space": space.id}).scalar_one()
    return 0 if highest is None else highest + 1


def _dead_rows(connection: sa.Connection, space: SpaceInfo) -> NDArray[np.int64]:
    found = connection.execute(_DEAD_ROWS, {"space": space.id}).scalars()
    return np.fromiter(found, dtype=np.int64)


def _count(connection: sa.Connection, table: sa.Table) -> int:
    return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def _image_record(record: Any) -> ImageRecord:  # noqa: ANN401 - a row of `images`
    facts = {name: getattr(record, name) for name in ImageFacts.__dataclass_fields__}
    return ImageRecord(
        id=record.id,
        file=FileState(record.path, record.size, record.mtime_ns),
        content_hash=record.content_hash,
        facts=ImageFacts(**facts),
    )


def _file_values(file: FileState) -> dict[str, Any]:
    return {"path": file.path, "size": file.size, "mtime_ns": file.mtime_ns}


def _owned_rows(space: SpaceInfo, owner_ids: Sequence[int], first_row: int) -> list[dict[str, int]]:
    return [
        {"space_id": space.id, "row": row, "owner_id": owner_id}
        for row, owner_id in enumerate(owner_ids, start=first_row)
    ]


def _remove(connection: sa.Connection, image_ids: Sequence[int]) -> None:
    for chunk in _chunks(image_ids):
        connection.execute(sa.delete(images).where(images.c.id.in_(chunk)))


def _move(connection: sa.Connection, moved: Sequence[tuple[int, FileState]]) -> None:
    if moved:
        connection.execute(
            sa.update(images).where(images.c.id == sa.bindparam("moved_id")),
            [{"moved_id": image_id, **_file_values(file)} for image_id, file in moved],
        )


def _add(
    connection: sa.Connection, space: SpaceInfo, entries: Sequence[ImageEntry], first_row: int
) -> None:
    """Insert new images, rewrite changed ones, and say whose the new rows are."""
    values = [
        {**_file_values(entry.file), "content_hash": entry.content_hash, **asdict(entry.facts)}
        for entry in entries
    ]
    new = [value for entry, value in zip(entries, values, strict=True) if entry.image_id is None]
    known = [
        {"known_id": entry.image_id, **value}
        for entry, value in zip(entries, values, strict=True)
        if entry.image_id is not None
    ]
    if known:
        _disown(connection, space, known)
        connection.execute(sa.update(images).where(images.c.id == sa.bindparam("known_id")), known)
    new_ids: Iterator[int] = iter(())
    if new:
        inserted = sa.insert(images).returning(images.c.id, sort_by_parameter_order=True)
        new_ids = iter(connection.execute(inserted, new).scalars().all())
    owners = [entry.image_id or next(new_ids) for entry in entries]
    connection.execute(sa.insert(embeddings), _owned_rows(space, owners, first_row))


def _disown(connection: sa.Connection, space: SpaceInfo, known: Sequence[dict[str, Any]]) -> None:
    """Part images that get a new vector from their old one; from all, if their content changed."""
    changed = sa.exists().where(
        images.c.id == sa.bindparam("known_id"),
        images.c.content_hash != sa.bindparam("content_hash"),
    )
    connection.execute(
        sa.update(embeddings)
        .values(owner_id=None)
        .where(
            embeddings.c.owner_id == sa.bindparam("known_id"),
            sa.or_(embeddings.c.space_id == space.id, changed),
        ),
        [{name: value[name] for name in ("known_id", "content_hash")} for value in known],
    )


def _clear_failures(connection: sa.Connection, files: Sequence[FileState]) -> None:
    if files:
        connection.execute(
            sa.delete(failures).where(failures.c.path == sa.bindparam("cleared")),
            [{"cleared": file.path} for file in files],
        )


def _fail(connection: sa.Connection, failed: Sequence[tuple[FileState, str]]) -> None:
    if failed:
        now = datetime.now().replace(microsecond=0)
        connection.execute(
            sa.insert(failures).prefix_with("OR REPLACE"),
            [{**_file_values(file), "reason": reason, "failed_at": now} for file, reason in failed],
        )


CatalogReads = Catalog
