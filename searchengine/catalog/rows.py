"""Vector rows: how many of a space's files count, and whose vector each one holds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from searchengine.catalog.checksums import FILES, keep_checksums, last_checksum
from searchengine.catalog.filters import conditions
from searchengine.catalog.records import Append
from searchengine.catalog.sqlite.connection import FETCHED_AT_A_TIME, Reads, chunks
from searchengine.catalog.sqlite.schema import caption_embeddings, captions, embeddings, images
from searchengine.catalog.sqlite.values import BadValueError
from searchengine.types import Filter, SpaceInfo

if TYPE_CHECKING:
    from searchengine.catalog.columns.facts import RowFacts

STATE = "filtered"
"""The setting whose value changes with every transaction after which a filter may have another
answer; not there before the first."""

OF_SPACE = sa.bindparam("space", type_=embeddings.c.space_id.type)
"""The id of the space asked about, in a query that is put together once."""

# What every search asks is put together once: SQLAlchemy takes longer for that than SQLite for the
# answer.
_LAST_ROW = {
    table.name: sa.select(sa.func.max(table.c.row)).where(table.c.space_id == OF_SPACE)
    for table in (embeddings, caption_embeddings)
}
# Rows by the million are looked at together.
_NUMBER = sa.type_coerce(embeddings.c.row, sa.Integer)
_DEAD_CAPTION_ROWS = sa.select(sa.func.count()).where(
    caption_embeddings.c.space_id == OF_SPACE, caption_embeddings.c.owner_id.is_(None)
)
_CAPTION_OWNERS = (
    sa.select(
        sa.type_coerce(caption_embeddings.c.row, sa.Integer),
        _NUMBER,
    )
    .join(captions, captions.c.id == caption_embeddings.c.owner_id)
    .join(embeddings, embeddings.c.owner_id == captions.c.image_id)
    .where(caption_embeddings.c.space_id == OF_SPACE, embeddings.c.space_id == OF_SPACE)
    .order_by(embeddings.c.row, caption_embeddings.c.row)
)
_ROWS_OF = sa.select(embeddings.c.owner_id, embeddings.c.row).where(
    embeddings.c.owner_id.in_(sa.bindparam("ids", expanding=True)),
    # "+ 0": else SQLite walks the whole space, by its key, for the few that are asked for.
    embeddings.c.space_id + 0 == OF_SPACE,
)
# A stack has many rows: as one list they take a third of the time of as many parameters.
_ASKED = sa.func.json_each(sa.bindparam("rows", type_=sa.Text)).table_valued("value")
_FILES_OF = (
    sa.select(_NUMBER, images.c.id, images.c.path, images.c.content_hash)
    .join(images, images.c.id == embeddings.c.owner_id)
    .where(embeddings.c.space_id == OF_SPACE, embeddings.c.row.in_(sa.select(_ASKED.c.value)))
)
_DEAD_ROWS = (
    sa.select(_NUMBER)
    .where(embeddings.c.space_id == OF_SPACE, embeddings.c.owner_id.is_(None))
    .order_by(embeddings.c.row)
)

_DEAD_CAPTIONS = (
    sa.select(sa.type_coerce(caption_embeddings.c.row, sa.Integer))
    .where(caption_embeddings.c.space_id == OF_SPACE, caption_embeddings.c.owner_id.is_(None))
    .order_by(caption_embeddings.c.row)
)

_COMPARED = (
    "path", "content_hash", "width", "height", "format", "taken_at", "taken_from", "camera",
)  # fmt: skip


class RowReads(Reads):
    """What can be asked about vector rows."""

    def rows(self, space: SpaceInfo) -> int:
        """How many rows of the space's image vectors count; what is beyond is garbage."""
        with self._reading() as connection:
            return _count_rows(connection, embeddings, space)

    def caption_rows(self, space: SpaceInfo) -> int:
        """How many rows of the space's caption vectors count."""
        with self._reading() as connection:
            return _count_rows(connection, caption_embeddings, space)

    def caption_state(self, space: SpaceInfo) -> tuple[int, int]:
        """How many rows of the space's caption vectors count, and how many of them are dead."""
        with self._reading() as connection:
            rows = _count_rows(connection, caption_embeddings, space)
            if rows == 0:
                return 0, 0
            dead = connection.execute(_DEAD_CAPTION_ROWS, {"space": space.id}).scalar_one()
            return rows, int(dead)

    def caption_owners(self, space: SpaceInfo) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows of caption vectors and those of their images, shape (m,) each, by image.

        Captions of images without a vector in the space are left out.
        """
        with self._reading() as connection:
            found = connection.execute(_CAPTION_OWNERS, {"space": space.id}).all()
            of_captions = row_numbers((row for row, _ in found), caption_embeddings)
            return of_captions, row_numbers((row for _, row in found), embeddings)

    def vector_counts(self, space: SpaceInfo) -> tuple[int, int]:
        """How many images and how many captions have a vector in the space."""
        with self._reading() as connection:
            images_there, captions_there = (
                connection.execute(
                    sa.select(sa.func.count(table.c.owner_id)).where(table.c.space_id == space.id)
                ).scalar_one()
                for table in (embeddings, caption_embeddings)
            )
        return images_there, captions_there

    def dead_rows(self, space: SpaceInfo) -> NDArray[np.int64]:
        """Rows of image vectors whose image is gone, ascending, shape (m,)."""
        with self._reading() as connection:
            return _dead_rows(connection, space)

    def rows_and_dead(self, space: SpaceInfo) -> tuple[int, NDArray[np.int64]]:
        """How many rows of image vectors count, and which of them are dead, as of one moment."""
        with self._reading() as connection:
            return _count_rows(connection, embeddings, space), _dead_rows(connection, space)

    def caption_rows_and_dead(self, space: SpaceInfo) -> tuple[int, NDArray[np.int64]]:
        """How many rows of caption vectors count, and which are of no caption any more, ascending.

        As of one moment; the second has shape (m,).
        """
        with self._reading() as connection:
            dead = connection.execute(_DEAD_CAPTIONS, {"space": space.id}).scalars()
            numbers = row_numbers(dead, caption_embeddings)
            return _count_rows(connection, caption_embeddings, space), numbers

    def rows_matching(self, space: SpaceInfo, where: Filter) -> NDArray[np.int64]:
        """Rows of image vectors whose image passes the filter, ascending, shape (m,)."""
        query = (
            sa.select(_NUMBER)
            .join(images, images.c.id == embeddings.c.owner_id)
            .where(embeddings.c.space_id == space.id, *conditions(where))
            .order_by(embeddings.c.row)
        )
        with self._reading() as connection:
            return row_numbers(connection.execute(query).scalars(), embeddings)

    def row_facts(self, space: SpaceInfo) -> Iterator[RowFacts]:
        """What filters ask of all rows of the space, in runs from the first on.

        Raises UnfitError where columns cannot say it.
        """
        from searchengine.catalog.columns.facts import FROM_ROW_ON, read_facts

        with self._reading() as connection:
            yield from read_facts(connection, space, FROM_ROW_ON, 0)

    def rows_of(self, space: SpaceInfo, ids: Sequence[int]) -> dict[int, int]:
        """The vector row of each of these images that has one in the space, by id."""
        found: dict[int, int] = {}
        with self._reading() as connection:
            for chunk in chunks(ids):
                these = {"space": space.id, "ids": chunk}
                found.update((owner, row) for owner, row in connection.execute(_ROWS_OF, these))
        return found

    def embedded_images(self, space: SpaceInfo) -> tuple[NDArray[np.int64], list[str]]:
        """The rows of all images with a vector in the space, ascending, and the images' paths."""
        query = (
            sa.select(embeddings.c.row, images.c.path)
            .join(images, images.c.id == embeddings.c.owner_id)
            .where(embeddings.c.space_id == space.id)
            .order_by(embeddings.c.row)
        )
        with self._reading() as connection:
            found = connection.execute(query).all()
        return np.array([row for row, _ in found], dtype=np.int64), [path for _, path in found]

    def files_of_rows(
        self, space: SpaceInfo, rows: Sequence[int]
    ) -> dict[int, tuple[int, str, bytes]]:
        """Id, path and content hash of the images whose vectors these rows hold, by row."""
        if not rows:
            return {}
        with self._reading() as connection:
            of = {"space": space.id, "rows": json.dumps(list(rows))}
            found = connection.execute(_FILES_OF, of).all()
        return {row: (number, path, content) for row, number, path, content in found}

    def pictured(self, space: SpaceInfo) -> Iterator[tuple[Any, ...]]:
        """Of all images with a vector in the space, by row, what is compared among them.

        Row, path, content hash, width, height, format, date, where that is from, camera.
        """
        query = (
            sa.select(
                embeddings.c.row,
                *(images.c[name] for name in _COMPARED),
            )
            .join(images, images.c.id == embeddings.c.owner_id)
            .where(embeddings.c.space_id == space.id)
            .order_by(embeddings.c.row)
        )
        with self._reading() as connection:
            for part in connection.execute(query).partitions(FETCHED_AT_A_TIME):
                yield from (tuple(found) for found in part)


