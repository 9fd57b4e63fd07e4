"""Exact scores of images by their pictures and their captions together."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from searchengine.catalog.catalog import CatalogReads
from searchengine.float16 import widened
from searchengine.index.faiss_index import DamagedIndexError
from searchengine.index.settings import setting_for
from searchengine.index.types import Modality
from searchengine.spaces.captioned import CaptionRows
from searchengine.spaces.indexed import KnownIndex
from searchengine.spaces.space import Space
from searchengine.texts.fusion import WEIGHT, Matching
from searchengine.texts.matching import matching_of
from searchengine.types import Vectors
from searchengine.vectors.file import Rows
from searchengine.vectors.pairs import UNSURE, pair_cosines
from searchengine.vectors.rowset import RowSet
from searchengine.vectors.scan import RowNumbers, blocks, scan

FEW_TEXTS = 2_000
"""Captions up to which they are all compared, where there is an index too: under a filter."""

BLOCK_ROWS = 2_048
"""Rows multiplied at a time: some megabytes in float32."""

Mask = NDArray[np.bool_]
"""Which of some rows, shape (n,)."""

Exact = NDArray[np.float64]
"""Scores that are computed pair by pair."""


@dataclass(frozen=True, slots=True, eq=False)
class Captioned:
    """The rows of a space with the captions of some of them, for one text query."""

    rows: Rows | Vectors
    """Of images, shape (n, d)."""
    texts: Rows
    """Of captions, shape (c, d)."""
    known: CaptionRows
    """Which caption is of which image; one that is sound at least."""
    matching: Matching
    query: NDArray[np.float32]
    """What captions are compared with: a unit vector, shape (d,)."""
    pictures: NDArray[np.float32] | None = None
    """What pictures are, where it is not that."""
    index: KnownIndex | None = None
    """Over the captions."""

    def best(self, k: int, among: RowNumbers | None) -> list[tuple[int, float]]:
        """The k best of the rows in `among`, ascending, all where it is None, with their scores.

        Best first; equal scores go to the lower row. Each score is computed for its row alone, so
        that the best k are the first of the best of any more.
        """
        if among is None:
            captioned = np.unique(self.known.owners)
            bare = np.delete(np.arange(len(self.rows)), captioned)
        else:
            has_caption = self._have_captions(among)
            captioned, bare = among[has_caption], among[~has_caption]
        [bare] = scan(self.rows, self._for_pictures[np.newaxis], k, among=bare)[1]
        captioned = captioned[self._may_be_among(captioned, k)]
        numbers = np.concatenate([bare, captioned])
        scores = np.concatenate([self._of_pictures(bare).clip(-1, 1), self._fused(captioned)])
        order = np.lexsort((numbers, -scores))[:k]
        exact = scores[order].astype(np.float32).tolist()
        return list(zip(numbers[order].tolist(), exact, strict=True))

    def over(self, rows: Rows | Vectors) -> Captioned:
        """The same with the rows of images, shape (n, d), as somebody has them already."""
        return replace(self, rows=rows)

    def without(self, captions: RowNumbers) -> Captioned | None:
        """The same as if the captions of these rows were not stored; None where it is all."""
        known = self.known.without(captions)
        return replace(self, known=known) if len(known) else None

    def beside(self, pictures: NDArray[np.float32]) -> Captioned:
        """The same with pictures compared with another unit vector, shape (d,)."""
        return replace(self, pictures=pictures)

    def likely(self, size: int, among: RowSet | None) -> RowNumbers:
        """The rows of the images of the `size` captions nearest to the query, ascending."""
        captions, owners = self.known.by_caption
        if among is not None:
            inside = among[owners]
            captions, owners = captions[inside], owners[inside]
        found = self._nearest(size, captions)
        return np.unique(owners[np.searchsorted(captions, found)])

    def _nearest(self, size: int, captions: RowNumbers) -> RowNumbers:
        """The `size` of these captions nearest to the query, by the index where it has them.

        Those are nearest by the codes of the index, and what it does not cover is beside them.
        """
        which = None if len(captions) == len(self.texts) else captions
        index = None if self.index is None else self.index.at(len(self.texts))
        if self.index is None or index is None or len(captions) <= FEW_TEXTS:
            return self._scanned(size, which)
        inside = None if which is None else RowSet.of(captions, len(self.texts))
        setting = setting_for(index.facts, Modality.TEXT)
        setting = index.adjusted(setting, index.passing(inside))
        try:
            found = index.candidates(self.query, setting, size, inside)
        except DamagedIndexError:
            self.index.give_up()
            return self._scanned(size, which)
        tail = captions[np.searchsorted(captions, index.covered) :]
        return np.concatenate([found, self._scanned(size, tail)])

    def _scanned(self, size: int, among: RowNumbers | None) -> RowNumbers:
        found: RowNumbers = scan(self.texts, self.query[np.newaxis], size, among=among)[1][0]
        return found

    def nearer(self, rows: RowNumbers) -> dict[int, int]:
        """For each of these rows whose nearest caption is nearer than the picture: its row."""
        found = np.unique(rows)
        found = found[self._have_captions(found)]
        if len(found) == 0:
            return {}
        pairs, starts = self._pairs(found)
        texts = _exact(self.texts, self.query, self.known.captions[pairs])
        pictures = self._of_pictures(found)
        nearest: dict[int, int] = {}
        for row, picture, part in zip(
            found.tolist(), pictures, np.split(np.arange(len(texts)), starts[1:]), strict=True
        ):
            best = part[np.argmax(texts[part])]
            if self.matching.as_picture(texts[best]) > picture:
                nearest[row] = int(self.known.captions[pairs[best]])
        return nearest

    def _may_be_among(self, captioned: RowNumbers, k: int) -> Mask:
        """Which of these rows, all with a caption, may be among the k best, in float32."""
        if len(captioned) <= k:
            return np.ones(len(captioned), dtype=bool)
        pairs, starts = self._pairs(captioned)
        texts = np.maximum.reduceat(
            _products(self.texts, self.query, self.known.captions[pairs]), starts
        )
        scores = self.matching.fused(_products(self.rows, self._for_pictures, captioned), texts)
        scores[~np.isfinite(scores)] = -1  # damaged, and found to be so where it is ranked
        kth = np.partition(scores, len(scores) - k)[len(scores) - k]
        reached: Mask = scores >= kth - UNSURE * (1 + WEIGHT * self.matching.scale)
        return reached

    def _fused(self, captioned: RowNumbers) -> Exact:
        """The scores of rows that have a caption."""
        if len(captioned) == 0:
            return np.empty(0)
        pairs, starts = self._pairs(captioned)
        texts = _exact(self.texts, self.query, self.known.captions[pairs])
        best: Exact = np.maximum.reduceat(texts, starts)
        scores: Exact = self.matching.fused(self._of_pictures(captioned), best).astype(np.float64)
        return scores

    def _of_pictures(self, numbers: RowNumbers) -> Exact:
        return _exact(self.rows, self._for_pictures, numbers)

    @property
    def _for_pictures(self) -> NDArray[np.float32]:
        return self.query if self.pictures is None else self.pictures

    def _have_captions(self, rows: RowNumbers) -> Mask:
        """Which of these rows have a caption; without sorting all that have one."""
        owners = self.known.owners
        found: Mask = np.searchsorted(owners, rows) < np.searchsorted(owners, rows, side="right")
        return found

    def _pairs(self, captioned: RowNumbers) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The places in `known` of all captions of these rows, and where each row's begin."""
        first = np.searchsorted(self.known.owners, captioned)
        counts = np.searchsorted(self.known.owners, captioned, side="right") - first
        starts = np.cumsum(counts) - counts
        return np.repeat(first - starts, counts) + np.arange(counts.sum()), starts


