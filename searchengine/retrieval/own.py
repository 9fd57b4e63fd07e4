"""Which images are no hits of a query: its own pictures, and those whose files are gone."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from searchengine.catalog.catalog import CatalogReads
from searchengine.files import content_hash
from searchengine.paths import absolute
from searchengine.retrieval.query import Kind, Query
from searchengine.types import ImageRecord

if TYPE_CHECKING:
    from searchengine.retrieval.pictures import ReadPicture


class LeftOut:
    """Tells of an image whether it is left out, and remembers which files were gone."""

    def __init__(
        self,
        query: Query,
        pictures: Sequence[ReadPicture],
        now: CatalogReads,
        *,
        present_only: bool,
    ) -> None:
        """`pictures` are those of the query, read; `present_only` leaves out what is gone."""
        listed = [source.value for source in query.sources if source.kind is Kind.LISTED]
        self._paths = {
            absolute(source.value) for source in query.sources if source.kind is Kind.FILE
        }
        self._hashes = {content_hash(each.data) for each in pictures if each.data is not None}
        self._hashes |= {record.content_hash for record in now.images(listed).values()}
        self._present_only = present_only
        self.gone: set[int] = set()
        """Ids of images whose files are gone."""
        self.any_kept = False
        """Whether there was an image that is not left out."""

    def __bool__(self) -> bool:
        """Whether anything can be left out."""
        return bool(self._paths or self._hashes or self._present_only)

    def __call__(self, image: ImageRecord) -> bool:
        """Whether the image is no hit."""
        if image.content_hash in self._hashes or image.file.path in self._paths:
            return True
        if self._present_only and not os.path.isfile(image.file.path):
            self.gone.add(image.id)
            return True
        self.any_kept = True
        return False
