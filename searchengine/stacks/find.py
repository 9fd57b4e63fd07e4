"""The end of an index run: what is new is compared with all there is, and links are kept.

Labels are made from all links anew, so that they say the same whatever came first.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from searchengine.errors import ClipseekError
from searchengine.files import content_hash, read_whole
from searchengine.images.decode import read_image
from searchengine.looks.look import Looks, look_of
from searchengine.looks.same import made_grey, same_pictures
from searchengine.spaces.space import Space
from searchengine.spaces.stacked import ALONE, NO_STACKS, Labels, Stacks
from searchengine.stacks.groups import (
    components,
    each_once,
    merged,
    stars,
    unsettled,
    without,
)
from searchengine.stacks.moments import (
    LEAST_ALIKE,
    LEAST_ALIKE_OF_NAME,
    of_one_name,
    within_seconds,
)
from searchengine.stacks.nearby import (
    LEAST_NEAR,
    MOST_ALIKE,
    least_cosine,
    mean_cosine,
    near_hashes,
    near_vectors,
)
from searchengine.stacks.pictured import Pictured, read_pictured
from searchengine.types import ImageRecord
from searchengine.vectors.file import Rows
from searchengine.vectors.pairs import pair_cosines

log = logging.getLogger("clipseek")

LOOKED_AT_A_TIME = 512
"""Files that are read again before what was seen is kept."""

DECODED_FOR = 224
"""The `input_size` that such a picture is decoded for: that of most encoders."""

Places = NDArray[np.int64]
"""Places in `Pictured`."""


def refresh_stacks(space: Space) -> None:
    """Bring the labels of a space up to date with its rows. The caller holds the library's lock.

    Only what is new is compared. Raises LibraryUnusableError.
    """
    with space.catalog.snapshot() as now:
        count = now.rows(space.info)
        known = space.stacks.at(count)
        if known is None:
            space.stacks.forget()
            known = NO_STACKS
        if count == known.covered and space.living(now, count).size == known.images:
            return
        pictured = read_pictured(space.info, now)
    is_new = (pictured.rows >= known.covered) | ~known.were_asked(pictured.rows)
    _look_at_unknown(space, pictured.rows[is_new])
    rows = space.images.read(count)
    sound = ~np.isin(pictured.rows, space.images.look_through(count))
    mean = mean_cosine(rows, pictured.rows[sound]) if sound.any() else 0.0
    finder = _Finder(space, rows, pictured, sound, mean)
    links = finder.links(known)
    copies = finder.copies(links)
    moments = finder.moments(copies, links)
    stacked = _by_row(pictured, moments, count)
    sharpness = np.zeros(count, dtype=np.float32)
    together = np.flatnonzero(stacked != ALONE)
    sharpness[together] = space.looks.read(together)["sharpness"]
    asked = np.zeros(count, dtype=np.uint8)
    asked[pictured.rows[finder.first]] = 1
    space.stacks.keep(
        Stacks(
            _by_row(pictured, copies, count),
            stacked,
            sharpness,
            pictured.rows[links].astype(np.int32),
            asked,
            images=len(pictured.rows),
        )
    )


class _Finder:
    """One space as it is compared; `labels` are of its places, shape (n,)."""

    def __init__(
        self, space: Space, rows: Rows, pictured: Pictured, sound: NDArray[np.bool_], mean: float
    ) -> None:
        self._space, self._rows, self._pictured = space, rows, pictured
        self._sound, self._mean = sound, mean
        places = np.flatnonzero(sound)
        _, first = np.unique(pictured.contents[places], return_index=True)
        self.first: Places = np.sort(places[first])
        """Of files that are equal the first, which stands for all."""

    def links(self, known: Stacks) -> Places:
        """All pairs of the same picture, of which those of two that were asked are known.

        Of what hangs together by pairs, up to `MOST_ALIKE` files, each is compared with each.
        """
        all_rows, first = self._pictured.rows, self.first
        rows = all_rows[first]
        is_new = ~known.were_asked(rows)
        near = np.searchsorted(all_rows, np.concatenate([*self._candidates(rows, is_new)]))
        near = each_once(near)
        stay = known.links[np.isin(known.links, rows).all(axis=1)]
        links = np.concatenate([np.searchsorted(all_rows, stay), self._same(near)])
        settled = -1 - first
        settled[~is_new] = components(known.links, known.covered)[rows[~is_new]]
        together = components(links, len(all_rows))[first]
        left = first[unsettled(together, settled, MOST_ALIKE)]
        left = without(left, np.concatenate([near, links]))
        return each_once(np.concatenate([links, self._same(left)]))

    def copies(self, links: Places) -> Places:
        """Labels of copies, each of which is linked with the best of them."""
        return self._led(merged(self._pictured.rows, self._pictured.contents), links)

    def _same(self, places: Places) -> Places:
        """Those pairs that are of the same picture.

        What was made grey and is named after the other is an edit of it, which is no copy.
        """
        pictured, looks = self._pictured, self._space.looks
        places = places[pictured.raw[places[:, 0]] == pictured.raw[places[:, 1]]]
        copied: Places = places[same_pictures(pictured.rows[places], looks.read)]
        named = np.flatnonzero(np.equal(*pictured.stems[copied.T]))
        one, other = (looks.read(rows) for rows in pictured.rows[copied[named].T])
        edits = named[made_grey(one, other)]
        return np.delete(copied, edits, axis=0)

    def _candidates(self, rows: NDArray[np.int64], is_new: NDArray[np.bool_]) -> Iterator[Places]:
        yield np.empty((0, 2), dtype=np.int64)
        known = self._space.looks.known(rows)
        rows, is_new = rows[known], is_new[known]
        least = least_cosine(LEAST_NEAR, self._mean)
        yield from near_vectors(self._space, self._rows, rows[is_new], rows, least)
        yield from near_hashes(self._space.looks.read(rows), rows, is_new)

    def moments(self, copies: Places, links: Places) -> Places:
        """Labels of moments. What is linked with any of some copies is of one moment with them.

        So no file is a hit beside one that it was found to be a copy of, as a crop of a scaled copy
        may be where the best file is too far from it. It is no copy of that: listed copies are safe
        to delete.
        """
        pictured = self._pictured
        pictures = self._led(copies, links)
        pairs = [
            self._alike(places, pictures, least_cosine(least, self._mean))
            for places, least in (
                (within_seconds(pictured), LEAST_ALIKE),
                (of_one_name(pictured), LEAST_ALIKE_OF_NAME),
            )
        ]
        return self._led(pictures, np.concatenate(pairs))

    def _alike(self, places: Places, labels: Places, least: float) -> Places:
        """Those pairs that are of different pictures, and of at least such a cosine."""
        apart = labels[places[:, 0]] != labels[places[:, 1]]
        places = places[apart & self._sound[places].all(axis=1)]
        one, other = self._pictured.rows[places.T]
        alike: Places = places[pair_cosines(self._rows, self._rows, one, other) >= least]
        return alike

    def _led(self, labels: Places, pairs: Places) -> Places:
        """Labels where groups that pairs join are led by the group with the best image."""
        if len(pairs) == 0:
            return labels
        joined = labels[pairs]
        involved = np.flatnonzero(np.isin(labels, joined))
        pixels, kinds, names = self._pictured.qualities[:, involved]
        sharpness = self._space.looks.read(self._pictured.rows[involved])["sharpness"]
        best = np.lexsort((self._pictured.rows[involved], -names, -kinds, -sharpness, -pixels))
        order = np.array(list(dict.fromkeys(labels[involved[best]].tolist())), dtype=np.int64)
        follows = stars(joined, order)
        if not follows:
            return labels
        out = labels.copy()
        out[involved] = [follows.get(label, label) for label in labels[involved].tolist()]
        return out


def _by_row(pictured: Pictured, labels: Places, count: int) -> Labels:
    """Labels of rows; what is the only one of its label is alone."""
    _, where, counts = np.unique(labels, return_inverse=True, return_counts=True)
    out = np.full(count, ALONE, dtype=np.int32)
    together = counts[where] > 1
    out[pictured.rows[together]] = labels[together]
    return out


def _look_at_unknown(space: Space, rows: NDArray[np.int64]) -> None:
    """Look at pictures that a version indexed which kept no looks, once; says so."""
    unknown = rows[~space.looks.known(rows)]
    if len(unknown) == 0:
        return
    log.warning("looking at %s pictures once more, to find copies of them", f"{len(unknown):,}")
    with ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="look") as pool:
        for start in range(0, len(unknown), LOOKED_AT_A_TIME):
            part = unknown[start : start + LOOKED_AT_A_TIME].tolist()
            records = space.catalog.images_of_rows(space.info, part)
            present = [row for row in part if row in records]
            _keep_looks(space, present, list(pool.map(_look, (records[row] for row in present))))


def _keep_looks(space: Space, rows: Sequence[int], looks: Sequence[Looks | None]) -> None:
    for row, look in zip(rows, looks, strict=True):
        if look is not None:
            space.looks.write(row, look[np.newaxis])


def _look(record: ImageRecord) -> Looks | None:
    """The look of an image whose file is there and unchanged; None for another."""
    try:
        data = read_whole(record.path)
        if content_hash(data) != record.content_hash:
            return None
        facts = record.facts
        megapixels = max(1.0, facts.width * facts.height / 1e6)
        picture, _ = read_image(
            data, name=record.file.path, input_size=DECODED_FOR, max_megapixels=megapixels
        )
    except (OSError, ClipseekError, MemoryError):
        return None
    return look_of(picture)
