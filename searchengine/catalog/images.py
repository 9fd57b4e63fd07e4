"""Images: the files the library lists, and what is in them."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from searchengine.catalog.filters import at_or_under, conditions
from searchengine.catalog.gathered.written import facts_of_content
from searchengine.catalog.records import METADATA, Append, SameContent
from searchengine.catalog.rows import OF_SPACE, disown_rows, own_rows
from searchengine.catalog.sqlite.connection import FETCHED_AT_A_TIME, Reads, chunks
from searchengine.catalog.sqlite.schema import captions, embeddings, images, readings
from searchengine.catalog.sqlite.words import write_words
from searchengine.paths import composed
from searchengine.types import (
    MODEL,
    PLACE,
    READ,
    FileState,
    Filter,
    ImageEntry,
    ImageFacts,
    ImageRecord,
    SpaceInfo,
)

FOLDER = sa.func.rtrim(images.c.path, sa.func.replace(images.c.path, os.sep, ""))
"""What is left of a path when every character that is no separator is cut from its end. SQLite has
no dirname, and a million paths are too many to bring into Python."""

# Put together once, as in `rows.py`.
_IMAGES_OF = (
    sa.select(embeddings.c.row, images)
    .join(images, images.c.id == embeddings.c.owner_id)
    .where(
        embeddings.c.space_id == OF_SPACE,
        embeddings.c.row.in_(sa.bindparam("rows", expanding=True)),
    )
)
_IS_LISTED = "SELECT 1 FROM images WHERE content_hash = ? LIMIT 1"
"""As it stands: of most new files it is the only question, and SQLAlchemy's own take longer."""
_SAME_CONTENT = sa.select(images.c.id, images.c.path, *facts_of_content()).where(
    images.c.content_hash == sa.bindparam("content_hash")
)
_ROW_OF = sa.select(embeddings.c.row).where(
    embeddings.c.owner_id == sa.bindparam("image"), embeddings.c.space_id == OF_SPACE
)


class ImageReads(Reads):
    """What can be asked about images."""

    def images(self, ids: Sequence[int]) -> dict[int, ImageRecord]:
        """What is listed of these images, by id; ids that are not listed are not in it."""
        query = sa.select(images)
        found: dict[int, ImageRecord] = {}
        with self._reading() as connection:
            for chunk in chunks(ids):
                for record in connection.execute(query.where(images.c.id.in_(chunk))):
                    found[record.id] = image_record(record)
        return found

    def images_of_rows(self, space: SpaceInfo, rows: Sequence[int]) -> dict[int, ImageRecord]:
        """The images whose vectors these rows hold, by row; rows of nobody are not in it."""
        found: dict[int, ImageRecord] = {}
        with self._reading() as connection:
            for chunk in chunks(rows):
                for record in connection.execute(_IMAGES_OF, {"space": space.id, "rows": chunk}):
                    found[record.row] = image_record(record)
        return found

    def lists(self, where: Filter) -> bool:
        """Whether any image passes the filter."""
        query = sa.select(sa.exists().where(*conditions(where)))
        with self._reading() as connection:
            return bool(connection.execute(query).scalar_one())

    def contents(self) -> list[tuple[FileState, bytes]]:
        """Every file that is listed, by path, and its content hash."""
        query = sa.select(
            images.c.path,
            images.c.size,
            images.c.mtime_ns,
            images.c.ctime_ns,
            images.c.content_hash,
        ).order_by(images.c.path)
        with self._reading() as connection:
            parts = connection.execute(query).partitions(FETCHED_AT_A_TIME)
            return [(FileState(*row[:4]), row[4]) for part in parts for row in part]

    def ids_by_path(self, paths: Sequence[str]) -> dict[str, int]:
        """Ids of the images at exactly these paths; paths that are not listed are not in it."""
        with self._reading() as connection:
            return read_ids(connection, paths)

    def image_ids(self, path: str) -> list[int]:
        """Ids of the images at or under a path."""
        with self._reading() as connection:
            return list(
                connection.execute(sa.select(images.c.id).where(at_or_under(path))).scalars()
            )

    def count_at(self, path: str) -> int:
        """How many images are at or under a path."""
        query = sa.select(sa.func.count()).select_from(images).where(at_or_under(path))
        with self._reading() as connection:
            return int(connection.execute(query).scalar_one())

    def same_content(
        self, space: SpaceInfo, content_hash: bytes, image_id: int | None = None
    ) -> SameContent | None:
        """An image of the same content with a vector in the space, or None.

        Of several it is the one of `image_id`. Two steps: joined, SQLite would walk every row of
        the space for each new file.
        """
        with self._reading() as connection:
            if not connection.exec_driver_sql(_IS_LISTED, (content_hash,)).all():
                return None
            found = connection.execute(_SAME_CONTENT, {"content_hash": content_hash}).all()
            for same, path, *facts in sorted(found, key=lambda image: image.id != image_id):
                keys = {"image": same, "space": space.id}
                row = connection.execute(_ROW_OF, keys).scalar_one_or_none()
                if row is not None:
                    return SameContent(same, path, row, ImageFacts(*facts))
        return None

    def folders(self) -> dict[str, int]:
        """How many images lie directly in each folder that holds any, by the folder's path."""
        query = sa.select(FOLDER, sa.func.count()).group_by(FOLDER)
        with self._reading() as connection:
            return {
                path.rstrip(os.sep) or os.sep: number for path, number in connection.execute(query)
            }

    def holds_images(self, path: str) -> bool:
        """Whether an image is listed at or under a path."""
        query = sa.select(images.c.id).where(at_or_under(path)).limit(1)
        with self._reading() as connection:
            return connection.execute(query).first() is not None

    def paths_under(self, path: str) -> dict[str, int]:
        """The images at or under a path: their ids, by path."""
        query = sa.select(images.c.path, images.c.id).where(at_or_under(path))
        with self._reading() as connection:
            parts = connection.execute(query).partitions(FETCHED_AT_A_TIME)
            return {found: image_id for part in parts for found, image_id in part}

    def composed_alike(self, names: Collection[str]) -> dict[str, list[str]]:
        """The listed paths whose composed form is one of `names`, by that form.

        Reads every path that is not ASCII: for what was not found as it was written.
        """
        found: dict[str, list[str]] = {}
        for path in self._not_ascii():
            if (form := composed(path)) in names:
                found.setdefault(form, []).append(path)
        return found

    def _not_ascii(self) -> Iterator[str]:
        query = sa.select(images.c.path).where(images.c.path.op("GLOB")("*[^ -~]*"))
        with self._reading() as connection:
            yield from connection.execute(query).scalars()


