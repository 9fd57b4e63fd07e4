"""The queries that an index is tuned on: texts and images, which are measured apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from searchengine.errors import InputError
from searchengine.index.types import Modality
from searchengine.spaces.space import Space
from searchengine.texts.everyday import everyday_texts
from searchengine.types import Vectors
from searchengine.vectors.file import Rows
from searchengine.vectors.scan import NO_ROW, RowNumbers
from searchengine.vectors.scan_torch import best_rows

LEAST_QUERIES = 20
"""Half of them choose and half report: agreement of 10 queries is right to about 5 points."""

LEAST_CAPTIONS = 200
"""Captions from which a library's own are asked, and not the list that is shipped."""

ENCODED_AT_A_TIME = 256
"""Texts that are encoded together."""

SEED = 5
"""Any; fixed so that two runs ask the same."""

EncodeTexts = Callable[[Sequence[str]], Vectors]


@dataclass(frozen=True, slots=True)
class QuerySet:
    """Queries of one modality, in no order."""

    modality: Modality
    vectors: Vectors
    """Shape (q, d)."""
    own: RowNumbers
    """The row that each is, shape (q,), which is no answer to it; -1 for texts."""
    source: str
    """Where they are from, in words."""

    def split(self) -> tuple[QuerySet, QuerySet]:
        """Every other one, which choose, and the others, which report."""
        first, second = (
            QuerySet(self.modality, self.vectors[start::2], self.own[start::2], self.source)
            for start in (0, 1)
        )
        return first, second


def text_queries(
    space: Space, texts: Sequence[str] | None, encode: EncodeTexts, most: int
) -> QuerySet:
    """Up to `most` texts: the given ones, else the library's captions, else the shipped list.

    Raises InputError where fewer than `LEAST_QUERIES` are given.
    """
    random = np.random.default_rng(SEED)
    if texts is None:
        captions, _ = space.catalog.caption_texts(space.info)
        if len(captions) >= LEAST_CAPTIONS:
            chosen = random.permutation(captions)[:most]
            stored = space.captions.read(space.catalog.caption_rows(space.info))
            return _text_set(stored[chosen].astype(np.float32), "captions of the library")
    given = list(dict.fromkeys(everyday_texts() if texts is None else texts))
    if len(given) < LEAST_QUERIES:
        raise InputError(
            f"{len(given)} different queries are too few to tune with; give {LEAST_QUERIES} or more"
        )
    asked = [given[number] for number in random.permutation(len(given))[:most]]
    parts = [
        encode(asked[start : start + ENCODED_AT_A_TIME])
        for start in range(0, len(asked), ENCODED_AT_A_TIME)
    ]
    source = "everyday queries that are shipped" if texts is None else "given queries"
    return _text_set(np.concatenate(parts), source)


def _text_set(vectors: Vectors, source: str) -> QuerySet:
    return QuerySet(Modality.TEXT, vectors, np.full(len(vectors), NO_ROW), source)


def image_queries(rows: Rows, alive: RowNumbers, most: int) -> QuerySet:
    """Up to `most` of the living rows, each of which asks for its neighbours."""
    chosen = np.random.default_rng(SEED).permutation(alive)[:most]
    vectors = rows[chosen].astype(np.float32)
    return QuerySet(Modality.IMAGE, vectors, chosen, "images of the library")


def exact_answers(
    rows: Rows, queries: QuerySet, k: int, alive: RowNumbers, *, device: str = "cpu"
) -> RowNumbers:
    """The k best of the living rows for each query but itself, shape (q, k), by an exact scan.

    There are more than k living rows.
    """
    among = None if len(alive) == len(rows) else alive
    _, found = best_rows(rows, queries.vectors, k + 1, among=among, device=device)
    return without_own(found, queries.own, k)


def without_own(found: RowNumbers, own: RowNumbers, k: int) -> RowNumbers:
    """The first k of each line of `found`, shape (q, more than k), that are not the query's own."""
    is_own = found == own[:, np.newaxis]
    return np.take_along_axis(found, np.argsort(is_own, axis=1, kind="stable"), axis=1)[:, :k]
