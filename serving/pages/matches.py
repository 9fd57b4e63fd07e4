"""Where the matches of a page's hits end, and how many they are. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from searchengine.relevance.bar import Strictness
from searchengine.retrieval.hits import SearchHit
from serving.pages.view import Tile
from serving.question import Question


def parted(tiles: Sequence[Tile], hits: Sequence[SearchHit], last: SearchHit | None) -> list[Tile]:
    """The tiles of hits, the first that is no match after one that is marked as the end.

    `last` is the hit before them, on the page before; None on the first page.
    """
    known = [None if last is None else last.matches, *(hit.matches for hit in hits)]
    return [
        replace(tile, is_past_matches=before is True and now is False)
        for tile, before, now in zip(tiles, known, known[1:], strict=False)
    ]


def said_of_matches(hits: Sequence[SearchHit], offset: int, page: int, pictures: str) -> str | None:
    """How many match, in a line for the `pictures` there are; None where that is not known.

    The end is known once a page holds it.
    """
    if not hits or hits[0].matches is None:
        return None
    matching = sum(hit.matches is True for hit in hits)
    if matching == 0:
        first = "Nothing here matches well" if offset == 0 else "Beyond what matches"
        return f"{first}; the nearest of {pictures}"
    more = " or more" if matching == page else ""
    verb = "matches" if offset + matching == 1 and not more else "match"
    return f"{offset + matching:,}{more} of {pictures} {verb}, nearest first"


def only_matches(question: Question) -> str:
    """The address of the same search for matches alone."""
    return replace(question, matching=Strictness.NORMAL).url()