def image_record(record: Any) -> ImageRecord:  # noqa: ANN401 - a row of `images`
    """A row of `images` as a record."""
    facts = {name: getattr(record, name) for name in ImageFacts.__dataclass_fields__}
    return ImageRecord(
        id=record.id,
        file=FileState(record.path, record.size, record.mtime_ns, record.ctime_ns),
        content_hash=record.content_hash,
        facts=ImageFacts(**facts),
    )


def remove_images(connection: sa.Connection, image_ids: Sequence[int]) -> None:
    """Take images out; their captions go too, and their rows are dead."""
    for chunk in chunks(image_ids):
        connection.execute(sa.delete(images).where(images.c.id.in_(chunk)))
    write_words(connection, image_ids)


def move_images(connection: sa.Connection, moved: Sequence[tuple[int, FileState]]) -> None:
    """Record the files that hold these images now."""
    if moved:
        connection.execute(
            sa.update(images).where(images.c.id == sa.bindparam("moved_id")),
            [{"moved_id": image_id, **_values_of(file)} for image_id, file in moved],
        )
        write_words(connection, [image_id for image_id, _ in moved])


def _values_of(row: FileState | ImageFacts) -> dict[str, Any]:
    """By column. `dataclasses.asdict` copies each value, in five times as long."""
    return {name: getattr(row, name) for name in row.__dataclass_fields__}


def add_images(
    connection: sa.Connection,
    space: SpaceInfo,
    entries: Sequence[ImageEntry],
    append: Append | None,
) -> None:
    """Insert new images, rewrite changed ones, and say whose the new rows are."""
    values = [
        {**_values_of(entry.file), "content_hash": entry.content_hash, **_values_of(entry.facts)}
        for entry in entries
    ]
    new = [value for entry, value in zip(entries, values, strict=True) if entry.image_id is None]
    known = [
        {"known_id": entry.image_id, **value}
        for entry, value in zip(entries, values, strict=True)
        if entry.image_id is not None
    ]
    if known:
        disown_rows(connection, space, known)
        _forget_what_was_read(connection, known)
        connection.execute(sa.update(images).where(images.c.id == sa.bindparam("known_id")), known)
    new_ids: Iterator[int] = iter(())
    if new:
        inserted = sa.insert(images).returning(images.c.id, sort_by_parameter_order=True)
        new_ids = iter(connection.execute(inserted, new).scalars().all())
    owners = [next(new_ids) if entry.image_id is None else entry.image_id for entry in entries]
    own_rows(connection, embeddings, space, owners, append)
    write_words(connection, owners)


def _forget_what_was_read(connection: sa.Connection, changed: Sequence[dict[str, Any]]) -> None:
    """Drop what was read in pictures whose content changed, what models said, and their places."""
    is_other = sa.exists().where(
        images.c.id == sa.bindparam("known_id"),
        images.c.content_hash != sa.bindparam("content_hash"),
    )
    by_program = sa.or_(  # no "in": SQLAlchemy expands none for several parameters
        captions.c.source == READ, captions.c.source == PLACE, captions.c.source.startswith(MODEL)
    )
    keys = [{name: value[name] for name in ("known_id", "content_hash")} for value in changed]
    for table, these in ((captions, by_program), (readings, readings.c.reader != METADATA)):
        statement = sa.delete(table).where(table.c.image_id == sa.bindparam("known_id"))
        connection.execute(statement.where(these, is_other), keys)


def read_ids(connection: sa.Connection, paths: Sequence[str]) -> dict[str, int]:
    """Ids of the images at exactly these paths, by path."""
    found: dict[str, int] = {}
    for chunk in chunks(paths):
        query = sa.select(images.c.path, images.c.id).where(images.c.path.in_(chunk))
        found.update((path, image_id) for path, image_id in connection.execute(query))
    return found


def respell_images(
    connection: sa.Connection, renamed: Sequence[tuple[int, str]], same: Sequence[tuple[int, int]]
) -> None:
    """Give images (id, path) the one spelling of their path; (id, kept id) are the same file.

    The captions of the first go to the one that is kept.
    """
    if renamed:
        connection.execute(
            sa.update(images)
            .where(images.c.id == sa.bindparam("image"))
            .values(path=sa.bindparam("spelled")),
            [{"image": image_id, "spelled": path} for image_id, path in renamed],
        )
    for image_id, kept in same:
        connection.execute(
            sa.update(captions)
            .prefix_with("OR IGNORE")
            .where(captions.c.image_id == image_id)
            .values(image_id=kept)
        )
    for chunk in chunks([image_id for image_id, _ in same]):
        connection.execute(sa.delete(images).where(images.c.id.in_(chunk)))
    changed = [image_id for image_id, _ in renamed] + [
        image_id for pair in same for image_id in pair
    ]
    write_words(connection, changed)
