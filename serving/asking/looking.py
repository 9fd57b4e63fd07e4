"""What is looked at without a search: images in an order, one in detail, groups of copies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from searchengine.catalog.catalog import CatalogReads
from searchengine.catalog.labels.given import Label
from searchengine.errors import NotListedError
from searchengine.library.places import placed
from searchengine.retrieval.compose import encoded_part, unit
from searchengine.retrieval.hits import Order, SearchHit
from searchengine.retrieval.query import Query
from searchengine.retrieval.where import why_none
from searchengine.stacks.listing import Group, Member, duplicates, stack_of
from searchengine.types import Filter, ImageRecord, Likeness, SpaceInfo, TextHit, Vectors
from serving.asking.orders import InOrder
from serving.asking.query import listed
from serving.opened import Opened


@dataclass(frozen=True, slots=True)
class Detail:
    """All there is to say about one image."""

    record: ImageRecord
    captions: list[TextHit]
    """The nearest of those stored in the library; none without any."""
    neighbours: list[SearchHit]
    """The images nearest to it, itself and its stack left out."""
    stack: tuple[Member, ...]
    """Itself with its copies and the others of its moment, the best first; empty where alone."""
    labels: list[Label]
    """Most probable first."""
    fingerprint: str
    """Of the encoder that answers."""


@dataclass(frozen=True, slots=True)
class LookedThrough:
    """Images that nothing ranks."""

    records: list[ImageRecord]
    months: Sequence[tuple[tuple[int, int], int]]
    """In the order of dates: each (year, month), latest first, and how many pass in all."""
    why_none: str | None
    """Why there are none, where the library lists nothing that the filter names."""


def look_through(
    opened: Opened, where: Filter, order: Order, *, k: int, offset: int = 0
) -> LookedThrough:
    """The images that pass the filter, in an order that asks nothing: last added first.

    Raises NothingIndexedError, and NothingListedError for a folder in which nothing is listed.
    """
    catalog, space = opened.library.catalog, opened.searched_space().info
    place = placed(catalog, where)
    found = opened.orders.get((place, order))
    records = _records(catalog, found, k, offset)
    if len(records) < len(found.ids[offset : offset + k]):  # some are gone since
        opened.orders.forget()
        found = opened.orders.get((place, order))
        records = _records(catalog, found, k, offset)
    why = None if records else why_none(place, catalog, space)
    return LookedThrough(records, found.months, why)


def _records(catalog: CatalogReads, found: InOrder, k: int, offset: int) -> list[ImageRecord]:
    ids = found.ids[offset : offset + k].tolist()
    there = catalog.images(ids)
    return [there[image_id] for image_id in ids if image_id in there]


def record_of(opened: Opened, image_id: int) -> ImageRecord:
    """What the catalog lists of an image. Raises NotListedError."""
    return records_of(opened, [image_id])[0]


def records_of(opened: Opened, image_ids: Sequence[int]) -> list[ImageRecord]:
    """What the catalog lists of images, in this order. Raises NotListedError."""
    records = opened.library.catalog.images(image_ids)
    for image_id in image_ids:
        if image_id not in records:
            raise NotListedError(image_id)
    return [records[image_id] for image_id in dict.fromkeys(image_ids)]


def vectors_of(
    opened: Opened, ids: Sequence[int], queries: Sequence[Query]
) -> tuple[SpaceInfo, Vectors, Vectors]:
    """The space that answers, and unit rows of images and of queries by words, shape (n, d) each.

    Raises NotListedError, QueryError where the terms of a query cancel out, and the encoder's
    errors.
    """
    space = opened.searched_space()
    rows = np.empty((0, space.info.dim), dtype=np.float32)
    with opened.library.catalog.snapshot() as now:
        of_images = space.vectors_of_images(now, ids) if ids else rows
    of_texts = [unit(encoded_part(query, [], space, opened.library.encoders)) for query in queries]
    return space.info, of_images, np.stack(of_texts) if of_texts else rows


def detail_of(opened: Opened, image_id: int, *, captions: int, neighbours: int) -> Detail:
    """An image with its nearest captions and images. Raises NotListedError."""
    library = opened.library
    record, itself = record_of(opened, image_id), listed(image_id)
    with library.catalog.snapshot() as now:
        stack = stack_of(library.space(), now, record)
        labels = now.labels_of([image_id]).get(image_id, [])
    together = {image_id, *(member.image.id for member in stack)}
    hits = library.search(itself, k=neighbours + 1, fold=True)
    return Detail(
        record=record,
        captions=library.nearest_captions(itself, k=captions),
        neighbours=[hit for hit in hits if hit.id not in together][:neighbours],
        stack=stack,
        labels=labels,
        fingerprint=library.space().info.fingerprint,
    )


def groups_of(
    opened: Opened, level: Likeness, *, k: int, offset: int = 0
) -> tuple[list[Group], int]:
    """So many groups of a level, by the path of the best, and how many there are.

    Raises NothingIndexedError, and InputError where nothing was compared yet.
    """
    space = opened.searched_space()
    with opened.library.catalog.snapshot() as now:
        found = list(duplicates(space, now, level))
    return found[offset : offset + k], len(found)
