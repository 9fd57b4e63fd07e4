"""Exact search: the whole truth by scanning rows, block by block, in bounded memory.

The order is that of the scores, and of the row numbers where scores are equal, so that the answers
to k are the first k of those to any more. The last digits of a float32 matrix product depend on
where in a block a row stands: it only says which rows may be among the best, and those are scored
again, each pair by itself.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from searchengine.float16 import widened
from searchengine.types import Vectors
from searchengine.vectors.file import Rows
from searchengine.vectors.pairs import UNSURE, pair_cosines

BLOCK_ROWS = 16_384
"""Rows compared at a time, at most: 32 MB in float32 at 512 dimensions."""

COPIED_VALUES = 2**18
"""Values of the rows that are copied or turned to float32 at a time: a megabyte, which stays in a
core's cache until it is multiplied, and is too little for OpenBLAS to start threads. 1.3 times as
fast as 16 MB at a time, and 3 times where the cores are shared."""

ASKED_AHEAD = 2**15
"""Scattered rows that the disk is asked for at a time: at 512 dimensions up to 134 MB of pages."""

SPARE = 2
"""Candidates for each answer asked for, from which on those that were passed are thrown away."""

LEAST_SPARE = 256
"""Candidates that are kept in any case: throwing away has its price too."""

SAMPLED = 2_048
"""Scores of a block that say what to reach before all of them are listed, at least."""

SAMPLED_PER_ANSWER = 8
"""And for each answer asked for: the fewer, the more of the block has to be listed in vain."""

LISTED = 2**20
"""Scores of a block that become candidates at a time: 20 MB. More where thousands of rows tie."""

NO_ROW = -1
"""Fills places for which there is no row. FAISS says it the same way."""

Scores = NDArray[np.float32]
RowNumbers = NDArray[np.int64]


def scan(
    rows: Rows | Vectors, queries: Vectors, k: int, *, among: RowNumbers | None = None
) -> tuple[Scores, RowNumbers]:
    """The k best rows for each query by inner product.

    `rows` has shape (n, d), rows of length 1 or thereabouts; `queries` (q, d). `among` names the
    rows to look at, in ascending order, all when None. Returns scores and row numbers, both of
    shape (q, min(k, rows looked at)), best first; ties go to the lower row number. Rows that are
    not finite come last, with the score NaN.
    """
    found = Candidates(rows, queries, min(k, len(rows) if among is None else len(among)))
    size = _rows_at_a_time(rows, queries, among)
    with np.errstate(invalid="ignore", over="ignore"):  # damaged rows are not worth a warning
        for numbers, block in blocks(rows, among, size) if found.k else ():
            found.collect(queries @ widened(block).T, numbers)
        return found.best()


def blocks(
    rows: Rows | Vectors, among: RowNumbers | None, size: int
) -> Iterator[tuple[RowNumbers, Rows | Vectors]]:
    """The numbers and the rows of `among`, or of all where it is None, `size` at a time."""
    candidates, asked = (len(rows) if among is None else len(among)), 0
    for start in range(0, candidates, size):
        stop = min(start + size, candidates)
        if among is None:
            yield np.arange(start, stop), rows[start:stop]
            continue
        if stop > asked:
            from searchengine.vectors.ahead import ask_ahead  # late: small libraries need none

            asked = start + max(size, ASKED_AHEAD)
            ask_ahead(rows, among[start:asked])
        yield among[start:stop], rows.take(among[start:stop], axis=0)


def _rows_at_a_time(rows: Rows | Vectors, queries: Vectors, among: RowNumbers | None) -> int:
    """As many as stay in the cache where they are copied for one query alone."""
    if len(queries) > 1 or (among is None and rows.dtype == np.float32):
        return BLOCK_ROWS
    fitting: int = COPIED_VALUES // rows.shape[1]
    return min(BLOCK_ROWS, max(1, fitting))


class Candidates:
    """The rows that may be among the k best of each query, as far as a scan has come.

    A row is one while its float32 score is not surely below the k-th best so far. It is a flat
    list of pairs of a query and a row, as some queries have many more than others.
    """

    def __init__(self, rows: Rows | Vectors, queries: Vectors, k: int) -> None:
        self.k = k
        self.limits = np.full(len(queries), -np.inf, dtype=np.float32)
        """What a score must reach, shape (q,)."""
        self.sampled = max(SAMPLED_PER_ANSWER * k, SAMPLED)
        """Columns of a block whose k-th best scores serve to raise limits."""
        self._rows, self._queries = rows, queries
        self._lengths = np.linalg.norm(queries.astype(np.float64), axis=1)
        self._lines = np.empty(0, dtype=np.int64)
        self._numbers = np.empty(0, dtype=np.int64)
        self._scores = np.empty(0, dtype=np.float32)

    def collect(self, scores: Scores, numbers: RowNumbers, first: int = 0) -> None:
        """Take in the scores, shape (p, m), of p queries from number `first` on with m rows."""
        lines = slice(first, first + len(scores))
        passed = scores < self.limits[lines, np.newaxis]  # NaN is never passed
        if passed.all():
            return
        if self.is_crowded(scores.shape, passed.size - int(np.count_nonzero(passed))):
            self.raise_limits(lines, _kth_best(scores[:, : self.sampled], self.k))
            passed = scores < self.limits[lines, np.newaxis]
        places = np.flatnonzero(np.logical_not(passed, out=passed))
        for start in range(0, len(places), LISTED):
            line, column = np.divmod(places[start : start + LISTED], len(numbers))
            self.add(first + line, numbers[column], scores[line, column])

    def is_crowded(self, shape: tuple[int, ...], reached: int) -> bool:
        """Whether so many of (p, m) scores reach the limits that those should be raised first."""
        return shape[1] >= self.k and reached > self._spare(shape[0])

    def raise_limits(self, lines: slice | NDArray[np.int64], kth: NDArray[np.floating]) -> None:
        """Ask more of the queries in `lines`: not to fall short of these k-th best scores so far.

        NaN asks nothing.
        """
        margin = UNSURE * np.maximum(self._lengths[lines], np.abs(kth))
        self.limits[lines] = np.fmax(self.limits[lines], kth - margin)

    def add(self, lines: NDArray[np.int64], numbers: RowNumbers, scores: Scores) -> None:
        """Take in pairs of queries and rows with their scores, all of shape (p,)."""
        self._lines = np.concatenate([self._lines, lines])
        self._numbers = np.concatenate([self._numbers, numbers])
        self._scores = np.concatenate([self._scores, scores])
        most = self._spare(len(self.limits))
        if len(self._lines) > most:
            self._drop_passed()
        if len(self._lines) > most:
            self._drop_all_but_the_best()

    def best(self) -> tuple[Scores, RowNumbers]:
        """The k best of each query in their order: scores and row numbers, shape (q, k)."""
        shape = (len(self.limits), self.k)
        if len(self._lines) > SPARE * self.k * len(self.limits):
            self._drop_passed()
        self._drop_all_but_the_best()
        return self._scores.reshape(shape), self._numbers.reshape(shape)

    def _spare(self, queries: int) -> int:
        return max(SPARE * self.k * queries, LEAST_SPARE)

    def _drop_passed(self) -> None:
        """Raise the limits to the k-th best candidates, and drop those that do not reach them."""
        scores = np.where(np.isfinite(self._scores), self._scores, np.nan)
        order = np.lexsort((-scores, self._lines))
        starts = np.searchsorted(self._lines[order], np.arange(len(self.limits) + 1))
        enough = np.flatnonzero(np.diff(starts) >= self.k)
        self.raise_limits(enough, scores[order[starts[enough] + self.k - 1]])
        self._keep(np.flatnonzero(~(self._scores < self.limits[self._lines])))

    def _drop_all_but_the_best(self) -> None:
        """Score the candidates pair by pair and keep the k best of each query, in their order."""
        exact = pair_cosines(self._queries, self._rows, self._lines, self._numbers)
        exact[~np.isfinite(exact)] = np.nan
        self._scores = exact.astype(np.float32)
        order = np.lexsort((self._numbers, -exact, self._lines))
        lines = self._lines[order]
        place = np.arange(len(lines)) - np.searchsorted(lines, lines)
        self._keep(order[place < self.k])

    def _keep(self, which: NDArray[np.int64]) -> None:
        self._lines = self._lines[which]
        self._numbers = self._numbers[which]
        self._scores = self._scores[which]


def _kth_best(scores: Scores, k: int) -> Scores:
    """The k-th best of each line of at least k, where NaN is none and -inf says so: shape (p,)."""
    best = np.partition(scores, scores.shape[1] - k, axis=1)[:, -k:]
    if (best < np.inf).all():
        kth: Scores = best[:, 0]
        return kth
    return _kth_best(np.where(scores < np.inf, scores, -np.inf), k)
