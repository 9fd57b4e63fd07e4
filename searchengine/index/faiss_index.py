"""The approximate index of a space: FAISS's inverted files over the exact rows. The home of faiss.

The index is derived: it can be deleted at any time and covers the rows it was built on. Its answers
are a shortlist, scored again with the exact rows by `engine.py`. What to build, and when, is
decided in `index_plan.py`.
"""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from searchengine.errors import InputError, LibraryUnusableError
from searchengine.index.cells import ON_CPU, Coarse
from searchengine.index.facts import facts_path, index_path, read_facts, write_facts
from searchengine.index.faiss_module import load_faiss as _faiss
from searchengine.index.plan import setting_among, setting_for, shortlist_size
from searchengine.index.types import IndexFacts, IndexPlan, Setting
from searchengine.types import Vectors
from searchengine.vectors.file import Rows
from searchengine.vectors.scan import BLOCK_ROWS, NO_ROW, RowNumbers, blocks

Mask = NDArray[np.bool_]
"""Which rows count, shape (n,)."""

ENOUGH = 0.25
"""Share of the rows that the visited cells hold on average, below which a filtered query visits all
cells: what passes the filter then lies elsewhere."""


class AnnIndex:
    """The index file of a space and what is known of it."""

    def __init__(self, index: Any, facts: IndexFacts) -> None:  # noqa: ANN401 - faiss is untyped
        self._index = index
        self.facts = facts

    @property
    def covered(self) -> int:
        """Rows 0 to `covered` - 1 are looked after; later ones are not in it."""
        return self.facts.covered

    def shortlist(self, queries: Vectors, k: int) -> list[RowNumbers]:
        """For each query, shape (q, d), the row numbers worth scoring exactly, in no order."""
        size = shortlist_size(setting_for(self.facts, None), k)
        found = self.nearest(queries, min(self.facts.listed, size))
        return [line[line != NO_ROW] for line in found]

    def nearest(self, queries: Vectors, k: int) -> RowNumbers:
        """The k best rows by the codes alone, shape (q, k), best first; -1 for none."""
        return self.look_up(queries, k, setting_for(self.facts, None).nprobe)

    def look_up(
        self, queries: Vectors, k: int, nprobe: int, among: Mask | None = None
    ) -> RowNumbers:
        """As `nearest`, visiting `nprobe` cells, of the rows in `among` where that is given."""
        faiss = _faiss()
        limits: dict[str, Any] = {}
        if among is not None:
            bits = np.packbits(among, bitorder="little")
            limits["sel"] = faiss.IDSelectorBitmap(bits)
        parameters = faiss.SearchParametersIVF(nprobe=nprobe, **limits)
        if isinstance(self._index, faiss.IndexPreTransform):
            parameters = faiss.SearchParametersPreTransform(index_params=parameters)
        found: RowNumbers
        queries = np.ascontiguousarray(queries, dtype=np.float32)
        _, found = self._index.search(queries, k, params=parameters)
        return found

    def candidates(
        self, query: NDArray[np.float32], setting: Setting, size: int, among: Mask | None = None
    ) -> RowNumbers:
        """Up to `size` row numbers worth scoring exactly for a query of shape (d,), in no order.

        `among`, shape (covered,), are the rows that may be found, for which `setting` was adjusted.
        Where the cells visited hold too few of those, all cells are.
        """
        passing = self.passing(among)
        size = min(size, passing)
        if size == 0:
            return np.empty(0, dtype=np.int64)
        cells = self.facts.plan.cells
        found = self._look_up_one(query, size, setting.nprobe, among)
        usual = ENOUGH * min(size, setting.nprobe * passing / cells)
        if among is not None and len(found) < usual and setting.nprobe < cells:
            found = self._look_up_one(query, size, cells, among)
        return found

    def adjusted(self, setting: Setting, passing: int) -> Setting:
        """The setting for searching where so many rows may be found."""
        return setting_among(setting, self.facts.plan.cells, self.facts.listed, passing)

    def passing(self, among: Mask | None) -> int:
        """How many rows in it may be found: those in `among`, shape (covered,), or all."""
        return self.facts.listed if among is None else int(np.count_nonzero(among))

    def _look_up_one(
        self, query: NDArray[np.float32], k: int, nprobe: int, among: Mask | None
    ) -> RowNumbers:
        found = self.look_up(query[np.newaxis], k, nprobe, among)[0]
        present: RowNumbers = found[found != NO_ROW]
        return present


def build(
    rows: Rows,
    plan: IndexPlan,
    directory: Path,
    *,
    dead: RowNumbers | None = None,
    coarse: Coarse = ON_CPU,
) -> AnnIndex:
    """Train and fill the index for `rows`, shape (n, d), and put it in `directory`.

    Rows in `dead` are left out. `coarse` finds the cells. Written beside and renamed: a crash
    leaves the old index or none.
    Raises MissingExtraError without faiss, InputError for a factory that FAISS does not make, and
    LibraryUnusableError where the file cannot be written.
    """
    started = time.perf_counter()
    index = _empty(plan)
    alive = np.setdiff1d(np.arange(len(rows)), [] if dead is None else dead, assume_unique=True)
    sample = np.random.default_rng(1).choice(alive, min(plan.training_rows, len(alive)), False)
    _train(index, rows[np.sort(sample)].astype(np.float32), coarse)
    _add(index, rows, alive, coarse)
    seconds = time.perf_counter() - started
    return _put(index, directory, IndexFacts(plan, len(rows), index.ntotal, 0, seconds))


