"""Plain words: which images come first, and which alone are hits."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from searchengine import open_library
from searchengine.catalog.sqlite.words import words_of, words_of_path
from searchengine.errors import QueryError
from searchengine.library.library import Library
from searchengine.retrieval.query import By, Kind, Query, Source
from searchengine.retrieval.terms import parse_terms
from searchengine.texts.words import Words, read_words
from searchengine.types import Filter, Matched
from tests.conftest import Run, Workbench
from tests.support.places import DATA
from tests.texts.test_search import add

CAPTION = "Fulgencio at grandmother Ilse in Kragero"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Ilse's 80th, at Trogir!", ["ilse", "s", "80", "th", "at", "trogir"]),
        ("Düsseldorf Ünï Straße", ["dusseldorf", "uni", "strasse"]),
        ("du\u0308rer IMG_2041.x", ["durer", "img", "2041", "x"]),
        ("京都旅行2019", ["京", "都", "旅", "行", "2019"]),
        ("Москва ночью", ["москва", "ночью"]),
        ("\x1b[31m \0 --", ["31", "m"]),
        ("A2B249AB-4712-4FAA-BEAD-3BED00FDFEAE 2", ["a2b249ab47124faabead3bed00fdfeae", "2"]),
        ("1000268201_693b08cb0e", ["1000268201", "693b08cb0e"]),
        ("20190506bed 12345678 effaced", ["20190506", "bed", "12345678", "effaced"]),
        ("rome2019may2020", ["rome", "2019", "may", "2020"]),
        ("", []),
    ],
)
def test_a_text_is_brought_to_words(text: str, words: list[str]) -> None:
    assert words_of(text) == words
    assert words_of(" ".join(words)) == words


def test_a_path_gives_its_folders_and_the_parts_of_its_name() -> None:
    assert words_of_path("/a/Summer 2019/two-dogs.jpg") == ["a", "summer", "2019", "two", "dogs"]
    camel = words_of_path("/a/SummerTrogir.heic")
    assert camel == ["a", "summertrogir", "a", "summer", "trogir"]


def test_quotes_are_phrases_and_the_rest_words_that_mean_something() -> None:
    words = read_words([('the dog of "Aunt Ilse" on a sofa', False), ("A Dog", True)])
    assert words == Words((("aunt", "ilse"), ("a", "dog")), ("dog", "sofa"))
    assert read_words([('"!" the of', False)]) == Words((), ())
    assert read_words([("<b>plan b</b>", False), ("B", True)]) == Words((("b",),), ("plan",))


@pytest.fixture
def library(bench: Workbench) -> Library:
    """Thirty pictures of colours, three of which are named in some way."""
    for number in range(27):
        bench.paint(f"img-{number:03}.png", (number * 9, 40, 200))
    bench.paint("Trogir 2019/a.png", "yellow")
    bench.paint("Trogir 2019/b.png", "red")
    bench.paint("zermatt.png", "black")
    bench.index()
    add(bench, **{"img-003": CAPTION})
    return bench.open()


@pytest.mark.parametrize(
    ("query", "name", "why"),
    [
        ("blue fulgencio", "img-003", Matched("caption", CAPTION, by_words=True)),
        ("zermatt", "zermatt", None),
        ("a red boat in Zermatt", "zermatt", None),
        ("ilse", "img-003", Matched("caption", CAPTION, by_words=True)),
        ("Krágero", "img-003", None),
        ('something like "Zermatt.PNG"', "zermatt", None),
    ],
)
def test_a_name_brings_its_picture_first(
    library: Library, query: str, name: str, why: Matched | None
) -> None:
    hits = library.search(query, k=30)
    assert hits[0].path.stem == name
    assert hits[0].matched is not None
    assert why in (None, hits[0].matched)
    assert len({hit.id for hit in hits}) == 30
    plain = library.search(Query((Source(Kind.TEXT, query),), by=By.PICTURES), k=30)
    assert plain[0].path.stem != name
    assert not any(hit.matched for hit in plain)


def test_letters_of_a_code_are_no_words(bench: Workbench) -> None:
    code = "A2B249AB-4712-4FAA-8BED-3BED00FDFEAE"
    for number in range(3):
        bench.paint(f"img-{number}.png", (number * 80, 40, 200))
    bench.paint(f"{code}.png", "yellow")
    bench.index()
    with bench.open() as library:
        assert not any(hit.matched for hit in library.search("bed", k=4))
        assert library.search(code, k=1)[0].path.stem == code
        assert all(word.isalpha() for word in library.catalog.words_beginning_with("a"))


def test_a_folder_brings_its_pictures_first_in_their_order(library: Library) -> None:
    hits = library.search("red trogir", k=30)
    assert [hit.path.stem for hit in hits[:2]] == ["b", "a"]
    assert [hit.matched and hit.matched.kind for hit in hits[:2]] == ["name", "name"]
    pages = [hit for n in range(0, 30, 4) for hit in library.search("red trogir", k=4, offset=n)]
    assert pages == list(hits)
    under = library.search("red trogir", where=Filter(under=hits[0].path.parents[1]), k=30)
    assert list(under) == list(hits)


def test_what_stands_in_quotes_is_exactly_that(library: Library) -> None:
    for phrase, first in (
        ('"grandmother Ilse"', "img-003"),
        ('"ilse grandmother"', None),
        ('"at grandmother"', "img-003"),
        ('"zermatt.png"', "zermatt"),
    ):
        hits = library.search(phrase, k=3)
        assert (hits[0].matched is not None) == (first is not None)
        assert first in (None, hits[0].path.stem)


def test_words_only(library: Library) -> None:
    def names(query: str) -> list[str]:
        found = library.search(Query(tuple(parse_terms([query])), by=By.WORDS), k=30)
        assert (found.no_match is None) == bool(found)
        return [hit.path.stem for hit in found]

    assert names("red trogir 2019") == []
    assert names("the Trogir of 2019") == ["b", "a"] or names("Trogir 2019") == ["a", "b"]
    assert names("ilse fulgencio") == ["img-003"]
    assert names('"in kragero"') == ["img-003"]
    assert len(names("img")) == 27
    with pytest.raises(QueryError, match="no words"):
        library.search(Query((Source(Kind.VECTOR, np.ones(8) / 8**0.5),), by=By.WORDS))


def test_a_common_word_brings_nothing_first(library: Library) -> None:
    hits = library.search("img blue", k=30)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert not any(hit.matched and hit.matched.kind == "name" for hit in hits)


def test_words_follow_what_is_moved_removed_and_written(library: Library, bench: Workbench) -> None:
    (bench.photos / "zermatt.png").rename(bench.photos / "visp.png")
    (bench.photos / "img-003.png").unlink()
    bench.index()
    assert not any(hit.matched for hit in library.search("zermatt"))
    assert not any(hit.matched for hit in library.search("fulgencio"))
    assert library.search("visp", k=1)[0].path.stem == "visp"
    add(bench, visp="Walpurga")
    assert library.search("walpurga", k=1)[0].path.stem == "visp"
    assert library.check().is_sound


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE words SET name = 'other' WHERE rowid = 3",
        "DELETE FROM words WHERE rowid = 3",
        "INSERT INTO words (rowid, caption, text, name) VALUES (99, '', '', 'x')",
        "UPDATE words_data SET block = x'0102' WHERE id > 10",
    ],
)
def test_a_damaged_table_is_found_and_made_anew(
    library: Library, bench: Workbench, statement: str
) -> None:
    library.close()
    with sqlite3.connect(bench.library_path / "catalog.sqlite") as other:
        other.execute(statement)
    other.close()
    with bench.open() as opened:
        assert any("words" in fault.why for fault in opened.check().faults)
        assert opened.check(repair=True).is_sound
        assert opened.search("zermatt", k=1)[0].path.stem == "zermatt"


def test_the_command_says_why(bench: Workbench, library: Library, run: Run) -> None:
    library.close()
    at = ["--library", str(bench.library_path), "--top", "2"]
    table = run("search", "Fulgencio", *at)
    assert table.out.splitlines()[0].split()[-1] == "matched"
    assert "caption: Fulgencio at grandmother Ilse in Kragero" in table.out.splitlines()[1]
    assert table.out.splitlines()[2].endswith("picture")
    record = run("search", "zermatt", "--json", *at).out.splitlines()
    assert '"matched": "name", "text": "' in record[0]
    assert "matched" not in record[1]
    assert run("search", "zermatt", "--csv", *at).out.splitlines()[0].endswith(",matched,text")
    plain = run("search", "zermatt", "--pictures-only", *at)
    assert "matched" not in plain.out
    only = run("search", "zermatt", "--words-only", *at)
    assert len(only.out.splitlines()) == 2
    none = run("search", "nowhere", "--words-only", *at)
    assert (none.code, none.out) == (0, "")
    assert "no image has all of these words" in none.err
    both = run("search", "x", "--words-only", "--pictures-only", *at)
    assert both.code == 2


def test_an_older_library_gains_words_with_the_next_run(bench: Workbench, tmp_path: Path) -> None:
    path = Path(shutil.copytree(DATA / "library-schema-1", tmp_path / "old"))
    with open_library(path) as old:
        assert not any(hit.matched for hit in old.search("chameleon", k=5))
        with old.writing() as writer:
            writer.complete_words()
        hits = old.search("chameleon", k=5)
        assert {hit.matched.kind for hit in hits if hit.matched} == {"name", "caption"}
        assert all(hit.matched and "chameleon" in hit.path.name for hit in hits)
        assert old.check().is_sound


def test_words_that_were_read_otherwise_are_read_again(bench: Workbench) -> None:
    bench.paint("1000268201_693b08bed0.png", "yellow")
    bench.index()
    with closing(sqlite3.connect(bench.library_path / "catalog.sqlite")) as catalog, catalog:
        catalog.execute("UPDATE words SET name = '1000268201 693 b 08 bed 0'")
        catalog.execute("UPDATE settings SET value = '' WHERE name = 'words'")
    with bench.open() as library:
        assert library.catalog.has_word("bed")
        assert library.check().is_sound
    bench.index()
    with bench.open() as library:
        assert not library.catalog.has_word("bed")
        assert library.check().is_sound