def captioned(space: Space, now: CatalogReads, query: NDArray[np.float32]) -> Captioned | None:
    """The space with its captions as of a moment; None where nothing is to be searched beside.

    `query` is a unit vector, shape (d,). Captions whose vector is damaged are left out, and that is
    said. Raises LibraryDamagedError.
    """
    count, dead_captions = now.caption_state(space.info)
    if count == dead_captions:
        return None
    images = now.rows(space.info)
    matching = matching_of(space, now)
    if matching is None:
        return None  # the next index run measures it
    pictures = space.images.read(images)
    dead = images - space.living(now, images).size
    known = space.caption_rows.at(now, (images, dead, count, dead_captions))
    space.hold_against_checksums(now, space.captions, count, lambda: np.sort(known.captions))
    damaged = space.captions.look_through(count)
    sound = known.without(damaged)
    if len(sound) < len(known):
        space.say_what_is_left_out()
    return (
        Captioned(
            pictures,
            space.captions.read(count),
            sound,
            matching,
            query,
            index=space.caption_index,
        )
        if len(sound)
        else None
    )


def _products(
    rows: Rows | Vectors, query: NDArray[np.float32], numbers: RowNumbers
) -> NDArray[np.float32]:
    """Cosines of the query with some rows in float32, quickly: shape (len(numbers),)."""
    parts = [widened(block) @ query for _, block in blocks(rows, numbers, BLOCK_ROWS)]
    return np.concatenate(parts)


def _exact(rows: Rows | Vectors, query: NDArray[np.float32], numbers: RowNumbers) -> Exact:
    return pair_cosines(query[np.newaxis], rows, np.zeros(len(numbers), dtype=np.int64), numbers)
