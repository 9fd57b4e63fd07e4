"""Which images are worth a look for being copies: near by their vectors, or by a hash."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from searchengine.index.faiss_index import AnnIndex, DamagedIndexError
from searchengine.looks.look import Looks
from searchengine.looks.means import means_of
from searchengine.spaces.space import Space
from searchengine.types import Vectors
from searchengine.vectors.file import Rows
from searchengine.vectors.pairs import pair_cosines
from searchengine.vectors.scan import NO_ROW, scan

NEIGHBOURS = 32
"""Nearest images of each that are looked at. What is cropped lies among the nearest. Of a picture
with more copies than these it is left to chance, and to who came first, which of them are found."""

LEAST_NEAR = 0.5
"""How near they are at least, where 0 is the mean cosine of the library's images and 1 is equal."""

CELLS_VISITED = 8
"""Of the index: nearly equal vectors lie in the same cell or the next."""

ASKED_AT_A_TIME = 1_024
"""Images whose neighbours are looked for together."""

MOST_ALIKE_BY_NATURE = 0.6
"""The mean cosine that is believed, at most: in a library of copies of a few pictures all are
near."""

SAMPLED = 4_096
"""Rows that the mean cosine is measured on."""

BANDS = ((0, 21), (21, 42), (42, 64))
"""Bits of a hash. Two that differ in five of 64 or fewer have a band that differs in at most one,
which is looked up with each of its bits turned (Manku et al., Detecting near-duplicates for web
crawling, 2007). Of a picture saved anew or scaled up to five bits turn."""

MOST_TURNED = 5

MOST_ALIKE = 64
"""Images of a hash that are looked at, and of each band of it: more are blank pages, black frames,
screenshots of one program and the like."""

HASHED_AT_A_TIME = 256
"""Images whose hashes are looked up together: of alike pictures each has thousands of pairs."""

Numbers = NDArray[np.int64]
Pairs = NDArray[np.int64]
"""Row numbers, shape (p, 2)."""


def mean_cosine(rows: Rows, living: Numbers) -> float:
    """Of different images of the library, about."""
    some = living[:: max(1, len(living) // SAMPLED)]
    mean: NDArray[np.float32] = rows[some].astype(np.float32).mean(axis=0)
    n = len(some)
    total = float(mean @ mean)
    return min((n * total - 1) / (n - 1), MOST_ALIKE_BY_NATURE) if n > 1 else 0.0


def least_cosine(near: float, mean: float) -> float:
    """The cosine that is so near: `near` is 0 for the mean of the library and 1 for equal."""
    return mean + near * (1 - mean)


def near_vectors(
    space: Space, rows: Rows, asked: Numbers, among: Numbers, least: float
) -> Iterator[Pairs]:
    """Pairs of each row in `asked` with its neighbours in `among`, of at least such a cosine."""
    index = space.index(len(rows))
    for start in range(0, len(asked), ASKED_AT_A_TIME):
        part = asked[start : start + ASKED_AT_A_TIME]
        queries = rows[part].astype(np.float32)
        if index is not None:
            try:
                yield _through(index, rows, queries, part, least)
                late = among[among >= index.covered]
                yield _exactly(rows, queries, part, late, least)
                continue
            except DamagedIndexError:
                space.give_up_index()
                index = None
        yield _exactly(rows, queries, part, among, least)


def _through(index: AnnIndex, rows: Rows, queries: Vectors, asked: Numbers, least: float) -> Pairs:
    found = index.look_up(queries, NEIGHBOURS + 1, CELLS_VISITED)
    line, column = np.nonzero(found != NO_ROW)
    others = found[line, column]
    near = pair_cosines(queries, rows, line, others) >= least
    return _pairs(asked[line[near]], others[near])


def _exactly(rows: Rows, queries: Vectors, asked: Numbers, among: Numbers, least: float) -> Pairs:
    scores, found = scan(rows, queries, min(NEIGHBOURS + 1, len(among)), among=among)
    line, column = np.nonzero(scores >= least)
    return _pairs(asked[line], found[line, column])


def near_hashes(looks: Looks, rows: Numbers, is_asked: NDArray[np.bool_]) -> Iterator[Pairs]:
    """Pairs of rows whose hashes differ little, of which the first `is_asked`.

    `looks` has shape (n,), known ones of the `rows`. Of each that is asked there are `MOST_ALIKE`
    at most, the nearest: thousands of alike pictures are not all compared with each other.
    """
    hashes = _hashes(looks)
    bands = [_Band(hashes, first, last) for first, last in BANDS]
    asked = np.flatnonzero(is_asked)
    for start in range(0, len(asked), HASHED_AT_A_TIME):
        part = asked[start : start + HASHED_AT_A_TIME]
        near = [pairs for band in bands for pairs in band.near(part)]
        left, right = _nearest(hashes, np.concatenate(near, axis=1))
        yield _pairs(rows[left], rows[right])


class _Band:
    """Hashes by some of their bits."""

    def __init__(self, hashes: NDArray[np.uint64], first: int, last: int) -> None:
        self._hashes, self._bits = hashes, last - first
        self._band = (hashes >> np.uint64(first)) & np.uint64((1 << self._bits) - 1)
        self._order = np.argsort(self._band, kind="stable")
        self._sorted = self._band[self._order]

    def near(self, asked: Numbers) -> Iterator[Numbers]:
        """Places whose hashes differ little from those asked, shape (2, p): asked, and another."""
        for turned in (0, *(1 << bit for bit in range(self._bits))):
            wanted = self._band[asked] ^ np.uint64(turned)
            begin = np.searchsorted(self._sorted, wanted)
            end = np.searchsorted(self._sorted, wanted, side="right")
            counts = np.minimum(end - begin, MOST_ALIKE)
            left = np.repeat(asked, counts)
            within = np.arange(len(left)) - np.repeat(np.cumsum(counts) - counts, counts)
            right = self._order[np.repeat(begin, counts) + within]
            is_near = np.bitwise_count(self._hashes[left] ^ self._hashes[right]) <= MOST_TURNED
            yield np.stack([left, right])[:, is_near & (left != right)]


def _nearest(hashes: NDArray[np.uint64], pairs: Numbers) -> Numbers:
    """Each pair once, and of each that is asked the nearest; shape (2, p)."""
    left, right = np.unique(pairs, axis=1)
    apart = np.bitwise_count(hashes[left] ^ hashes[right])
    order = np.lexsort((right, apart, left))
    left, right = left[order], right[order]
    rank = np.arange(len(left)) - np.searchsorted(left, left)
    return np.stack([left, right])[:, rank < MOST_ALIKE]


def _hashes(looks: Looks) -> NDArray[np.uint64]:
    """64 bits a look: which of 9 means of a line is darker than the next, in 8 lines.

    Neal Krawetz, Kind of Like That, 2013 ("dHash").
    """
    out = np.empty(len(looks), dtype=np.uint64)
    lines, columns = means_of(8), means_of(9)
    for start in range(0, len(looks), ASKED_AT_A_TIME):
        grey = looks["grey"][start : start + ASKED_AT_A_TIME].astype(np.float32)
        values = lines @ grey @ columns.T
        bits = np.packbits((values[..., :-1] < values[..., 1:]).reshape(len(grey), 64), axis=1)
        out[start : start + len(grey)] = bits.view(np.uint64)[:, 0]
    return out


def _pairs(left: Numbers, right: Numbers) -> Pairs:
    different = left != right
    return np.stack([left[different], right[different]], axis=1)
