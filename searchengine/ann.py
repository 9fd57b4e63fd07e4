"""The approximate index of a space: FAISS IVF-PQ, a cache over the exact rows. The home of faiss.

The index is derived: it can be deleted at any time and covers the rows it was built on. Its answers
are a shortlist, re-scored with the exact rows by `engine.py`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from searchengine.errors import MissingExtraError
from searchengine.exact import BLOCK_ROWS, NO_ROW, RowNumbers
from searchengine.types import Vectors
from searchengine.vectors import Rows

EXACT_BELOW = 100_000
"""Rows below which an exact scan answers in some tens of milliseconds, and no index is built."""

REBUILD_TAIL = 0.25
"""Share of rows outside the index from which it is built anew; until then they are scanned."""

TRAIN_PER_CELL = 40
"""Training vectors per IVF cell: FAISS warns below 39."""

TRAIN_FOR_CODES = 39 * 256
"""Training vectors for codes of one byte: again FAISS warns below."""

PROBED_SHARE = 1 / 16
"""Share of the cells that a query visits. Measured on text queries at one million rows: 256 of
4,096 cells with a shortlist of 1,000 agree with the exact top 10 in 92 of 100 places."""

SHORTLIST = 1_000
"""Rows that are re-scored exactly, at least; ten times k where that is more."""


@dataclass(frozen=True, slots=True)
class IndexPlan:
    """What to build, decided from the number and width of the rows alone."""

    factory: str
    cells: int
    training_rows: int


LEAST_ROWS = 256
"""Rows below which there is no index at all: codes of one byte have 256 values to train."""


def plan_index(n: int, d: int) -> IndexPlan | None:
    """The index for n rows of width d, or None where the exact scan is better."""
    return None if n < EXACT_BELOW else force_plan(n, d)


def force_plan(n: int, d: int) -> IndexPlan | None:
    """An index for n rows of width d even where the exact scan is better; None below `LEAST_ROWS`.

    Cells grow with the square root of n, as FAISS's guidelines have it ("Guidelines to choose an
    index", FAISS wiki), as long as each has rows to train on; codes take one byte for 8
    dimensions. "np" leaves out polysemous training, which costs much and buys nothing here.
    """
    if n < LEAST_ROWS:
        return None
    cells = 2 ** int(np.log2(min(4 * np.sqrt(n), n / TRAIN_PER_CELL)))
    codes = next(m for m in (d // 8, d // 4, d // 2, 1) if m > 0 and d % m == 0)
    return IndexPlan(
        factory=f"IVF{cells},PQ{codes}np",
        cells=cells,
        training_rows=min(n, max(TRAIN_PER_CELL * cells, TRAIN_FOR_CODES)),
    )


def needs_build(n: int, covered: int) -> bool:
    """Whether n rows want an index that the one covering `covered` rows is not."""
    return n >= EXACT_BELOW and n - covered > REBUILD_TAIL * n


class AnnIndex:
    """The index file of a space and what it covers: rows 0 to `covered` - 1."""

    def __init__(self, index: Any, covered: int) -> None:  # noqa: ANN401 - faiss is untyped
        self._index = index
        self.covered = covered

    def shortlist(self, queries: Vectors, k: int) -> list[RowNumbers]:
        """For each query, shape (q, d), the row numbers worth scoring exactly, in no order."""
        found = self.nearest(queries, min(self.covered, max(SHORTLIST, 10 * k)))
        return [line[line != NO_ROW] for line in found]

    def nearest(self, queries: Vectors, k: int) -> RowNumbers:
        """The k best rows by the codes alone, shape (q, k), best first; -1 for none."""
        faiss = _faiss()
        probed = max(1, round(self._index.nlist * PROBED_SHARE))
        found: RowNumbers
        _, found = self._index.search(
            np.ascontiguousarray(queries, dtype=np.float32),
            k,
            params=faiss.SearchParametersIVF(nprobe=probed),
        )
        return found


def build(rows: Rows, plan: IndexPlan, directory: Path) -> AnnIndex:
    """Train and fill the index for `rows`, shape (n, d), and put it in `directory`.

    Written beside and renamed: a crash leaves the old index or none. Raises MissingExtraError
    without faiss.
    """
    faiss = _faiss()
    index = faiss.index_factory(rows.shape[1], plan.factory, faiss.METRIC_INNER_PRODUCT)
    index.cp.seed = 1
    index.cp.min_points_per_centroid = index.pq.cp.min_points_per_centroid = 1  # else it prints
    chosen = np.sort(np.random.default_rng(1).choice(len(rows), plan.training_rows, replace=False))
    index.train(rows[chosen].astype(np.float32))
    for start in range(0, len(rows), BLOCK_ROWS):
        index.add(rows[start : start + BLOCK_ROWS].astype(np.float32))
    faiss.write_index(index, str(_index_path(directory).with_suffix(".new")))
    _facts_path(directory).unlink(missing_ok=True)
    os.replace(_index_path(directory).with_suffix(".new"), _index_path(directory))
    beside = _facts_path(directory).with_suffix(".new")
    beside.write_text(json.dumps({"covered": len(rows), **asdict(plan)}), encoding="utf-8")
    os.replace(beside, _facts_path(directory))
    return AnnIndex(index, len(rows))


def load(directory: Path, rows: int) -> AnnIndex | None:
    """The index in `directory`, mapped from disk, or None where there is none that can be used.

    An index that covers more than the `rows` of the catalog, or that cannot be read, is none.
    """
    covered = covered_rows(directory)
    if covered == 0 or covered > rows:
        return None
    faiss = _faiss()
    try:
        index = faiss.read_index(
            str(_index_path(directory)), faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY
        )
    except RuntimeError:
        return None
    return AnnIndex(index, covered) if index.ntotal == covered else None


def covered_rows(directory: Path) -> int:
    """How many rows the index in `directory` says it covers; 0 where there is none."""
    try:
        return int(json.loads(_facts_path(directory).read_text(encoding="utf-8"))["covered"])
    except (OSError, ValueError, KeyError):
        return 0


def files(directory: Path) -> Sequence[Path]:
    """The files of the index in `directory`."""
    return [_index_path(directory), _facts_path(directory)]


def require_faiss() -> None:
    """Raises MissingExtraError where faiss is not installed."""
    _faiss()


def _index_path(directory: Path) -> Path:
    return directory / "index.faiss"


def _facts_path(directory: Path) -> Path:
    return directory / "index.json"


def _faiss() -> Any:  # noqa: ANN401 - faiss is untyped
    try:
        import faiss
    except ImportError as error:
        raise MissingExtraError(
            "faiss is not installed, so large libraries are searched by scanning every vector",
            "cpu",
        ) from error
    return faiss
