"""How many images each choice of a filter would leave: by folder, year, camera, shape and so on.

Each count keeps the other parts of the filter and drops its own, so that a person sees what another
choice would give. Folders are the exception: they are counted inside the chosen one.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from searchengine.catalog.filters import conditions
from searchengine.catalog.images import FOLDER
from searchengine.catalog.records import Facets
from searchengine.catalog.sqlite.connection import Reads
from searchengine.catalog.sqlite.schema import (
    album_images,
    albums,
    captions,
    embeddings,
    images,
    is_place,
    labels,
)
from searchengine.paths import below
from searchengine.types import Filter, Orientation, SpaceInfo

_TAKEN_YEAR = sa.func.strftime("%Y", images.c.taken_at)
_FILE_YEAR = sa.func.strftime("%Y", images.c.mtime_ns / 1_000_000_000, "unixepoch", "localtime")
_YEAR = sa.func.coalesce(_TAKEN_YEAR, _FILE_YEAR)
_FILE_MOMENT = sa.func.datetime(images.c.mtime_ns / 1_000_000_000, "unixepoch", "localtime")
_MOMENT = sa.func.coalesce(sa.func.strftime("%Y-%m-%d %H:%M:%S", images.c.taken_at), _FILE_MOMENT)
"""When an image was taken, or its file changed, as text that sorts."""

_MONTH = re.compile("[0-9]{4}-[0-9]{2}")

LEAST_SIDE = 200
"""Pixels of the shorter side of a photo: what is smaller is mostly an icon or a preview."""

MOST_LABELS = 200
"""Of a library: a set of a thousand names is no menu."""

_IS_PHOTO = sa.func.min(images.c.width, images.c.height) >= LEAST_SIDE


class FacetReads(Reads):
    """What is there, in the orders it is looked through, and what choices of a filter leave."""

    def facets(self, space: SpaceInfo, where: Filter) -> Facets:
        """How many images with a vector in the space each choice of the filter would leave."""
        with self._reading() as connection:
            return count_facets(connection, space, where)

    def newest(self, space: SpaceInfo, where: Filter) -> list[int]:
        """Ids of the images with a vector in the space that pass the filter, last added first.

        Photos come first, and what is smaller, as icons are, after all of them.
        """
        order = _IS_PHOTO.desc(), images.c.id.desc()
        return [row.id for row in self._in_order(space, where, order)]

    def by_path(self, space: SpaceInfo, where: Filter) -> list[int]:
        """Ids of the images that pass, by path."""
        return [row.id for row in self._in_order(space, where, (images.c.path,))]

    def latest(
        self, space: SpaceInfo, where: Filter
    ) -> tuple[list[int], list[tuple[tuple[int, int], int]]]:
        """Ids of the images that pass, the latest taken first, and how many are of each month.

        The file's date counts where none is. Months are (year, month), latest first.
        """
        moment = _MOMENT.label("moment")
        order = moment.desc(), images.c.id.desc()
        found = self._in_order(space, where, order, moment)
        months: Counter[str] = Counter(row.moment[:7] for row in found if row.moment is not None)
        return [row.id for row in found], [
            ((int(month[:4]), int(month[5:])), number)
            for month, number in months.items()  # in the order in which they came
            if _MONTH.fullmatch(month)  # the file may have a date beyond all
        ]

    def _in_order(
        self,
        space: SpaceInfo,
        where: Filter,
        order: Sequence[sa.ColumnElement[Any]],
        *beside: sa.ColumnElement[Any],
    ) -> Sequence[sa.Row[tuple[Any, ...]]]:
        query = _passing(space, where, sa.select(images.c.id, *beside)).order_by(*order)
        with self._reading() as connection:
            return connection.execute(query).all()


def _passing(
    space: SpaceInfo, where: Filter, query: sa.Select[tuple[Any, ...]]
) -> sa.Select[tuple[Any, ...]]:
    """The query over images with a vector in the space that pass the filter."""
    return (
        query.select_from(images)
        .join(embeddings, embeddings.c.owner_id == images.c.id)
        .where(embeddings.c.space_id == space.id, *conditions(where))
    )


def count_facets(connection: sa.Connection, space: SpaceInfo, where: Filter) -> Facets:
    """The facets of the images that have a vector in the space."""

    def counted(what: sa.ColumnElement[Any], kept: Filter) -> list[tuple[Any, int]]:
        query = (
            sa.select(what, sa.func.count())
            .select_from(embeddings)
            .join(images, images.c.id == embeddings.c.owner_id)
            .where(embeddings.c.space_id == space.id, *conditions(kept))
            .group_by(what)
        )
        return [(value, number) for value, number in connection.execute(query)]

    shapes = {
        orientation: number
        for orientation in Orientation
        for _, number in counted(
            sa.literal(1), replace(where, orientation=orientation)
        )  # three ranges of two columns: cheaper than a CASE over every row
    }
    root = common_folder([folder for folder, _ in counted(FOLDER, Filter())])
    start = where.under or root
    here = counted(FOLDER, where)
    at_any_time = replace(where, after=None, before=None, dated=None)
    return Facets(
        total=sum(number for _, number in here),
        root=root,
        folders=children(here, start) if start else [],
        above=above(counted(FOLDER, replace(where, under=None)), root, where.under),
        years=sorted(
            (
                (int(year), number)
                for year, number in counted(_YEAR, at_any_time)
                if year is not None
            ),
            reverse=True,
        ),
        undated=sum(
            number for _, number in counted(sa.literal(1), replace(at_any_time, dated=False))
        ),
        cameras=containing(counted(images.c.camera, replace(where, camera=None))),
        orientations=[(shape, number) for shape, number in shapes.items() if number],
        labels=count_labels(connection, space, replace(where, label=None)),
        places=_places(connection, space, replace(where, place=None)),
        albums=_albums(connection, space, replace(where, album=None)),
    )


def count_labels(
    connection: sa.Connection, space: SpaceInfo, where: Filter
) -> list[tuple[str, int]]:
    """The most frequent labels of the images that pass, each with how many have it."""
    number = sa.func.count(sa.distinct(labels.c.image_id))
    query = (
        sa.select(sa.func.min(labels.c.name), number)
        .select_from(labels)
        .join(embeddings, embeddings.c.owner_id == labels.c.image_id)
        .join(images, images.c.id == labels.c.image_id)
        .where(embeddings.c.space_id == space.id, *conditions(where))
        .group_by(sa.func.lower(labels.c.name))  # as the filter compares them
        .order_by(number.desc(), sa.func.lower(labels.c.name))
        .limit(MOST_LABELS)
    )
    return [(name, images_with) for name, images_with in connection.execute(query)]


def _places(connection: sa.Connection, space: SpaceInfo, kept: Filter) -> list[tuple[str, int]]:
    number = sa.func.count()
    query = (
        sa.select(captions.c.text, number)
        .join(images, images.c.id == captions.c.image_id)
        .join(embeddings, embeddings.c.owner_id == images.c.id)
        .where(is_place, embeddings.c.space_id == space.id, *conditions(kept))
        .group_by(captions.c.text)
        .order_by(number.desc(), captions.c.text)
    )
    return [(place, count) for place, count in connection.execute(query)]


def _albums(connection: sa.Connection, space: SpaceInfo, kept: Filter) -> list[tuple[str, int]]:
    query = (
        sa.select(albums.c.name, sa.func.count())
        .select_from(albums)
        .join(album_images, album_images.c.album_id == albums.c.id)
        .join(images, images.c.id == album_images.c.image_id)
        .join(embeddings, embeddings.c.owner_id == images.c.id)
        .where(embeddings.c.space_id == space.id, *conditions(kept))
        .group_by(albums.c.name)
        .order_by(albums.c.name)
    )
    return [(name, count) for name, count in connection.execute(query)]


def common_folder(folders: Sequence[str]) -> Path | None:
    """The deepest folder that holds all of these; None where they have none in common.

    >>> str(common_folder(["/a/b/", "/a/b/c/"]))
    '/a/b'
    """
    try:
        return Path(os.path.commonpath(folders))
    except ValueError:  # none at all, or on two drives of Windows
        return None


def children(folders: Sequence[tuple[str, int]], start: Path) -> list[tuple[Path, int]]:
    """The folders right below `start`, by name, with the images in them and below them."""
    counts: Counter[str] = Counter()
    prefix = below(str(start))
    for folder, number in folders:
        inside = folder.removeprefix(prefix) if folder.startswith(prefix) else ""
        name = inside.split(os.sep, 1)[0]
        if name:
            counts[name] += number
    return [(start / name, counts[name]) for name in sorted(counts, key=str.casefold)]


def above(
    folders: Sequence[tuple[str, int]], root: Path | None, chosen: Path | None
) -> list[tuple[Path, int]]:
    """The folders from `root` down to `chosen`, with the images in them and below them."""
    if root is None or chosen is None or root not in (chosen, *chosen.parents):
        return []
    line = [folder for folder in (chosen, *chosen.parents) if root in (folder, *folder.parents)]
    starts = [(folder, below(str(folder))) for folder in reversed(line)]
    return [
        (folder, sum(number for inside, number in folders if inside.startswith(prefix)))
        for folder, prefix in starts
    ]


def containing(cameras: Sequence[tuple[str | None, int]]) -> list[tuple[str, int]]:
    """Each camera with the images that a filter by its name leaves, most first.

    Those are also the images of cameras whose names contain it: "EOS 5D" is in "EOS 5D Mark II".
    """
    named = [(camera, camera.lower(), number) for camera, number in cameras if camera]
    counts = [
        (camera, sum(number for _, other, number in named if text in other))
        for camera, text, _ in named
    ]
    return sorted(counts, key=lambda pair: (-pair[1], pair[0]))