def extend(
    rows: Rows, directory: Path, *, dead: RowNumbers, coarse: Coarse = ON_CPU
) -> AnnIndex | None:
    """Add the rows behind those that the index in `directory` covers, without training it anew.

    `rows` has shape (n, d). Tuned settings stay. None, and nothing done, where there is no index
    that can be read. `coarse` is as in `build`.
    """
    facts = read_facts(directory)
    index = None if facts is None else _read(directory, mapped=False)
    if facts is None or index is None or index.ntotal != facts.listed:
        return None
    fresh = np.setdiff1d(np.arange(facts.covered, len(rows)), dead, assume_unique=True)
    _add(index, rows, fresh, coarse)
    return _put(index, directory, replace(facts, covered=len(rows), listed=index.ntotal))


def load(directory: Path, rows: int) -> AnnIndex | None:
    """The index in `directory`, mapped from disk, or None where there is none that can be used.

    An index that covers more than the `rows` of the catalog, or that cannot be read, is none.
    """
    facts = read_facts(directory)
    if facts is None or facts.covered > rows:
        return None
    index = _read(directory, mapped=True)
    if index is None or index.ntotal != facts.listed or index.d != facts.plan.dim:
        return None
    return AnnIndex(index, facts)


def require_faiss() -> None:
    """Raises MissingExtraError where faiss is not installed."""
    _faiss()


def _empty(plan: IndexPlan) -> Any:  # noqa: ANN401 - faiss is untyped
    faiss = _faiss()
    try:
        index = faiss.index_factory(plan.dim, plan.factory, faiss.METRIC_INNER_PRODUCT)
        cells = _inverted(index)
    except RuntimeError as error:
        why = str(error).rsplit(": ", 1)[-1]
        raise InputError(f"FAISS makes no {plan.factory} of width {plan.dim}: {why}") from error
    cells.cp.seed = 1
    cells.cp.min_points_per_centroid = 1  # else it prints
    if hasattr(cells, "pq"):
        cells.pq.cp.min_points_per_centroid = 1
    return index


def _inverted(index: Any) -> Any:  # noqa: ANN401 - faiss is untyped
    """The inverted file itself, behind OPQ or PCA. Raises RuntimeError where there is none."""
    faiss = _faiss()
    inner = faiss.downcast_index(index.index) if hasattr(index, "chain") else index
    if not isinstance(inner, faiss.IndexIVF):
        raise RuntimeError("not an inverted file, or one that scores again by itself")
    return inner


def _train(index: Any, sample: Vectors, coarse: Coarse) -> None:  # noqa: ANN401
    """Train on a sample of shape (n, d); FAISS finds no cells where a quantizer has them all."""
    inner = _inverted(index)
    if _takes_cells(inner):
        vectors = _transformed(index, sample, train=True)
        inner.quantizer.add(coarse.centres(vectors, inner.nlist))
    index.train(sample)


def _add(index: Any, rows: Rows, numbers: RowNumbers, coarse: Coarse) -> None:  # noqa: ANN401
    from faiss.contrib.ivf_tools import add_preassigned

    inner = _inverted(index)
    centres = inner.quantizer.reconstruct_n(0, inner.nlist) if _takes_cells(inner) else None
    for some, block in blocks(rows, numbers, BLOCK_ROWS):
        vectors = block.astype(np.float32)
        if centres is None:
            index.add_with_ids(vectors, some)
            continue
        vectors = _transformed(index, vectors)
        add_preassigned(  # type: ignore[no-untyped-call]
            inner, vectors, coarse.assign(vectors, centres), some
        )
    index.ntotal = inner.ntotal


def _takes_cells(inner: Any) -> bool:  # noqa: ANN401
    """Whether vectors can be added to cells that somebody else chose.

    Fast-scan codes are packed by an adding of their own, and only a flat list of centres has them
    as they were given.
    """
    faiss = _faiss()
    plain = isinstance(inner, (faiss.IndexIVFPQ, faiss.IndexIVFFlat, faiss.IndexIVFScalarQuantizer))
    return plain and isinstance(faiss.downcast_index(inner.quantizer), faiss.IndexFlat)


def _transformed(index: Any, vectors: Vectors, *, train: bool = False) -> Vectors:  # noqa: ANN401
    """The vectors as the inverted file gets them: behind OPQ or PCA, where there is any."""
    faiss = _faiss()
    for number in range(index.chain.size() if hasattr(index, "chain") else 0):
        transform = faiss.downcast_VectorTransform(index.chain.at(number))
        if train:
            transform.train(vectors)
        vectors = transform.apply(vectors)
    return vectors


def _put(index: Any, directory: Path, facts: IndexFacts) -> AnnIndex:  # noqa: ANN401
    """Write the index and the facts about it, with the size the file then has.

    Between the two there is no index: never a wrong one.
    """
    faiss = _faiss()
    beside = index_path(directory).with_suffix(".faiss.new")
    try:
        faiss.write_index(index, str(beside))
    except RuntimeError as error:
        beside.unlink(missing_ok=True)
        raise LibraryUnusableError(directory, f"the index cannot be written ({error})") from error
    facts = replace(facts, bytes=beside.stat().st_size)
    facts_path(directory).unlink(missing_ok=True)
    os.replace(beside, index_path(directory))
    write_facts(directory, facts)
    return AnnIndex(index, facts)


def _read(directory: Path, *, mapped: bool) -> Any | None:  # noqa: ANN401
    """The FAISS index in `directory`, or None where it is damaged.

    Mapped, a search reads only the cells it visits. FAISS would start up to 32 threads for every
    query to read ahead, which takes longer than the search: measured 3.3 ms against 0.5.
    """
    faiss = _faiss()
    flags = faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY if mapped else 0
    try:
        index = faiss.read_index(str(index_path(directory)), flags)
        lists = faiss.downcast_InvertedLists(_inverted(index).invlists)
    except RuntimeError:
        return None
    if hasattr(lists, "prefetch_nthread"):
        lists.prefetch_nthread = 0
    return index
