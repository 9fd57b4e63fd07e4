"""The grammar of search terms."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from searchengine.errors import QueryError
from searchengine.images.formats import IMAGE_SUFFIXES
from searchengine.index.types import Modality
from searchengine.retrieval.hints import about_folder, hints
from searchengine.retrieval.query import Kind, Query, Source
from searchengine.retrieval.terms import parse_terms, parse_text


def text(value: str, weight: float = 1.0) -> Source:
    return Source(Kind.TEXT, value, weight)


def quoted(value: str, weight: float = 1.0) -> Source:
    return replace(text(value, weight), quoted=True)


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
        (["dog", "3:cat"], [text("dog 3:cat")]),
        (["+", "dog"], [text("dog")]),
        (["black-and-white", "c++"], [text("black-and-white c++")]),
        (["dog - beach"], [text("dog"), text("beach", -1)]),
        (["2:golden retriever + .5:snow"], [text("golden retriever", 2), text("snow", 0.5)]),
        (["dog", "- beach"], [text("dog"), text("beach", -1)]),
        (["dog -beach"], [text("dog -beach")]),
        (["http://x.org/a.jpg"], [Source(Kind.URL, "http://x.org/a.jpg")]),
        (["2:HTTPS://x.org/a"], [Source(Kind.URL, "HTTPS://x.org/a", 2)]),
        (["http://x.org/a b.jpg"], [Source(Kind.URL, "http://x.org/a b.jpg")]),
        (["what is http"], [text("what is http")]),
        (
            ["dog http://x.org/a.jpg cat"],
            [text("dog"), Source(Kind.URL, "http://x.org/a.jpg"), text("cat")],
        ),
    ],
)
def test_terms(words: list[str], expected: list[Source]) -> None:
    assert parse_terms(words) == expected


CLOCKS = [
    "a clock at 10:10 pm",
    "clock showing 12:00",
    "a 16:9 photo of a cat",
    "16:9 wallpaper",
    "10:30 train",
    "3:00 pm",
    "2001: a space odyssey poster",
    "1917: a film",
    "2: golden",
    "john 3:16",
    "ratio of 2:one",
    "10:",
    ":5",
    "1.5:2 zoom",
]


@pytest.mark.parametrize("typed", CLOCKS)
def test_numbers_with_colons_are_words(typed: str) -> None:
    """As one argument, as many, in the page, given apart, and behind an operator."""
    assert parse_terms([typed]) == parse_terms(typed.split()) == parse_text(typed) == [text(typed)]
    assert parse_terms([], add=[typed], subtract=[typed]) == [text(typed), text(typed, -1)]
    assert parse_text(f"dog - {typed}") == [text("dog"), text(typed, -1)]


TYPED = [
    "dog",
    "dog - beach",
    "dog -beach",
    "2:golden retriever + snow - .5:dog",
    "- snow",
    '"dog - beach"',
    'red "2:1 scale - blue"',
    '3:"2:1 scale" - "a + b"',
    'a sign that says "STOP"',
    "dog 3:cat",
    't-shirt c++ 6" nails',
    "black / white and/or grey",
]


@pytest.mark.parametrize("typed", TYPED)
def test_one_grammar_in_the_shell_and_on_the_page(typed: str) -> None:
    assert parse_terms([typed]) == parse_text(typed)
    assert parse_text(typed + " -") == parse_text(typed), "still typing"
    if '"' not in typed:
        assert parse_terms(typed.split()) == parse_text(typed)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ('"2:one scale"', [quoted("2:one scale")]),
        ('"dog - beach" - cat', [quoted("dog - beach"), text("cat", -1)]),
        ('3:"10 green bottles"', [quoted("10 green bottles", 3)]),
        ('a sign that says "STOP - GO"', [text('a sign that says "STOP - GO"')]),
    ],
)
def test_double_quotes_make_words(typed: str, expected: list[Source]) -> None:
    assert parse_text(typed) == expected


def test_the_page_names_no_files(pool: str) -> None:
    for typed in (pool, "http://x.org/a.jpg", "gone.jpg", "."):
        assert parse_text(typed) == [text(typed)]
    assert parse_text("") == parse_text(" - ") == []


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
    assert parse_terms([f"a b 3:{pool} c"]) == parse_terms(["a", "b", f"3:{pool}", "c"])
    assert parse_terms([f"{pool} - 2:dog"]) == [Source(Kind.FILE, pool), text("dog", -2)]


def test_a_name_with_space_is_one_argument(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my - photo.jpg").write_bytes(b"a file")
    for name in ("my - photo.jpg", "./my - photo.jpg", str(tmp_path / "my - photo.jpg")):
        assert parse_terms([name]) == [Source(Kind.FILE, name)]
        assert parse_terms(["dog", f"2:{name}"]) == [text("dog"), Source(Kind.FILE, name, 2)]
        assert parse_terms([], subtract=[name]) == [Source(Kind.FILE, name, -1)]


@pytest.mark.parametrize("suffix", sorted(IMAGE_SUFFIXES | {".jp2", ".psd", ".nosuch"}))
def test_a_path_that_leads_nowhere_is_no_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    monkeypatch.chdir(tmp_path)
    names = ["./gone", "../gone", str(tmp_path / "gone"), "~/no-such-file"]
    names += ["gone", "some/gone"] if suffix in IMAGE_SUFFIXES else []
    for name in names:
        for words in ([name + suffix], ["dog", "-", f"2:{name}{suffix}"], [f"dog {name}{suffix}"]):
            with pytest.raises(QueryError, match="no such image file"):
                parse_terms(words)


def test_a_path_with_space_that_leads_nowhere_is_named_whole(pool: str) -> None:
    with pytest.raises(QueryError, match=r"^/not here/my photo\.jpg: no such image file"):
        parse_terms(["2:/not here/my photo.jpg"])
    photo = Source(Kind.FILE, pool)
    assert parse_terms([f"{pool} at night, as in {pool}"]) == [
        photo,
        text("at night, as in"),
        photo,
    ]


def test_a_folder_is_no_term(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "beach" / "new").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    for name in ("./beach", "beach/new", str(tmp_path)):
        with pytest.raises(QueryError, match=f"{name}: a folder is no term; did you mean --under"):
            parse_terms(["dog", "-", name])
    (tmp_path / "my beach.jpg").mkdir()
    whole = f"{tmp_path / 'my beach.jpg'}"
    with pytest.raises(QueryError, match=f"^{whole}: a folder is no term"):
        parse_terms([whole])
    assert parse_terms(["beach"]) == [text("beach")], "a word, also where a folder is named so"
    [hint] = about_folder(["beach"], parse_terms(["beach"]))
    assert "--under beach" in hint
    assert about_folder(["a", "beach"], parse_terms(["a", "beach"])) == []


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("dog -cat", "- cat"),
        ("dog +cat", "+ cat"),
        ("dog 3:cat", "A + 3:cat"),
        ("no dog", "A - dog"),
        ("a street without any cars", "A - cars"),
        ("a photo without a dog", "A - dog"),
        ("a dog that is not on the grass", "A - grass"),
    ],
)
def test_hints(typed: str, hint: str) -> None:
    [said] = hints(parse_text(typed))
    assert said.endswith(hint)


@pytest.mark.parametrize(
    "typed", ["dog - cat", "a t-shirt", "3:00 pm", "snow -5 degrees", "noon", "no one"]
)
def test_no_hint_where_nothing_is_odd(typed: str) -> None:
    assert hints(parse_text(typed)) == []


def test_quotes_that_phones_set_are_quotes(pool: str) -> None:
    curly = "\u201c2:1 scale - blue\u201d + \u201edog\u201c"
    straight = '"2:1 scale - blue" + "dog"'
    assert parse_terms([curly]) == parse_text(curly) == parse_terms([straight])
    assert parse_terms([], add=["\u201cdog\u201d"]) == parse_terms([], add=['"dog"'])
    named = Path("\u201cpool\u201d.jpg")
    Path(pool).rename(named)
    assert parse_terms([str(named)]) == [Source(Kind.FILE, str(named))]


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
        (["dog", "-", "2001:odyssey"], "weight over 1000; .* double quotes"),
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
