"""Hits where each stack is one: its best-ranked image stands for the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from searchengine.catalog.catalog import CatalogReads
from searchengine.spaces.stacked import ALONE, Stacks
from searchengine.types import ImageRecord, Likeness, SpaceInfo, Stacked
from searchengine.vectors.rowset import RowSet

MOST_LEFT_OUT = 1_000
"""Images that are left out for others to take their place: beyond, a drive is not mounted."""

Listed = tuple[int, str, bytes]
"""Id, path and content hash of an image."""

Ranked = list[tuple[int, float]]
"""Row numbers and scores, best first."""


def first_kept(
    leave_out: Callable[[Listed], bool] | None,
    first: Callable[[int], Ranked],
    files_of: Callable[[Ranked], dict[int, Listed]],
    wanted: int,
    stacks: Stacks | None = None,
) -> Ranked:
    """The first `wanted` that are not left out.

    `files_of` says what they are, by row. With `stacks` those that are of the moment of one before
    them are left out too. Counted from the first rank on, also for a later page, so that pages stay
    disjoint.
    """
    more = 0 if stacks is None else stacks.rows_for(wanted) - wanted
    left_out: dict[int, bool] = {}
    while True:
        ranked = first(wanted + more)
        no_more = len(ranked) < wanted + more
        kept, shown = ranked, folded(ranked, stacks)
        if leave_out is not None and any(_look_at(shown[:wanted], leave_out, files_of, left_out)):
            are_out = _look_at(ranked, leave_out, files_of, left_out)
            kept = [pair for pair, is_out in zip(ranked, are_out, strict=True) if not is_out]
            shown = folded(kept, stacks)
        most = MOST_LEFT_OUT + len(kept) - len(shown)
        if len(shown) >= wanted or no_more or more >= most:
            return shown[:wanted]
        likely = wanted * len(ranked) // max(1, len(shown)) if stacks else 0
        more = min(max(len(ranked) - len(shown), 2 * more, likely), most)


def _look_at(
    ranked: Ranked,
    leave_out: Callable[[Listed], bool],
    files_of: Callable[[Ranked], dict[int, Listed]],
    left_out: dict[int, bool],
) -> list[bool]:
    """Whether each is left out. What `left_out` says of rows holds; the others are added to it."""
    unknown = [pair for pair in ranked if pair[0] not in left_out]
    if unknown:
        files = files_of(unknown)
        left_out.update((row, leave_out(files[row])) for row, _ in unknown)
    return [left_out[row] for row, _ in ranked]


def folded(ranked: Ranked, stacks: Stacks | None) -> Ranked:
    """Those that are of another moment than all before them."""
    if stacks is None:
        return ranked
    labels = stacks.moments_of(np.array([row for row, _ in ranked], dtype=np.int64)).tolist()
    seen: set[int] = set()
    kept = []
    for pair, label in zip(ranked, labels, strict=True):
        if label == ALONE or label not in seen:
            seen.add(label)
            kept.append(pair)
    return kept


def stacks_of(
    shown: Sequence[tuple[int, ImageRecord]],
    stacks: Stacks,
    space: SpaceInfo,
    now: CatalogReads,
    among: RowSet,
) -> list[tuple[Stacked, ...]]:
    """For each row and its image the others of its moment that are in `among`, copies first."""
    rows = np.array([row for row, _ in shown], dtype=np.int64)
    together = [stacks.of_moment(label) for label in stacks.moments_of(rows).tolist()]
    together = [some[some != row] for row, some in zip(rows.tolist(), together, strict=True)]
    together = [some[among[some]] for some in together]
    images = now.files_of_rows(space, np.concatenate([rows[:0], *together]).tolist())
    labels = stacks.copies_of(rows).tolist()
    found = []
    for (_, image), label, some in zip(shown, labels, together, strict=True):
        by_likeness: dict[Likeness, list[Stacked]] = {likeness: [] for likeness in Likeness}
        for other, other_label in zip(some.tolist(), stacks.copies_of(some).tolist(), strict=True):
            if other in images:
                number, path, content = images[other]
                likeness = likeness_of(image.content_hash, label, content, other_label)
                by_likeness[likeness].append(Stacked(number, path, likeness))
        found.append(tuple(each for some in by_likeness.values() for each in some))
    return found


def likeness_of(one: bytes, label: int, other: bytes, other_label: int) -> Likeness:
    """What two images of one moment have in common, by content hashes and labels of copies."""
    if one == other:
        return Likeness.EXACT
    return Likeness.NEAR if label == other_label != ALONE else Likeness.MOMENT
