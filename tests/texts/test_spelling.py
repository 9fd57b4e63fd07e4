"""Misspelt words: put right, said, undone; and what is spelt right is never touched."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest
from rapidfuzz.distance import OSA

from searchengine.datasets.text_files import read_captions
from searchengine.encoders.languages import knows_only_english
from searchengine.retrieval.query import By, Kind, Query, Source
from searchengine.retrieval.typed import put_right
from searchengine.texts.everyday import everyday_texts
from searchengine.texts.lexicon import in_captions, is_english, is_name, lexicon
from searchengine.texts.spelling import Correction, correct
from tests.conftest import Run, Workbench
from tests.support.places import ROOT
from tests.texts.test_search import add

OWN = {"zermatt": 3, "zeebra": 1, "fulgencio": 2}


def own(letter: str) -> Mapping[str, int]:
    return {word: images for word, images in OWN.items() if word.startswith(letter)}


def right(text: str) -> str:
    return correct(text, OWN.__contains__, own).text


@pytest.mark.parametrize(
    ("typed", "used"),
    [
        ("bycicle", "bicycle"),
        ("a kid on a bycicle", "a kid on a bicycle"),
        ("Bycicle, red.", "bicycle, red."),
        ("BYCICLE", "bicycle"),
        ("horce on the mountian", "horse on the mountain"),
        ("a giraff and a skatebord", "a giraffe and a skateboard"),
        ("umberella buterfly", "umbrella butterfly"),
        ("vegatables in a sandwhich", "vegetables in a sandwich"),
        ("zermat in winter", "zermatt in winter"),
        ("fulgensio", "fulgencio"),
    ],
)
def test_a_misspelt_word_is_put_right(typed: str, used: str) -> None:
    assert right(typed) == used


@pytest.mark.parametrize(
    "text",
    [
        "zeebra and Zermatt",
        'a "bycicle" on the road',
        "Herr Bycicle's photo of Kragero",
        "a t-shirt, IMG_2041.jpg, user@exampel.org, ./bycicle",
        "hund im schnee auf dem fahrrad",
        "teh dgo",
        "собака",
        "",
    ],
)
def test_what_is_known_quoted_or_a_name_stays(text: str) -> None:
    assert right(text) == text


def test_what_no_query_is_stays() -> None:
    """Words of any length and texts of any number of words come from programs and the clipboard."""
    asked: list[str] = []

    def is_own(word: str) -> bool:
        asked.append(word)
        return False

    for text in ("bycicle " * 101, "a " + "bycicle" * 6):
        assert correct(text, is_own, own).text == text
    assert asked == []
    assert correct("bycicle " + "a " * 99, is_own, own).text.startswith("bicycle a")


def test_clean_texts_lose_nothing() -> None:
    """Everyday queries, and captions of people, as they are."""
    texts = [
        *everyday_texts(),
        *(text for _, text in read_captions(ROOT / "sample_data" / "captions.csv", None)),
    ]
    changed = {text for text in texts if right(text) != text}
    assert len(changed) <= len(texts) // 1_000, changed


def test_the_nearest_word_is_that_of_the_whole_list() -> None:
    """Against a search that looks at every word: with the first letter right none is missed."""
    for typed in ("bycicle", "mountian", "skatebord", "kitchin", "snowbording", "brige"):
        near = [word for word in lexicon() if OSA.distance(word, typed, score_cutoff=2) <= 2]
        assert right(typed) in near
        nearest = min(OSA.distance(word, typed) for word in near)
        assert OSA.distance(right(typed), typed) == nearest
        assert lexicon()[right(typed)] == max(
            lexicon()[word] for word in near if OSA.distance(word, typed) == nearest
        )


def test_the_list_is_looked_up_as_it_lies() -> None:
    words = lexicon()
    assert {word: count for word, count in words.items() if count} == in_captions()
    assert all(is_name(word) for word in ("paris", "picchu", "halloween"))
    assert not any(is_name(word) for word in ("", "a", "kragero"))
    assert all(is_english(word) for word in list(words)[::97])
    assert not any(is_english(word) for word in ("", "a b", "zzzz", "zymurgyq", "aaaa", "12"))


@pytest.fixture
def named(colours: Workbench) -> Workbench:
    add(colours, yellow="Fulgencio in Zermatt")
    return colours


def test_what_is_searched_for_is_said_and_undone(named: Workbench, run: Run) -> None:
    done = run("search", "fulgensio", "--top", 1)
    assert "yellow.png" in done.out
    assert "searched for: fulgencio (typed: fulgensio); as typed: --as-typed\n" in done.err
    done = run("search", "fulgensio", "--as-typed", "--words-only")
    assert (done.code, done.out) == (0, "")
    assert "searched for" not in done.err
    done = run("search", "fulgensio", "--words-only", "--json")
    assert json.loads(done.out)["path"] == str(named.photos / "yellow.png")


def test_it_is_one_answer_with_the_right_word(named: Workbench) -> None:
    with named.open() as library:
        for by in By:
            typed = library.search(Query((Source(Kind.TEXT, "a horce in zermat"),), by=by), k=6)
            right = library.search(Query((Source(Kind.TEXT, "a horse in zermatt"),), by=by), k=6)
            assert typed == right
            assert right.corrections == ()
            assert typed.corrections == (
                Correction("horce", "horse"),
                Correction("zermat", "zermatt"),
            )
        quoted = Query((Source(Kind.TEXT, "zermat", quoted=True),), by=By.WORDS)
        assert list(library.search(quoted)) == []


def test_encoders_of_many_languages_get_what_was_typed(named: Workbench) -> None:
    assert knows_only_english("starter")
    assert knows_only_english("some-file.pt")
    many = "xlm-roberta-base-ViT-B-32/laion5b_s13b_b90k"
    assert not knows_only_english(many)
    asked = Query((Source(Kind.TEXT, "zermat"),))
    with named.open() as library:
        space = library.space().info
        assert put_right(asked, space, library.catalog)[1]
        assert put_right(asked, replace(space, encoder=many), library.catalog) == (asked, ())
