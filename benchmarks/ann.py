"""What an approximate index loses and how fast it is, for texts and for images, in one run.

    python -m benchmarks.ann --n 1000000 --dim 512

On vectors of `clouds.py`: the exact scan, IVF-PQ by its codes alone, the same scored again
untuned and tuned (as a search does it), optionally HNSW, and searches under filters. Everything
is asked one query at a time, as a person does. Settings are chosen on half of the queries and
measured on the other half.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.clouds import Clouds
from searchengine.devices import cuda_or_cpu
from searchengine.index import faiss_build, faiss_index
from searchengine.index.cells import cell_finder_on
from searchengine.index.faiss_index import AnnIndex
from searchengine.index.plan import force_plan, given_plan
from searchengine.index.settings import default_setting
from searchengine.index.types import Modality, Setting, TunedSetting
from searchengine.measures.agreement import agreement
from searchengine.retrieval.rank import FEW_ROWS, rank_through
from searchengine.tuning.choose import choose, milliseconds
from searchengine.tuning.queries import QuerySet, exact_answers, image_queries, without_own
from searchengine.tuning.tune import Bench, Trial, exact_row
from searchengine.vectors.file import Rows
from searchengine.vectors.rowset import RowSet
from searchengine.vectors.scan import NO_ROW, scan

SHARES = (1.0, 0.5, 0.1, 0.03, 0.01, 0.001, 0.0001)
"""Of the rows that pass a filter."""

FILTERED = 100
"""Queries for each filter."""

Answer = Callable[[np.ndarray, int], np.ndarray]
"""A query (d,) and k to row numbers, best first."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--queries", type=int, default=2_000, help="of each modality")
    parser.add_argument("--target", type=float, default=0.95)
    parser.add_argument("--factory", help="instead of the one clipseek chooses")
    parser.add_argument("--memory", type=float, help="most megabytes of the index")
    parser.add_argument("--device", default="auto", help="where cells and exact answers are found")
    parser.add_argument("--hnsw", action="store_true", help="also HNSW32 over float32 rows")
    parser.add_argument("--keep", type=Path, help="a directory for the vectors, to use them again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clipseek-") as place:
        _run(options, options.keep or Path(place), Path(place))


def _run(options: argparse.Namespace, vectors_at: Path, place: Path) -> None:
    world = Clouds(options.dim)
    rows = _vectors(world, options.n, vectors_at)
    bench = Bench(rows, np.arange(len(rows)), k=10, device=cuda_or_cpu(options.device))
    texts = world.texts(options.queries)
    sets = [
        QuerySet(Modality.TEXT, texts, np.full(len(texts), NO_ROW), "clouds"),
        image_queries(rows, bench.alive, options.queries),
    ]
    index = _build(options, rows, place)
    print(f"\n{'for':6} {'way':28} {'agreement@10':>12} {'p50 ms':>8} {'p99 ms':>8} {'bytes':>7}")
    settings = {queries.modality: _race(index, bench, queries, options) for queries in sets}
    if options.hnsw:
        _hnsw(bench, [queries.split()[1] for queries in sets], options.target)
    print(f"\n{'for':6} {'rows that pass':28} {'agreement@10':>12} {'p50 ms':>8}")
    for queries in sets:
        _filtered(index, bench, queries, settings[queries.modality])


def _vectors(world: Clouds, n: int, place: Path) -> Rows:
    place.mkdir(parents=True, exist_ok=True)
    file = place / f"clouds-{n}-{world.texts(1).shape[1]}.npy"
    if not file.exists():
        np.save(file, world.images(n))
    rows: Rows = np.load(file, mmap_mode="r")
    return rows


def _build(options: argparse.Namespace, rows: Rows, place: Path) -> AnnIndex:
    memory = None if options.memory is None else int(options.memory * 1e6)
    n, d = rows.shape
    plan = given_plan(options.factory, n, d) if options.factory else force_plan(n, d, memory)
    assert plan is not None, "too few rows to train an index on"
    facts = faiss_build.build(rows, plan, place, finder=cell_finder_on(options.device)).facts
    print(
        f"{plan.factory} over {n:,} x {d}: "
        f"built in {facts.build_seconds:.1f} s, {facts.bytes / facts.listed:.1f} bytes an image"
    )
    index = faiss_index.load(place, len(rows))
    assert index is not None
    return index


