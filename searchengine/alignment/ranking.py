"""Ranking with biases: as exact as without, from scans that know nothing of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from searchengine.spaces.space import Space
from searchengine.types import Vectors
from searchengine.vectors.file import Rows
from searchengine.vectors.rowset import RowSet
from searchengine.vectors.scan import RowNumbers, scan

if TYPE_CHECKING:
    from searchengine.alignment.kept import Alignment

FILE = "alignment.safetensors"
"""In the directory of a space."""

Ranked: TypeAlias = list[tuple[int, float]]
"""Row numbers and scores, best first."""

DEEPER = 4
"""Times as many are looked at where the first are not enough to be sure of."""


class Texts(Protocol):
    """What is searched beside the pictures: see `searchengine.texts.ranking.Captioned`."""

    def best(self, k: int, among: RowNumbers | None) -> Ranked:
        """The k best of the rows in `among`, all where it is None."""

    def likely(self, size: int, among: RowSet | None) -> RowNumbers:
        """Rows that the index may not name, ascending."""

    def beside(self, pictures: NDArray[np.float32]) -> Texts:
        """The same with pictures compared with another unit vector, shape (d,)."""


def aligned(
    space: Space,
    rows: Rows | Vectors,
    query: NDArray[np.float32],
    texts: Texts | None,
    *,
    of_words: bool,
) -> tuple[NDArray[np.float32], Texts | None]:
    """What pictures are compared with, and with what beside, by what captions have taught.

    Only queries `of_words` are changed by it, and only where an alignment was kept.
    """
    if not (of_words and (space.directory / FILE).exists()):
        return query, texts
    from searchengine.alignment.kept import read_alignment

    alignment = read_alignment(space.info, space.directory, space.tied)
    if alignment is None:
        return query, texts
    moved = alignment.query(query)
    beside = None if texts is None else texts.beside(moved)
    return moved, Aligned(rows, moved, beside, alignment)


@dataclass(frozen=True, slots=True, eq=False)
class Aligned:
    """The rows of a space, and what is beside them, for one text query and an alignment."""

    rows: Rows | Vectors
    query: NDArray[np.float32]
    """What pictures are compared with: a unit vector, shape (d,)."""
    texts: Texts | None
    alignment: Alignment

    def best(self, k: int, among: RowNumbers | None) -> Ranked:
        """The k best of the rows in `among` by score less bias; equal ones by row.

        More than k are scanned, until none beyond them could rise among the k best: what was
        scanned last, raised as much as any image is, is still below the k-th.
        """
        if k == 0:
            return []
        size = DEEPER * k
        while True:
            scanned = self._plain(size, among)
            rows = np.array([row for row, _ in scanned], dtype=np.int64)
            plain = np.array([score for _, score in scanned], dtype=np.float64)
            scores: NDArray[np.float64] = (plain - self.alignment.lowered(rows)).clip(-1, 1)
            order = np.lexsort((rows, -scores))[:k]
            is_all = len(scanned) < size
            if is_all or scores[order[-1]] > plain[-1] + self.alignment.most_raised:
                best = scores[order].astype(np.float32).tolist()
                return list(zip(rows[order].tolist(), best, strict=True))
            size *= DEEPER

    def likely(self, size: int, among: RowSet | None) -> RowNumbers:
        """Rows that the index may not name, ascending."""
        if self.texts is None:
            return np.empty(0, dtype=np.int64)
        return self.texts.likely(size, among)

    def beside(self, pictures: NDArray[np.float32]) -> Aligned:
        """The same with pictures compared with another unit vector, shape (d,)."""
        texts = None if self.texts is None else self.texts.beside(pictures)
        return replace(self, query=pictures, texts=texts)

    def _plain(self, size: int, among: RowNumbers | None) -> Ranked:
        if self.texts is not None:
            return self.texts.best(size, among)
        scores, numbers = scan(self.rows, self.query[np.newaxis], size, among=among)
        return list(zip(numbers[0].tolist(), scores[0].tolist(), strict=True))