def _count_rows(connection: sa.Connection, table: sa.Table, space: SpaceInfo) -> int:
    highest = connection.execute(_LAST_ROW[table.name], {"space": space.id}).scalar_one()
    if highest is None:
        return 0
    return int(highest) + 1


def _dead_rows(connection: sa.Connection, space: SpaceInfo) -> NDArray[np.int64]:
    found = connection.execute(_DEAD_ROWS, {"space": space.id})
    return row_numbers(found.scalars(), embeddings)


def row_numbers(found: Iterable[Any], table: sa.Table) -> NDArray[np.int64]:
    """Rows as `table` has them, shape (m,). Raises BadValueError for what is none."""
    try:
        numbers = np.fromiter(found, dtype=np.int64)
    except (ValueError, TypeError, OverflowError) as error:
        raise BadValueError(f"{table.name}.row holds what is no number: {error}") from error
    if numbers.size and numbers.min() < 0:
        raise BadValueError(f"{table.name}.row holds {numbers.min()}")
    return numbers


def own_rows(
    connection: sa.Connection,
    table: sa.Table,
    space: SpaceInfo,
    owner_ids: Sequence[int],
    append: Append | None,
) -> None:
    """Record that the next rows of the space hold the vectors of `owner_ids`, in their order.

    `table` is `embeddings` for ids of images and `caption_embeddings` for ids of captions.
    `append` writes those vectors to the file of the table, inside this transaction: no other
    writer has counted the same rows. Without it they are said to be there.
    """
    first_row = _count_rows(connection, table, space)
    if append is not None:
        file = FILES[table.name]
        written = append(first_row, last_checksum(connection, space, file))
        keep_checksums(connection, space, file, written)
    connection.execute(
        sa.insert(table),
        [
            {"space_id": space.id, "row": row, "owner_id": owner_id}
            for row, owner_id in enumerate(owner_ids, start=first_row)
        ],
    )


def free_rows(connection: sa.Connection, space: SpaceInfo, file: str, rows: Sequence[int]) -> None:
    """Make rows of a vector file dead."""
    table = next(t for t in (embeddings, caption_embeddings) if FILES[t.name] == file)
    for chunk in chunks(rows):
        these = table.c.space_id == space.id, table.c.row.in_(chunk)
        connection.execute(sa.update(table).values(owner_id=None).where(*these))


def disown_rows(
    connection: sa.Connection, space: SpaceInfo, changed: Sequence[dict[str, Any]]
) -> None:
    """Part images that get a new vector from their old one; from all, if their content changed.

    `changed` has the ids as "known_id", and as "content_hash" what the files hold now, before the
    table of images says so.
    """
    is_other = sa.exists().where(
        images.c.id == sa.bindparam("known_id"),
        images.c.content_hash != sa.bindparam("content_hash"),
    )
    connection.execute(
        sa.update(embeddings)
        .values(owner_id=None)
        .where(
            embeddings.c.owner_id == sa.bindparam("known_id"),
            sa.or_(embeddings.c.space_id == space.id, is_other),
        ),
        [{name: value[name] for name in ("known_id", "content_hash")} for value in changed],
    )