def _race(index: AnnIndex, bench: Bench, queries: QuerySet, options: argparse.Namespace) -> Setting:
    choosing, held_out = queries.split()
    exact = bench.answers(choosing)
    setting = choose(index, bench.rows, choosing, exact, bench.alive, options.target)
    trial = Trial(index, bench, held_out)
    tuned = trial.tuned(setting, options.target)
    untuned = trial.tuned(default_setting(index.facts.plan.cells), options.target)
    scanned = exact_row(bench, held_out)
    kind, size = queries.modality.value, index.facts.bytes / index.facts.listed
    width = bench.rows.itemsize * bench.rows.shape[1]
    _print(kind, "exact scan", 1.0, scanned.p50_ms, scanned.p99_ms, width)

    def by_codes(query: np.ndarray, k: int) -> np.ndarray:
        found: np.ndarray = index.look_up(query[np.newaxis], k, setting.nprobe)[0]
        return found

    _measure(kind, f"codes alone, nprobe {setting.nprobe}", by_codes, bench, held_out, size)
    for name, figures in (("untuned", untuned), ("tuned", tuned)):
        way = f"{name}, {figures.nprobe} and {figures.shortlist:,}"
        _print(kind, way, figures.agreement, figures.p50_ms, figures.p99_ms, size)
    _print_check(Trial(index, bench, choosing).tuned(setting, options.target), tuned)
    return setting


def _print_check(chosen_on: TunedSetting, held_out: TunedSetting) -> None:
    difference = chosen_on.agreement - held_out.agreement
    verdict = "holds" if abs(difference) <= 0.01 else "DOES NOT HOLD"
    print(
        f"       chosen at {chosen_on.agreement:.4f}, {held_out.agreement:.4f} on the other half: "
        f"{verdict} within 1 point"
    )


def _measure(
    kind: str, way: str, answer: Answer, bench: Bench, queries: QuerySet, size: float
) -> None:
    found = np.array([answer(query, bench.k + 1) for query in queries.vectors])
    shares = agreement(without_own(found, queries.own, bench.k), bench.answers(queries), bench.k)
    spent = milliseconds(lambda query: answer(query, bench.k), queries.vectors[:200])
    p50, p99 = np.percentile(spent, (50, 99))
    _print(kind, way, shares, p50, p99, size)


def _print(
    kind: str, way: str, shares: float, p50: float, p99: float = 0.0, size: float = 0.0
) -> None:
    end = f" {p99:8.2f} {size:7.1f}" if size else ""
    print(f"{kind:6} {way:28} {shares:12.4f} {p50:8.2f}{end}", flush=True)


def _hnsw(bench: Bench, sets: Sequence[QuerySet], target: float) -> None:
    """For each modality the first of a ladder of efforts that reaches the target."""
    import faiss

    d = bench.rows.shape[1]
    index: Any = faiss.index_factory(d, "HNSW32", faiss.METRIC_INNER_PRODUCT)
    started = time.perf_counter()
    for block in np.array_split(bench.rows, max(1, len(bench.rows) // 50_000)):
        index.add(block.astype(np.float32))
    print(f"       HNSW32 built in {time.perf_counter() - started:.1f} s")
    size = d * 4 + 2 * 32 * 4
    for queries in sets:
        exact = bench.answers(queries)
        for effort in (16, 32, 64, 128, 256, 512, 1024, 2048):
            index.hnsw.efSearch = effort
            _, found = index.search(queries.vectors, bench.k + 1)
            if agreement(without_own(found, queries.own, bench.k), exact, bench.k) >= target:
                break

        def answer(query: np.ndarray, k: int) -> np.ndarray:
            found: np.ndarray = index.search(query[np.newaxis], k)[1][0]
            return found

        _measure(queries.modality.value, f"HNSW32, effort {effort}", answer, bench, queries, size)


def _filtered(index: AnnIndex, bench: Bench, queries: QuerySet, setting: Setting) -> None:
    some = QuerySet(
        queries.modality, queries.vectors[:FILTERED], queries.own[:FILTERED], queries.source
    )
    for name, passing in _filters(bench.rows):
        if len(passing) <= bench.k:
            continue
        among = RowSet.of(passing, len(bench.rows))

        def answer(
            query: np.ndarray, k: int, passing: np.ndarray = passing, among: RowSet = among
        ) -> np.ndarray:
            if len(passing) <= FEW_ROWS:
                scanned: np.ndarray = scan(bench.rows, query[np.newaxis], k, among=passing)[1][0]
                return scanned
            ranked = rank_through(index, bench.rows, query, setting, k=k, among=among)
            return np.array([row for row, _ in ranked])

        found = np.array([answer(query, bench.k + 1) for query in some.vectors])
        exact = exact_answers(bench.rows, some, bench.k, passing)
        shares = agreement(without_own(found, some.own, bench.k), exact, bench.k)
        spent = milliseconds(partial(answer, k=bench.k), some.vectors)
        _print(queries.modality.value, name, shares, float(np.median(spent)))


def _filters(rows: Rows) -> Iterator[tuple[str, np.ndarray]]:
    """Rows that pass by chance, and rows that pass since they look like one of them."""
    n = len(rows)
    random = np.random.default_rng(8)
    like = scan(rows, rows[:1].astype(np.float32), n)[1][0]
    for share in SHARES:
        count = round(share * n)
        yield f"{100 * share:g} %, by chance", np.sort(random.choice(n, count, replace=False))
        if share < 1:
            yield f"{100 * share:g} %, alike", np.sort(like[:count])
            if share >= 0.1:
                yield f"{100 * share:g} %, unlike", np.sort(like[-count:])


if __name__ == "__main__":
    main()
