"""Ranking: from a query vector to hits, exact or through the index, filtered, always fresh."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import compress
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from searchengine.alignment.ranking import Texts, aligned
from searchengine.catalog.catalog import CatalogReads
from searchengine.errors import LibraryDamagedError
from searchengine.index.faiss_index import AnnIndex, DamagedIndexError
from searchengine.index.settings import captions_beside, setting_for, shortlist_size
from searchengine.index.types import Modality, Setting
from searchengine.relevance.bar import Bar, Strictness
from searchengine.relevance.ends import Ends
from searchengine.retrieval.hits import Hits, ranked_hits
from searchengine.spaces.space import Space
from searchengine.spaces.stacked import Stacks
from searchengine.stacks.folding import Listed, Ranked, first_kept, stacks_of
from searchengine.texts.beside import NOTHING, Beside
from searchengine.types import Filter, SpaceInfo, TextHit, Vectors
from searchengine.vectors.file import Rows, VectorFile
from searchengine.vectors.lengths import impossible_rows
from searchengine.vectors.rowset import RowSet
from searchengine.vectors.scan import RowNumbers, Scores, scan

Found = TypeVar("Found")

FEW_ROWS = 20_000
"""Rows that pass a filter up to which they are all scored: that takes some tens of milliseconds."""

PAGED_SHARE = 0.25
"""Share of a shortlist that is shown as it is ranked. Deeper ranks are taken from an exact scan:
near its end a shortlist says little."""


def rank_images(
    space: Space,
    now: CatalogReads,
    query: NDArray[np.float32],
    *,
    k: int,
    offset: int = 0,
    where: Filter | None = None,
    min_score: float | None = None,
    bar: Bar | None = None,
    matching: Strictness | None = None,
    exact: bool = False,
    modality: Modality | None = None,
    leave_out: Callable[[Listed], bool] | None = None,
    beside: Beside = NOTHING,
    fold: bool = False,
) -> Hits:
    """The images at ranks offset + 1 to offset + k for a unit query of shape (d,), as of a moment.

    There are k hits whenever k images pass the filter and `min_score`, and match, where `matching`
    asks for that: by the `bar`, which gives each a relevance, or by words that bring it first. What
    is `beside` the pictures counts with them. Without `exact`, a library large enough to have an
    index answers through it, as is set for the `modality` of the query, None being a mixed one: its
    shortlist is scored again exactly, and what it does not cover is scanned. Pages of the same k
    continue each other. Images that `leave_out` names are no hits: the next ones take their ranks.
    Rows whose length is not 1 are damaged and left out, and an index that answers what it cannot
    hold is passed by; both are said on the log. With `fold` each stack is one hit, its best-ranked
    image, which says whom else it stands for.
    """
    count = now.rows(space.info)
    rows = space.images.read_to_scan(count)
    living = space.living(now, count)
    space.hold_against_checksums(now, space.images, count, living.numbers)
    passing = _survivors(space, now, living, where, beside.only)

    captions = None if beside.captions is None else beside.captions.over(rows)
    of_words = modality is Modality.TEXT
    query, texts = aligned(space, rows, query, captions, of_words=of_words)

    stacks = space.stacks.to_fold(count) if fold else None
    page = k if stacks is None else stacks.rows_for(k)

    def scored(number: int, among: RowNumbers | None) -> Ranked:
        return _scored(rows, query, number, among, texts)

    def rank(number: int) -> Ranked:
        among = _sound(space.images, passing)
        first, rest = _tiers_first(number, beside.tiers, among, scored)
        return first if len(first) == number else first + rank_rest(number - len(first), rest)

    def rank_rest(number: int, rest: RowSet) -> Ranked:
        among = None if rest.is_every else rest
        index = None if exact or (among and among.size <= FEW_ROWS) else space.index(count)
        if index is not None:
            setting, offset = setting_for(index.facts, modality), number - page
            try:
                return rank_through(
                    index, rows, query, setting, k=page, offset=offset, among=among, texts=texts
                )
            except DamagedIndexError:
                space.give_up_index()
        return scored(number, _numbers(among))

    def first(number: int) -> Ranked:
        ranked = rank(number)
        if len(impossible_rows(rows.take([row for row, _ in ranked], axis=0))):
            space.images.look_through(count)
            ranked = rank(number)
        return ends.reached(ranked)

    ends = Ends(
        bar,
        matching,
        min_score,
        beside.tiers,
        nearest=lambda: rank_rest(1, _sound(space.images, living)),
        is_filtered=beside.only is not None or where not in (None, Filter()),
    )

    files_of = partial(_all_listed, space, now.files_of_rows)
    shown = first_kept(leave_out, first, files_of, offset + k, stacks)[offset:]
    images = _all_listed(space, now.images_of_rows, shown)
    hits = ranked_hits(shown, images, first_rank=offset + 1)
    hits[:] = [replace(hit, relevance=ends.relevance(hit.score)) for hit in hits]
    _say_stacks(hits, [row for row, _ in shown], stacks, space, now, passing)
    impossible = space.images.impossible
    if living[impossible[impossible < count]].any():
        space.say_what_is_left_out()
    return hits


def _say_stacks(
    hits: Hits,
    rows: Sequence[int],
    stacks: Stacks | None,
    space: Space,
    now: CatalogReads,
    among: RowSet,
) -> None:
    """Put into each hit, whose row is in `rows`, the others it stands for."""
    if stacks is None:
        return
    shown = [(row, hit.image) for row, hit in zip(rows, hits, strict=True)]
    found = stacks_of(shown, stacks, space.info, now, among)
    hits[:] = [replace(hit, stack=stack) for hit, stack in zip(hits, found, strict=True)]


def _all_listed(
    space: Space, listed: Callable[[SpaceInfo, Sequence[int]], dict[int, Found]], ranked: Ranked
) -> dict[int, Found]:
    """What is listed of each row. Raises LibraryDamagedError where one is not listed."""
    found = listed(space.info, [row for row, _ in ranked])
    for row, _ in ranked:
        if row not in found:
            raise LibraryDamagedError(space.library, f"row {row} is of an image that is not listed")
    return found


def rank_through(
    index: AnnIndex,
    rows: Rows | Vectors,
    query: NDArray[np.float32],
    setting: Setting,
    *,
    k: int,
    offset: int = 0,
    among: RowSet | None = None,
    texts: Texts | None = None,
) -> Ranked:
    """The first offset + k of `rows`, shape (n, d), that are in `among`, by way of the index.

    With `texts` the images of the nearest captions are candidates beside those of the index, and
    all scores are those of pictures and captions together.

    The shortlist depends on k and not on the offset, so that pages fit each other. Ranks beyond a
    part of it are the exact ones, less what was ranked before. Both parts are in order, of the
    scores and then of the rows. Together they need not be: what the shortlist missed was not on
    the pages before, and so comes after them, even with a better score.
    """
    wanted = offset + k
    setting = index.adjusted(setting, index.passing(among))
    size = shortlist_size(setting, k)
    tail = np.arange(index.covered, len(rows))
    if among is not None:
        tail = tail[among[tail]]
    found = np.unique(index.candidates(query, setting, size, among))  # twice where damaged
    likely = np.concatenate([found, tail])
    if texts is not None:
        likely = np.union1d(likely, texts.likely(captions_beside(size), among))
    certain = int(size * PAGED_SHARE)
    if wanted <= min(certain, len(likely)):
        return _scored(rows, query, wanted, likely, texts)
    first = _scored(rows, query, certain, likely, texts)
    before = {row for row, _ in first}
    every = _scored(rows, query, wanted, _numbers(among), texts)
    return (first + [pair for pair in every if pair[0] not in before])[:wanted]


def _scored(
    rows: Rows | Vectors,
    query: NDArray[np.float32],
    k: int,
    among: RowNumbers | None,
    texts: Texts | None = None,
) -> Ranked:
    if texts is not None:
        return texts.best(k, among)
    scores, numbers = scan(rows, query[np.newaxis], k, among=among)
    return list(zip(numbers[0].tolist(), _cosines(scores[0]), strict=True))


def _cosines(scores: Scores) -> list[float]:
    """Products of unit vectors, which rounding may carry beyond 1, as the cosines they are."""
    cosines: list[float] = scores.clip(-1, 1).tolist()
    return cosines


def _survivors(
    space: Space, now: CatalogReads, living: RowSet, where: Filter | None, only: RowNumbers | None
) -> RowSet:
    """Which rows may be hits: those that pass the filter, and are in `only` where that is given."""
    passing = living
    if where is not None and where != Filter():
        passing = space.passing(now, living.count, where)
    return passing if only is None else passing & RowSet.of(only, living.count)


def _sound(file: VectorFile, among: RowSet) -> RowSet:
    """Those of the rows in `among` that are not known to be damaged."""
    return among.without(file.impossible[file.impossible < among.count])


def _tiers_first(
    number: int,
    tiers: Sequence[RowNumbers],
    among: RowSet,
    scored: Callable[[int, RowNumbers | None], Ranked],
) -> tuple[Ranked, RowSet]:
    """The first `number` in `among` that are in a tier, and which rows are left."""
    ranked: Ranked = []
    for tier in tiers:
        ranked += scored(number - len(ranked), tier[among[tier]])
        among = among.without(tier)
    return ranked, among


def _numbers(among: RowSet | None) -> RowNumbers | None:
    return None if among is None else among.numbers()


def rank_texts(
    image: NDArray[np.float32], texts: Sequence[str], vectors: Vectors | Rows, *, k: int
) -> list[TextHit]:
    """The k best different texts for an image vector of shape (d,); `vectors` has shape (n, d)."""
    depth = 0
    best: dict[str, float] = {}
    while len(best) < k and depth < len(texts):  # many may be the same
        depth = min(len(texts), max(2 * k, 4 * depth))
        scores, numbers = scan(vectors, image[np.newaxis], depth)
        for number, score in zip(numbers[0].tolist(), _cosines(scores[0]), strict=True):
            best.setdefault(texts[number], score)
    found = list(best.items())[:k]
    return [TextHit(rank, score, text) for rank, (text, score) in enumerate(found, start=1)]


def nearest_captions(
    space: Space,
    now: CatalogReads,
    image: NDArray[np.float32],
    *,
    k: int,
    source: str | None = None,
) -> list[TextHit]:
    """The k best of the captions stored in the library, for an image vector of shape (d,).

    Those of a source, or of all but models.
    """
    numbers, texts = now.caption_texts(space.info, source)
    count = now.caption_rows(space.info)
    rows, damaged = space.captions.read(count), space.captions.look_through(count)
    space.hold_against_checksums(now, space.captions, count, lambda: numbers)
    sound = ~np.isin(numbers, damaged)
    if not sound.all():
        space.say_what_is_left_out()
        numbers, texts = numbers[sound], list(compress(texts, sound))
    return rank_texts(image, texts, rows[numbers], k=k)
