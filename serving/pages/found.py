"""The pictures of one page: ranked, put in another order, or looked through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from searchengine.retrieval.hints import notes_on
from searchengine.retrieval.hits import Hits, Order
from searchengine.retrieval.terms import parse_text
from serving.asking.looking import look_through
from serving.pages.matches import parted, said_of_matches
from serving.pages.timeline import Month, by_days, months_of
from serving.pages.view import ORDERS, Tile, pictures, status_of, tile_of, tiles_of
from serving.question import Question
from serving.service import LibraryService

SORTED = 1_000
"""Hits that are put in an order other than their rank's, the nearest ones."""


@dataclass(frozen=True, slots=True)
class Found:
    """A page of hits."""

    tiles: list[Tile] = field(default_factory=list)
    said: str = ""
    """How many there are, in a line."""
    notes: list[str] = field(default_factory=list)
    """What is said beside them."""
    is_corrected: bool = False
    """Whether words were put right."""
    total: int = 0
    """How many can be looked through, page by page."""
    months: Sequence[tuple[Month, int]] = ()
    """How many are of each month, latest first, where they are in the order of dates."""


async def find(
    service: LibraryService, question: Question, offset: int, total: int, page: int
) -> Found:
    """So many pictures from `offset` on; `total` pass the filter. Raises as the service does."""
    if not question.asks:
        return await _looked_through(service, question, offset, total, page)
    if question.order is not Order.RELEVANCE:
        return await _in_order(service, question, offset, total, page)
    before = min(offset, 1)  # the hit on the page before, which says whether matches end there
    hits = await service.search(question, k=page + 1, offset=offset - before)
    shown = hits[before : before + page]
    tiles = tiles_of(question, shown, hits.corrections)
    tiles = parted(tiles, shown, hits[0] if before and hits else None)
    said = said_of_matches(shown, offset, page, pictures(total))
    return Found(
        tiles=tiles,
        said=said or status_of(question, total, offset, tiles, page),
        notes=_notes(question, hits),
        is_corrected=bool(hits.corrections),
        total=total,
    )


async def _looked_through(
    service: LibraryService, question: Question, offset: int, total: int, page: int
) -> Found:
    before = min(offset, 1)
    found = await service.ask(
        look_through, question.where, question.order, k=page + before, offset=offset - before
    )
    records = found.records[before:]
    tiles = [tile_of(question, record) for record in records]
    if question.order is Order.DATE:
        tiles = by_days(tiles, records, found.records[0] if before and found.records else None)
    said = status_of(question, total, offset, tiles, page)
    notes = [found.why_none] if found.why_none else []
    return Found(tiles, said, notes, total=total, months=found.months)


async def _in_order(
    service: LibraryService, question: Question, offset: int, total: int, page: int
) -> Found:
    """What matches, in the order that was asked for; where that is not known, what is nearest."""
    hits = await service.search(question, k=SORTED)
    are_matches = any(hit.matches for hit in hits)
    if are_matches:
        hits[:] = [hit for hit in hits if hit.matches]
    hits.put_in(question.order)
    shown = hits[offset : offset + page]
    tiles = tiles_of(question, shown, hits.corrections)
    of = f"of {pictures(total)}"
    which = f"{len(hits):,} {of} match" if are_matches else f"The nearest {len(hits):,} {of}"
    months: Sequence[tuple[Month, int]] = ()
    if question.order is Order.DATE:
        records = [hit.image for hit in hits]
        last = records[offset - 1] if 0 < offset <= len(records) else None
        tiles = by_days(tiles, records[offset : offset + page], last)
        months = months_of(records)
    return Found(
        tiles=tiles,
        said=f"{which}, {ORDERS[question.order].lower()}" if tiles else "No pictures",
        notes=_notes(question, hits),
        is_corrected=bool(hits.corrections),
        total=len(hits),
        months=months,
    )


def _notes(question: Question, hits: Hits) -> list[str]:
    notes = [hits.no_match] if hits.no_match and not hits else []
    return notes + notes_on(parse_text(question.text), hits)
