"""The approximate index of a space: FAISS's inverted files over the exact rows. The home of faiss.

The index is derived: it can be deleted at any time and covers the rows it was built on. Its answers
are a shortlist, scored again with the exact rows by `searchengine.retrieval.rank`. What to build,
and when, is decided in `plan.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from searchengine.errors import MissingExtraError
from searchengine.files import checksum_of
from searchengine.index.facts import index_path, read_facts
from searchengine.index.settings import setting_among, setting_for, shortlist_size
from searchengine.index.types import IndexFacts, Setting
from searchengine.types import Vectors
from searchengine.vectors.rowset import RowSet
from searchengine.vectors.scan import NO_ROW, RowNumbers

ENOUGH = 0.25
"""Share of the rows that the visited cells hold on average, below which a filtered query visits all
cells: what passes the filter then lies elsewhere."""


def load_faiss() -> Any:  # noqa: ANN401 - faiss is untyped
    """The module, imported late. Raises MissingExtraError where it is not installed."""
    try:
        import faiss
    except ImportError as error:
        raise MissingExtraError(
            "faiss is not installed, so large libraries are searched by scanning every vector",
            "cpu",
        ) from error
    return faiss


class DamagedIndexError(Exception):
    """The index answered what it cannot hold. Callers search exactly: it is only a cache."""


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
        self, queries: Vectors, k: int, nprobe: int, among: RowSet | None = None
    ) -> RowNumbers:
        """As `nearest`, visiting `nprobe` cells, of the rows in `among` where that is given.

        Raises DamagedIndexError.
        """
        faiss = load_faiss()
        limits: dict[str, Any] = {}
        if among is not None:
            limits["sel"] = faiss.IDSelectorBitmap(among.bits)
        parameters = faiss.SearchParametersIVF(nprobe=nprobe, **limits)
        if isinstance(self._index, faiss.IndexPreTransform):
            parameters = faiss.SearchParametersPreTransform(index_params=parameters)
        found: RowNumbers
        queries = np.ascontiguousarray(queries, dtype=np.float32)
        try:
            _, found = self._index.search(queries, k, params=parameters)
        except (RuntimeError, MemoryError, AssertionError) as error:
            raise DamagedIndexError(str(error)) from error
        if found.size and not NO_ROW <= found.min() <= found.max() < self.covered:
            raise DamagedIndexError("rows that are not there")
        return found

    def candidates(
        self, query: NDArray[np.float32], setting: Setting, size: int, among: RowSet | None = None
    ) -> RowNumbers:
        """Up to `size` row numbers worth scoring exactly for a query of shape (d,), in no order.

        `among` are the rows that may be found, for which `setting` was adjusted.
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

    def listed_rows(self) -> RowNumbers:
        """The numbers of the rows in it, as it has them, shape (listed,)."""
        faiss = load_faiss()
        lists = faiss.downcast_InvertedLists(inverted_file(self._index).invlists)
        found = [np.empty(0, dtype=np.int64)]
        for cell in range(lists.nlist):
            size = lists.list_size(cell)
            if size:
                found.append(faiss.rev_swig_ptr(lists.get_ids(cell), size).copy())
        return np.concatenate(found)

    def adjusted(self, setting: Setting, passing: int) -> Setting:
        """The setting for searching where so many rows may be found."""
        return setting_among(setting, self.facts.plan.cells, self.facts.listed, passing)

    def passing(self, among: RowSet | None) -> int:
        """How many rows in it may be found: those in `among` that it covers, or all."""
        return self.facts.listed if among is None else among.below(self.covered)

    def _look_up_one(
        self, query: NDArray[np.float32], k: int, nprobe: int, among: RowSet | None
    ) -> RowNumbers:
        found = self.look_up(query[np.newaxis], k, nprobe, among)[0]
        present: RowNumbers = found[found != NO_ROW]
        return present


def load(directory: Path, rows: int) -> AnnIndex | None:
    """The index in `directory`, mapped from disk, or None where there is none that can be used.

    An index that covers more than the `rows` of the catalog, or that cannot be read, is none.
    """
    facts = read_facts(directory)
    if facts is None or facts.covered > rows:
        return None
    index = read_index(index_path(directory, facts), mapped=True)
    if index is None or index.ntotal != facts.listed or index.d != facts.plan.dim:
        return None
    return AnnIndex(index, facts)


def fault_of(directory: Path, rows: int) -> str | None:
    """What is wrong with the index in `directory` where `rows` rows count; None where it is sound.

    Reads all of it: its checksum, and that it holds each row it lists once. Raises
    MissingExtraError without faiss.
    """
    facts = read_facts(directory)
    if facts is None:
        return "it does not fit what index.json says of it"
    if facts.crc is not None and checksum_of(index_path(directory, facts)) != facts.crc:
        return f"{facts.file} is not as it was written"
    index = load(directory, rows)
    if index is None:
        return f"{facts.file} cannot be read, or is of more rows than there are"
    if not _is_each_once(index.listed_rows(), facts.listed, rows):
        return f"{facts.file} holds rows twice, or rows that are not there"
    return None


def _is_each_once(listed: RowNumbers, count: int, rows: int) -> bool:
    """Whether they are `count` different ones of so many rows."""
    if len(listed) != count or not 0 <= listed.min() <= listed.max() < rows:
        return False
    found = np.zeros(rows, dtype=bool)  # sorting ten million takes ten seconds
    found[listed] = True
    return bool(np.count_nonzero(found) == count)


def inverted_file(index: Any) -> Any:  # noqa: ANN401 - faiss is untyped
    """The inverted file itself, behind OPQ or PCA. Raises RuntimeError where there is none."""
    faiss = load_faiss()
    inner = faiss.downcast_index(index.index) if hasattr(index, "chain") else index
    if not isinstance(inner, faiss.IndexIVF):
        raise RuntimeError("not an inverted file, or one that scores again by itself")
    return inner


def read_index(path: Path, *, mapped: bool) -> Any | None:  # noqa: ANN401
    """The FAISS index at `path`, or None where it is damaged.

    Mapped, a search reads only the cells it visits. FAISS would start up to 32 threads for every
    query to read ahead, which takes longer than the search: measured 3.3 ms against 0.5.
    """
    faiss = load_faiss()
    lists_beside = path.with_suffix(".ivfdata")
    flags = faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY if mapped else 0
    if lists_beside.exists():  # with IO_FLAG_MMAP the first search would crash (1.15)
        flags = faiss.IO_FLAG_READ_ONLY | faiss.IO_FLAG_SKIP_IVF_DATA
    try:
        index = faiss.read_index(str(path), flags)
        lists = faiss.downcast_InvertedLists(inverted_file(index).invlists)
        if lists_beside.exists():  # whatever the head says of where they are
            lists.filename = str(lists_beside)
            lists.do_mmap()
    except (RuntimeError, MemoryError):
        return None
    if hasattr(lists, "prefetch_nthread"):
        lists.prefetch_nthread = 0
    return index
