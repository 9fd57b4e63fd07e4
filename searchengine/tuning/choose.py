"""Choosing how to search an index: the quickest setting that finds enough."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from searchengine.index.faiss_index import AnnIndex
from searchengine.index.settings import shortlist_size
from searchengine.index.types import Setting
from searchengine.retrieval.rank import rank_through
from searchengine.tuning.queries import QuerySet
from searchengine.types import Vectors
from searchengine.vectors.file import Rows
from searchengine.vectors.rowset import RowSet
from searchengine.vectors.scan import RowNumbers

SHORTLISTS = (100, 200, 500, 1_000, 2_000, 5_000, 10_000)
"""The shortlists that are tried: the best is flat, so that steps of two will do."""

PROBES_PER_DOUBLING = 4
"""Numbers of cells tried between one and its double: the best is found to a fifth."""

SURE = 2.0
"""Standard errors of the mean by which the queries that choose must pass the target: 9 of 10 other
sets of queries then reach it too."""

NEGLIGIBLE = 0.001
"""Agreement that is given up for speed where the target cannot be reached."""

TIMED = 200
"""Queries that are timed where each is soon answered."""

Shares = NDArray[np.float64]


def choose(
    index: AnnIndex,
    rows: Rows,
    queries: QuerySet,
    exact: RowNumbers,
    alive: RowNumbers,
    target: float,
) -> Setting:
    """The quickest setting whose agreement with `exact`, shape (q, k), is surely the target.

    Surely: also less `SURE` standard errors, as other queries will have another mean. For each
    shortlist the fewest cells are found by bisection, since more cells find more; those that reach
    the target are timed. Where none does, the one that finds most.
    """
    validation = _ValidationSet(index, queries, exact, among_all(len(rows), alive))
    able = _able(validation, target)
    if not able:
        best = float(validation.shares(validation.probes[-1])[-1].mean())
        enough = bisect_left(
            validation.probes,
            True,
            key=lambda nprobe: bool(validation.shares(nprobe)[-1].mean() >= best - NEGLIGIBLE),
        )
        return Setting(validation.probes[enough], validation.shortlists[-1])
    if len(able) == 1:
        return able[0]
    speeds = [float(np.median(validation.milliseconds(rows, setting))) for setting in able]
    return able[int(np.argmin(speeds))]


def _able(validation: _ValidationSet, target: float) -> list[Setting]:
    """For each shortlist that can reach the target the fewest cells that do."""
    able: list[Setting] = []
    fewest = 0
    for place in reversed(range(len(validation.shortlists))):

        def reaches(nprobe: int, place: int = place) -> bool:
            shares = validation.shares(nprobe)[place]
            return bool(shares.mean() - SURE * shares.std() / np.sqrt(len(shares)) >= target)

        fewest = bisect_left(validation.probes, True, lo=fewest, key=reaches)
        if fewest == len(validation.probes):
            break
        able.append(Setting(validation.probes[fewest], validation.shortlists[place]))
    return able


class _ValidationSet:
    """What each setting finds for the queries that choose.

    One look-up of the longest shortlist tells what all shorter ones find: a row of the exact first
    k that is in the shortlist is ranked among the first k when it is scored exactly.
    """

    def __init__(
        self, index: AnnIndex, queries: QuerySet, exact: RowNumbers, among: RowSet | None
    ) -> None:
        self._index = index
        self._queries = queries
        self._exact = exact
        self._among = among
        self._reachable = index.passing(among)
        least = shortlist_size(Setting(1, 1), exact.shape[1])
        self.shortlists = sorted(
            {min(max(size, least), max(self._reachable, least)) for size in SHORTLISTS}
        )
        self.probes = probe_numbers(index.facts.plan.cells)
        self._known: dict[int, list[Shares]] = {}

    def shares(self, nprobe: int) -> list[Shares]:
        """For each shortlist the share of its first k that each query finds, shape (q,)."""
        if nprobe not in self._known:
            probes = self._index.adjusted(Setting(nprobe, 1), self._reachable).nprobe
            size = min(self.shortlists[-1], self._reachable)
            found = self._index.look_up(self._queries.vectors, size, probes, self._among)
            depth = depths(found, self._exact)
            depth[self._exact >= self._index.covered] = 0  # scanned by every search
            self._known[nprobe] = [(depth < size).mean(axis=1) for size in self.shortlists]
        return self._known[nprobe]

    def milliseconds(self, rows: Rows, setting: Setting) -> Shares:
        """The time that each of some queries takes, on a second round."""
        k = self._exact.shape[1]

        def rank(query: NDArray[np.float32]) -> object:
            return rank_through(self._index, rows, query, setting, k=k, among=self._among)

        return milliseconds(rank, self._queries.vectors[:TIMED])


def probe_numbers(cells: int) -> list[int]:
    """The numbers of cells that are tried, ascending, from one to all."""
    steps = int(np.ceil(PROBES_PER_DOUBLING * np.log2(cells)))
    powers = 2 ** (np.arange(steps) / PROBES_PER_DOUBLING)
    return sorted({*np.round(powers).astype(int).tolist(), cells})


def depths(found: RowNumbers, exact: RowNumbers) -> RowNumbers:
    """Where each of `exact`, shape (q, k), stands in its line of `found`, (q, m), from 0.

    The largest integer where it does not.
    """
    places = np.full(exact.shape, np.iinfo(np.int64).max)
    for line, wanted, place in zip(found, exact, places, strict=True):
        order = np.argsort(line, kind="stable")
        at = np.minimum(np.searchsorted(line, wanted, sorter=order), len(line) - 1)
        is_there = line[order[at]] == wanted
        place[is_there] = order[at][is_there]
    return places


def among_all(count: int, alive: RowNumbers) -> RowSet | None:
    """Which of so many rows are alive; None where all are."""
    return None if len(alive) == count else RowSet.of(alive, count)


def milliseconds(rank: Callable[[NDArray[np.float32]], object], queries: Vectors) -> Shares:
    """The time that each query takes, shape (q,), one after another.

    On a second round: what they read is then in memory.
    """
    for query in queries:
        rank(query)
    spent = np.empty(len(queries))
    for number, query in enumerate(queries):
        started = time.perf_counter()
        rank(query)
        spent[number] = 1e3 * (time.perf_counter() - started)
    return spent
