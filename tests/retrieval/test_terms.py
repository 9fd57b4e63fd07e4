"""The grammar of search terms."""

from __future__ import annotations

from pathlib import Path

import pytest

from searchengine.errors import QueryError
from searchengine.index.types import Modality
from searchengine.retrieval.query import Kind, Query, Source
from searchengine.retrieval.terms import parse_terms


def text(value: str, weight: float = 1.0) -> Source:
    return Source(Kind.TEXT, value, weight)


@pytest.fixture
def pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "pool.jpg").write_bytes(b"a file")
    monkeypatch.chdir(tmp_path)
    return "./pool.jpg"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["a red car"], [text("a red car")]),
        (["red", "car"], [text("red car")]),
        (["dog", "+", "snow"], [text("dog"), text("snow")]),
        (["dog", "-", "snow"], [text("dog"), text("snow", -1)]),
        (["-", "snow", "+", "a", "dog"], [text("snow", -1), text("a dog")]),
        (["2:golden retriever"], [text("golden retriever", 2)]),
        ([".5:dog", "-", "1.5:big", "cat"], [text("dog", 0.5), text("big cat", -1.5)]),
        (["dog", "3:cat"], [text("dog"), text("cat", 3)]),
        (["+", "dog"], [text("dog")]),
        (["black-and-white", "c++"], [text("black-and-white c++")]),
        (["16:9 screen"], [text("9 screen", 16)]),
        (["http://x.org/a.jpg"], [Source(Kind.URL, "http://x.org/a.jpg")]),
        (["2:HTTPS://x.org/a"], [Source(Kind.URL, "HTTPS://x.org/a", 2)]),
        (["what is http"], [text("what is http")]),
    ],
)
def test_terms(words: list[str], expected: list[Source]) -> None:
    assert parse_terms(words) == expected


def test_files_are_images_and_stand_alone(pool: str) -> None:
    assert parse_terms(["2:golden retriever", "+", pool, "-", "fruit"]) == [
        text("golden retriever", 2),
        Source(Kind.FILE, pool),
        text("fruit", -1),
    ]
    assert parse_terms(["a", "b", f"3:{pool}", "c"]) == [
        text("a b"),
        Source(Kind.FILE, pool, 3),
        text("c"),
    ]


def test_a_word_is_not_a_file_that_happens_to_be_named_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dog").write_text("notes about the dog")
    monkeypatch.chdir(tmp_path)
    assert parse_terms(["dog"]) == [text("dog")]
    assert parse_terms(["./dog"]) == [Source(Kind.FILE, "./dog")]
    assert parse_terms(["a/b " + "x" * 5000]) == [text("a/b " + "x" * 5000)]
    assert parse_terms(["~nobody-here/x y"]) == [text("~nobody-here/x y")]


def test_add_and_sub_flags() -> None:
    assert parse_terms(["dog"], add=["2:snow"], subtract=["cat"]) == [
        text("dog"),
        text("snow", 2),
        text("cat", -1),
    ]
    assert parse_terms([], subtract=["cat"]) == [text("cat", -1)]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "nothing to search for"),
        ([""], "empty term"),
        (["  "], "empty term"),
        (["dog", "+"], "operator without a term"),
        (["dog", "+", "-", "cat"], "operator without a term"),
        (["-"], "operator without a term"),
        (["0:dog"], "weight 0"),
        (["holiday/dog.jpg"], "holiday/dog.jpg: no such image file"),
        (["2:dog.HEIC"], "dog.HEIC: no such image file"),
    ],
)
def test_what_is_no_query(words: list[str], message: str) -> None:
    with pytest.raises(QueryError, match=message):
        parse_terms(words)


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ([Kind.TEXT], Modality.TEXT),
        ([Kind.TEXT, Kind.TEXT], Modality.TEXT),
        ([Kind.FILE, Kind.URL], Modality.IMAGE),
        ([Kind.TEXT, Kind.FILE], None),
    ],
)
def test_what_a_query_is_made_of(kinds: list[Kind], expected: Modality | None) -> None:
    assert Query(tuple(Source(kind, "x", -1.0) for kind in kinds)).modality is expected
