"""Albums: images that somebody picked, or a search that was saved, under a name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from searchengine.catalog.sqlite.connection import Database, Reads, chunks
from searchengine.catalog.sqlite.schema import album_images, albums
from searchengine.paths import named_alike


@dataclass(frozen=True, slots=True)
class StoredAlbum:
    """An album."""

    id: int
    name: str
    question: str | None
    """JSON: what a saved search asks; None where images are picked by hand."""
    images: int
    """That were picked."""


class AlbumReads(Reads):
    """What can be asked about albums."""

    def albums(self) -> list[StoredAlbum]:
        """Every album, by name."""
        query = (
            sa.select(
                albums.c.id,
                albums.c.name,
                albums.c.question,
                sa.func.count(album_images.c.image_id),
            )
            .join(album_images, isouter=True)
            .group_by(albums.c.id)
            .order_by(albums.c.name)
        )
        with self._reading() as connection:
            return [StoredAlbum(*row) for row in connection.execute(query)]

    def album_called(self, name: str) -> StoredAlbum | None:
        """The album of a name, in either composition of its accents."""
        found = {album.name: album for album in self.albums()}
        return found.get(named_alike(name, found) or "")

    def album_images(self, album_id: int) -> list[int]:
        """The ids of the images of an album, in the order in which they were added."""
        query = sa.select(album_images.c.image_id).where(album_images.c.album_id == album_id)
        query = query.order_by(album_images.c.position, album_images.c.image_id)
        with self._reading() as connection:
            return list(connection.execute(query).scalars())

    def album_covers(self) -> dict[str, int]:
        """The first image of each album that holds any, by the name of the album."""
        first = sa.func.min(album_images.c.position)  # SQLite takes the other columns of that row
        query = sa.select(albums.c.name, album_images.c.image_id, first)
        query = query.select_from(album_images).join(albums)
        with self._reading() as connection:
            found = connection.execute(query.group_by(albums.c.id))
            return {name: image_id for name, image_id, _ in found}


class AlbumWrites:
    """What the catalog writes of albums: each method one transaction."""

    _database: Database

    def put_album(self, name: str, question: str | None) -> int:
        """An album of this name, made where there is none; a saved search asks `question` now."""
        with self._database.writing() as connection:
            insert = sqlite.insert(albums).values(name=name, question=question)
            connection.execute(
                insert.on_conflict_do_update(
                    index_elements=[albums.c.name], set_={"question": question}
                )
            )
            query = sa.select(albums.c.id).where(albums.c.name == name)
            return int(connection.execute(query).scalar_one())

    def add_to_album(self, album_id: int, image_ids: Sequence[int]) -> int:
        """Put images behind those of an album; how many were not in it."""
        with self._database.writing() as connection:
            last = sa.select(
                sa.func.coalesce(sa.func.max(album_images.c.position), 0), sa.func.count()
            )
            of_album = last.where(album_images.c.album_id == album_id)
            highest, before = connection.execute(of_album).one()
            values = [
                {"album_id": album_id, "image_id": image_id, "position": position}
                for position, image_id in enumerate(image_ids, start=int(highest) + 1)
            ]
            if values:
                connection.execute(sqlite.insert(album_images).on_conflict_do_nothing(), values)
            return int(connection.execute(of_album).one()[1]) - int(before)

    def take_from_album(self, album_id: int, image_ids: Sequence[int]) -> int:
        """Take images out of an album; how many were in it."""
        taken = 0
        with self._database.writing() as connection:
            for chunk in chunks(image_ids):
                these = album_images.c.album_id == album_id, album_images.c.image_id.in_(chunk)
                taken += connection.execute(sa.delete(album_images).where(*these)).rowcount
        return taken

    def remove_album(self, album_id: int) -> None:
        """Take an album out; its images stay."""
        with self._database.writing() as connection:
            connection.execute(sa.delete(albums).where(albums.c.id == album_id))
