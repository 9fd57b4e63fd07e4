"""Places: the folders and paths under which images are listed, and one spelling of each."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence

import sqlalchemy as sa

from searchengine.catalog.connection import FETCHED_AT_A_TIME, Reads, chunks
from searchengine.catalog.filters import at_or_under
from searchengine.catalog.schema import captions, failures, images
from searchengine.paths import composed

FOLDER = sa.func.rtrim(images.c.path, sa.func.replace(images.c.path, os.sep, ""))
"""What is left of a path when every character that is no separator is cut from its end. SQLite has
no dirname, and a million paths are too many to bring into Python."""


class PlaceReads(Reads):
    """What can be asked about places."""

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


def drop_failures_under(connection: sa.Connection, path: str) -> None:
    """Drop the failures at or under a path that is another spelling of a place."""
    connection.execute(sa.delete(failures).where(at_or_under(path, failures.c.path)))
