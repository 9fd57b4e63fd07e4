"""Text queries through the index that would serve them: what it loses, and how fast it is."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from searchengine.evaluation.results import SearchMethodRow
from searchengine.index import faiss_build, faiss_index
from searchengine.index.cells import cell_finder_on
from searchengine.index.facts import files
from searchengine.index.plan import EXACT_BELOW, LEAST_ROWS, force_plan
from searchengine.measures.agreement import agreement
from searchengine.measures.recall import Direction
from searchengine.types import Vectors
from searchengine.vectors.file import Rows
from searchengine.vectors.scan import RowNumbers, scan
from searchengine.vectors.scan_torch import best_rows

TIMED = 1_000
"""Queries that are timed one by one: enough for a 99th percentile of ten."""

THROUGH = ("exact", "index", "both")

EXACT, RESCORED, RAW = "exact", "index", "index, not re-scored"
"""The methods of search, as the table names them."""

Numbers = NDArray[np.int64]
Answer = Callable[[Vectors, int], RowNumbers]
"""Queries (q, d) and k to row numbers (q, k), best first; -1 where there are fewer."""


def measure_methods(
    gallery: Vectors,
    queries: Vectors,
    owners: Numbers,
    ks: Sequence[int],
    *,
    through: str,
    device: str = "cpu",
) -> tuple[SearchMethodRow, ...]:
    """Each method of search, with text queries (q, d) over the images of `gallery` (n, d).

    `owners`, shape (q,), is the relevant row of each query; `through` is one of `THROUGH`. The
    rows are rounded to float16, as a library stores them, and equal scores go in the order of the
    rows, as a search has them. Where there are too few images to train an index on, its lines are
    left out. `device` is where the exact answers are computed and the index is built; what is
    timed runs on the CPU, as a search does. Raises MissingExtraError where faiss is needed and not
    installed.
    """
    compared = _Comparison(gallery.astype(np.float16), queries, owners, ks, device)
    rows = []
    if through in ("exact", "both"):
        rows.append(compared.measure(EXACT, compared.scan, compared.exact, compared.width))
    plan = force_plan(*gallery.shape) if through in ("index", "both") else None
    if plan is None:
        return tuple(rows)
    with tempfile.TemporaryDirectory(prefix="clipseek-") as place:
        index = faiss_build.build(compared.rows, plan, Path(place), finder=cell_finder_on(device))
        size = sum(path.stat().st_size for path in files(Path(place))) / len(gallery)

        def rescore(asked: Vectors, k: int) -> RowNumbers:
            return compared.rescore(index, asked, k)

        found = rescore(queries, compared.depth)
        rows.append(compared.measure(RESCORED, rescore, found, size + compared.width))
        rows.append(
            compared.measure(RAW, index.nearest, index.nearest(queries, compared.depth), size)
        )
    return tuple(rows)


def caveats(through: str, images: int) -> list[str]:
    """What to know before reading the lines of an index over so many images, in sentences."""
    if through == EXACT:
        return []
    if images < LEAST_ROWS:
        return [
            f"An index needs {LEAST_ROWS} images to be trained on and there are {images:,}, so "
            "nothing is measured through one: add images with --distractors"
        ]
    if images < EXACT_BELOW:
        return [
            f"A library of fewer than {EXACT_BELOW:,} images is searched exactly, so the index "
            f"over these {images:,} is one that it would not use: to measure the one that serves, "
            "add images with --distractors"
        ]
    return []


def why_other_recall(measured: Direction, methods: Sequence[SearchMethodRow]) -> str | None:
    """Why the line of exact answers says another R@K than the protocol; None where it does not."""
    exact = next((row for row in methods if row.method == EXACT), None)
    if exact is None or exact.recall == measured.recall:
        return None
    return (
        "exact: R@K of rows in half precision, as a library stores them, where equal scores go in "
        "the order of the rows; above, scores are of full precision, and ties count as misses"
    )


class _Comparison:
    """One set of rows and queries, on which methods of search are compared."""

    def __init__(
        self, rows: Rows, queries: Vectors, owners: Numbers, ks: Sequence[int], device: str
    ) -> None:
        self.rows = rows
        self.width = rows.itemsize * rows.shape[1]
        """Bytes of a row."""
        self.depth = min(max(ks), len(rows))
        """Answers that are asked for."""
        self._queries = queries
        self._owners = owners
        self._ks = ks
        _, self.exact = best_rows(rows, queries, self.depth, device=device)

    def measure(
        self, method: str, answer: Answer, found: RowNumbers, bytes_per_image: float
    ) -> SearchMethodRow:
        """Judge what it found for every query, and ask some one by one for its speed."""
        seconds = _time(answer, self._queries[:TIMED], self.depth)
        right = found == self._owners[:, np.newaxis]
        return SearchMethodRow(
            method=method,
            direction="image_retrieval",
            recall={k: float(right[:, :k].any(axis=1).mean()) for k in self._ks},
            agreement={k: agreement(found, self.exact, k) for k in self._ks},
            queries_per_second=float(1 / seconds.mean()),
            p50_ms=float(np.percentile(seconds, 50) * 1e3),
            p99_ms=float(np.percentile(seconds, 99) * 1e3),
            bytes_per_image=bytes_per_image,
        )

    def scan(self, asked: Vectors, k: int) -> RowNumbers:
        """The k best rows by comparing with all of them."""
        return scan(self.rows, asked, k)[1]

    def rescore(self, index: faiss_index.AnnIndex, asked: Vectors, k: int) -> RowNumbers:
        """The k best rows of the index's shortlist, or of all where it is shorter than k.

        So does `searchengine.retrieval.rank`.
        """
        table = np.empty((len(asked), k), dtype=np.int64)
        for line, query in zip(table, asked, strict=True):
            one = query[np.newaxis]
            [likely] = index.shortlist(one, k)
            among = np.sort(likely) if len(likely) >= k else None
            [line[:]] = scan(self.rows, one, k, among=among)[1]
        return table


def _time(answer: Answer, queries: Vectors, k: int) -> NDArray[np.float64]:
    """Seconds of each query, asked one after another; the first is asked once before."""
    answer(queries[:1], k)
    seconds = np.empty(len(queries))
    for number in range(len(queries)):
        started = time.perf_counter()
        answer(queries[number : number + 1], k)
        seconds[number] = time.perf_counter() - started
    return seconds
