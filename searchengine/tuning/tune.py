"""Tuning: the quickest way to search an index that still finds what an exact scan finds."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from searchengine.devices import cuda_or_cpu
from searchengine.errors import InputError
from searchengine.index.faiss_index import AnnIndex
from searchengine.index.plan import EXACT_BELOW
from searchengine.index.settings import default_setting
from searchengine.index.types import Modality, Setting, TunedSetting
from searchengine.measures.agreement import agreement
from searchengine.retrieval.rank import rank_through
from searchengine.spaces.space import Space
from searchengine.tuning.choose import TIMED, among_all, choose, milliseconds
from searchengine.tuning.queries import (
    EncodeTexts,
    QuerySet,
    exact_answers,
    image_queries,
    text_queries,
    without_own,
)
from searchengine.vectors.file import Rows
from searchengine.vectors.scan import NO_ROW, RowNumbers, scan

QUERIES = 2_000
"""Queries of each modality, half of them to report on. Agreement then has a standard error of about
0.3 points, so that the two parts differ by less than one."""

TIMED_EXACT = 20
"""Queries that are timed where each is a scan of a large library."""

log = logging.getLogger("clipseek")


@dataclass(frozen=True, slots=True)
class TuneRow:
    """One way to search for one modality, measured on queries that chose nothing."""

    modality: str
    """"text" or "image"."""
    way: str
    """"exact scan", "index, untuned" or "index, tuned"."""
    agreement: float
    """Mean share of the exact first k that it finds, in [0, 1]."""
    p50_ms: float
    """Median time to rank one query, without encoding it and without reading the catalog."""
    p99_ms: float
    bytes_per_image: float
    """Of the index; the vectors are not in it."""
    nprobe: int | None
    shortlist: int | None
    queries: int
    source: str


@dataclass(frozen=True, slots=True)
class TuneReport:
    """What was measured, and whether the target is reached."""

    space: str
    images: int
    k: int
    target: float
    factory: str | None
    """None where the exact scan serves, and nothing was tuned."""
    build_seconds: float | None
    reached: bool
    """Whether both settings reach the target on queries that they were not chosen on."""
    rows: tuple[TuneRow, ...]


@dataclass(frozen=True, slots=True)
class Bench:
    """What is searched."""

    rows: Rows
    alive: RowNumbers
    """The rows that may be found, ascending; more than k."""
    k: int
    device: str = "cpu"
    """Where exact answers are computed."""

    def answers(self, queries: QuerySet) -> RowNumbers:
        """The exact first k for each query, shape (q, k)."""
        return exact_answers(self.rows, queries, self.k, self.alive, device=self.device)


def tune_space(
    space: Space,
    encode: EncodeTexts,
    *,
    target: float,
    k: int,
    texts: Sequence[str] | None,
    memory: int | None,
    factory: str | None,
    device: str,
) -> TuneReport:
    """Build the index where one is wanted, find its settings, keep them beside it, and report.

    For text queries and for image queries apart: the quickest settings whose agreement@k with the
    exact answers is the `target`; what is reported was measured on queries that chose nothing.
    Where the exact scan serves, that is what is reported. The caller holds the library's lock.
    `texts`, `memory`, `factory` and `device` are as in `Library.tune`. Raises InputError,
    LibraryUnusableError, DeviceUnavailableError, and MissingExtraError without faiss.
    """
    if not 0 < target <= 1 or k < 1:
        raise InputError(f"the target is in (0, 1] and k at least 1, not {target:g} and {k}")
    space.refresh_index(memory=memory, factory=factory, device=device)
    rows = space.images.read(space.catalog.rows(space.info))
    alive = np.setdiff1d(np.arange(len(rows)), space.catalog.dead_rows(space.info))
    alive = np.setdiff1d(alive, space.images.look_through(len(rows)))
    if len(alive) <= k:
        raise InputError(f"{len(alive):,} images are too few to find the first {k} among them")
    index = space.index(len(rows))
    scanned = index is None and device == "auto"
    bench = Bench(rows, alive, k, "cpu" if scanned else cuda_or_cpu(device))
    most = TIMED if index is None else QUERIES
    sets = [text_queries(space, texts, encode, most), image_queries(rows, alive, most)]
    if index is None:
        table = tuple(exact_row(bench, queries) for queries in sets)
        return TuneReport(space.info.name, len(alive), k, target, None, None, True, table)
    return _tune(space, index, bench, sets, target)


def _tune(
    space: Space, index: AnnIndex, bench: Bench, sets: Sequence[QuerySet], target: float
) -> TuneReport:
    table: list[TuneRow] = []
    tuned: dict[Modality, TunedSetting] = {}
    untuned = default_setting(index.facts.plan.cells)
    for queries in sets:
        log.warning("tuning for %s queries, on %s", queries.modality.value, queries.source)
        choosing, held_out = queries.split()
        setting = choose(index, bench.rows, choosing, bench.answers(choosing), bench.alive, target)
        trial = Trial(index, bench, held_out)
        best = tuned[queries.modality] = trial.tuned(setting, target)
        table.append(exact_row(bench, held_out))
        table.append(trial.row("index, untuned", trial.tuned(untuned, target)))
        table.append(trial.row("index, tuned", best))
    space.save_tuned(tuned[Modality.TEXT], tuned[Modality.IMAGE])
    return TuneReport(
        space=space.info.name,
        images=len(bench.alive),
        k=bench.k,
        target=target,
        factory=index.facts.plan.factory,
        build_seconds=index.facts.build_seconds,
        reached=all(best.reached for best in tuned.values()),
        rows=tuple(table),
    )


class Trial:
    """The index asked the queries that chose nothing, as a search asks it."""

    def __init__(self, index: AnnIndex, bench: Bench, queries: QuerySet) -> None:
        self._index = index
        self._bench = bench
        self._queries = queries
        self._exact = bench.answers(queries)
        self._among = among_all(len(bench.rows), bench.alive)

    def tuned(self, setting: Setting, target: float) -> TunedSetting:
        """What the setting finds, and how soon."""
        k = self._bench.k
        found = np.full((len(self._exact), k + 1), NO_ROW, dtype=np.int64)

        def rank(query: NDArray[np.float32], more: int = 0) -> list[int]:
            ranked = rank_through(
                self._index, self._bench.rows, query, setting, k=k + more, among=self._among
            )
            return [row for row, _ in ranked]

        for line, query in zip(found, self._queries.vectors, strict=True):
            answer = rank(query, more=1)  # a row finds itself, which does not count
            line[: len(answer)] = answer
        seconds = milliseconds(rank, self._queries.vectors[:TIMED])
        return TunedSetting(
            nprobe=setting.nprobe,
            shortlist=setting.shortlist,
            k=k,
            target=target,
            agreement=agreement(without_own(found, self._queries.own, k), self._exact, k),
            p50_ms=float(np.percentile(seconds, 50)),
            p99_ms=float(np.percentile(seconds, 99)),
            queries=len(found),
            source=self._queries.source,
            rows=len(self._bench.rows),
        )

    def row(self, way: str, tuned: TunedSetting) -> TuneRow:
        """The line of the table for a way to search that was measured."""
        facts = self._index.facts
        return TuneRow(
            modality=self._queries.modality.value,
            way=way,
            agreement=tuned.agreement,
            p50_ms=tuned.p50_ms,
            p99_ms=tuned.p99_ms,
            bytes_per_image=facts.bytes / facts.listed,
            nprobe=tuned.nprobe,
            shortlist=tuned.shortlist,
            queries=tuned.queries,
            source=tuned.source,
        )


def exact_row(bench: Bench, queries: QuerySet) -> TuneRow:
    """The line of the table for the exact scan."""
    among = None if len(bench.alive) == len(bench.rows) else bench.alive
    timed = TIMED if len(bench.alive) < EXACT_BELOW else TIMED_EXACT
    asked = queries.vectors[:timed]

    def rank(query: NDArray[np.float32]) -> object:
        return scan(bench.rows, query[np.newaxis], bench.k, among=among)

    spent = milliseconds(rank, asked)
    return TuneRow(
        modality=queries.modality.value,
        way="exact scan",
        agreement=1.0,
        p50_ms=float(np.percentile(spent, 50)),
        p99_ms=float(np.percentile(spent, 99)),
        bytes_per_image=0.0,
        nprobe=None,
        shortlist=None,
        queries=len(asked),
        source=queries.source,
    )
