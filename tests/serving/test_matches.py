"""What the page says of matches, decided from hits alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from searchengine.errors import InputError
from searchengine.relevance.bar import Strictness
from searchengine.retrieval.hits import SearchHit
from searchengine.types import FileState, ImageFacts, ImageRecord
from serving.pages.matches import only_matches, parted, said_of_matches
from serving.pages.view import tiles_of
from serving.question import Question, read_question


def hits(*matches: bool | None) -> list[SearchHit]:
    record = ImageRecord(
        id=1,
        file=FileState("/photos/a.jpg", 1, 1),
        content_hash=bytes(16),
        facts=ImageFacts(4, 3, "JPEG"),
    )
    return [
        SearchHit(rank, 0.3, record, relevance=None if each is None else 0.0, matches=each)
        for rank, each in enumerate(matches, start=1)
    ]


@pytest.mark.parametrize(
    ("last", "found", "end"),
    [
        (None, [True, True, False, False], 2),
        (None, [False, False], None),
        (None, [True, True], None),
        (True, [False, False], 0),
        (False, [False, False], None),
        (None, [None, None], None),
    ],
)
def test_the_end_is_marked_once(last: bool | None, found: Sequence[bool | None], end: int) -> None:
    shown = hits(*found)
    tiles = parted(tiles_of(Question("a cat"), shown), shown, hits(last)[0])
    assert [tile.is_past_matches for tile in tiles] == [n == end for n in range(len(found))]


@pytest.mark.parametrize(
    ("found", "offset", "said"),
    [
        ([True, True, False], 0, "2 of 9 pictures match, nearest first"),
        ([True, False, False], 0, "1 of 9 pictures matches, nearest first"),
        ([True, True, True], 0, "3 or more of 9 pictures match, nearest first"),
        ([True, False, False], 3, "4 of 9 pictures match, nearest first"),
        ([False, False], 0, "Nothing here matches well; the nearest of 9 pictures"),
        ([False, False], 3, "Beyond what matches; the nearest of 9 pictures"),
        ([None], 0, None),
        ([], 0, None),
    ],
)
def test_how_many_match_is_said(found: list[bool | None], offset: int, said: str | None) -> None:
    assert said_of_matches(hits(*found), offset, 3, "9 pictures") == said


def test_a_question_may_ask_for_matches_alone() -> None:
    asked = read_question([("q", "a cat"), ("matching", "strict")])
    assert asked.matching is Strictness.STRICT
    assert read_question(asked.pairs()) == asked
    assert only_matches(Question("a cat")) == "/?q=a+cat&matching=normal"
    assert replace(asked, picture="0" * 32).is_of_words is False
    with pytest.raises(InputError, match="matching must be one of loose, normal, strict"):
        read_question([("matching", "very")])
