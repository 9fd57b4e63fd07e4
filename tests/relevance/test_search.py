"""Searches that say where their matches end, in a library of photos."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli import main as cli_main
from indexers import pipeline
from searchengine import open_library
from searchengine.encoders.loading import load_encoder
from searchengine.errors import QueryError
from searchengine.library.library import Library
from searchengine.paths import user_cache
from searchengine.relevance import nouns as nouns_file
from searchengine.relevance.bar import Bar, Strictness
from searchengine.relevance.kept import FILE, read_statistics
from searchengine.relevance.measuring import measure_statistics
from searchengine.relevance.nouns import keep_nouns, known_nouns, nouns
from searchengine.retrieval.hits import Order, SearchHit
from searchengine.retrieval.query import By, Kind, Query, Source
from searchengine.types import Filter, Vectors
from tests.conftest import Watcher
from tests.support.damage import flip
from tests.support.places import ROOT

PHOTOS = ROOT / "sample_data" / "photos"
NONSENSE = "asdf qwer zxcv"


def index(library: Library, *paths: Path) -> None:
    pipeline.index(
        library,
        list(paths),
        encoder="starter",
        load=lambda: load_encoder("starter", precision="float32"),
        observer=Watcher(),
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample photos."""
    home = tmp_path_factory.mktemp("photos")
    with open_library(home / "library", create=True) as library:
        index(library, PHOTOS)
    return home / "library"


@pytest.fixture
def library(made: Path) -> Iterator[Library]:
    with open_library(made) as opened:
        yield opened


def measured(library: Library) -> tuple[int, Bar]:
    """The images of when a library was measured, and the bar of a query."""
    space = library.space()
    found = read_statistics(space.info, space.directory, space.tied)
    assert found is not None
    [cat] = library.encoders.for_texts(space).encode_texts(["a cat"])
    return found.images, found.bar(cat)


def words(text: str, **how: object) -> Query:
    return Query((Source(Kind.TEXT, text),), **how)  # type: ignore[arg-type]


def test_what_is_there_matches_and_nonsense_does_not(library: Library) -> None:
    cats = library.search("a cat on a sofa")
    assert cats[0].matches
    assert cats.no_match is None
    relevance = [hit.relevance for hit in cats]
    assert all(
        value is not None and hit.matches == (value >= 0)
        for hit, value in zip(cats, relevance, strict=True)
    )
    nonsense = library.search(NONSENSE)
    assert len(nonsense) == 10
    assert not any(hit.matches for hit in nonsense)
    assert nonsense.no_match == "nothing here matches well; the nearest are"


def test_only_matches_on_request_and_more_of_them_loosely(library: Library) -> None:
    found = {
        how: library.search(words("a bird", matching=how), k=59) for how in (None, *Strictness)
    }
    counts = [len(found[how]) for how in (Strictness.STRICT, Strictness.NORMAL, Strictness.LOOSE)]
    assert counts == sorted(counts)
    assert 0 < counts[1] < len(found[None])
    assert found[Strictness.NORMAL] == [hit for hit in found[None] if hit.matches]
    nothing = library.search(words(NONSENSE, matching=Strictness.NORMAL))
    assert not nothing
    assert nothing.no_match == "nothing here matches well; ask for all hits to see the nearest"


def test_words_that_stand_there_are_matches_whatever_the_picture_shows(
    made: Path, tmp_path: Path
) -> None:
    copied = shutil.copytree(made, tmp_path / "library")
    moose = PHOTOS / "animals/moose.jpg"
    with open_library(copied) as library:
        library.add_captions([(str(moose), "Fulgencio at the lake")])
        first = library.search("fulgencio")[0]
        assert first.path == moose
        assert first.matches
        assert first.relevance is not None
        assert first.relevance < max(hit.relevance or 0 for hit in library.search("fulgencio"))
        assert library.search(words("fulgencio", matching=Strictness.STRICT))[0].path == moose
        [by_words] = library.search(words("fulgencio", by=By.WORDS, matching=Strictness.NORMAL))
        assert by_words.matches is None, "what has the words is not measured"


def test_filters_and_pages_do_not_move_the_end(library: Library) -> None:
    everything = library.search("a bird", k=59)
    bars = {hit.path: hit.relevance for hit in everything}
    food = library.search("a bird", k=59, where=Filter(under=PHOTOS / "food"))
    assert {hit.path: hit.relevance for hit in food}.items() <= bars.items()
    assert not any(hit.matches for hit in food)
    later = library.search("a bird", k=5, offset=5)
    assert [hit.relevance for hit in later] == [hit.relevance for hit in everything[5:10]]


def test_pictures_and_what_is_subtracted_have_none(library: Library) -> None:
    cat = PHOTOS / "animals/orange-kitten.jpg"
    listed = Query((Source(Kind.LISTED, 1),))
    less = Query((Source(Kind.TEXT, "a cat"), Source(Kind.TEXT, "grass", -1.0)))
    for query in (listed, less):
        assert {hit.relevance for hit in library.search(query)} == {None}
    with pytest.raises(QueryError, match="told for words alone"):
        library.search(Query((Source(Kind.FILE, cat),), matching=Strictness.NORMAL))


def test_index_runs_measure_and_searches_never_write(made: Path, tmp_path: Path) -> None:
    copied = shutil.copytree(made, tmp_path / "library")
    with open_library(copied) as library:
        file = library.space().directory / FILE
        before = measured(library)
        file.unlink()
        hits = library.search(NONSENSE)
        assert hits.no_match is None
        assert {hit.matches for hit in hits} == {None}
        with pytest.raises(QueryError, match="the next index run measures it"):
            library.search(words("a cat", matching=Strictness.NORMAL))
        assert not file.exists()
        assert [fault.where for fault in library.check().faults] == [f"spaces/starter/{FILE}"]
        index(library, PHOTOS / "food")
        assert library.check().is_sound
        assert measured(library) == before, "the same photos, measured again"
        written = file.read_bytes()
        file.write_bytes(written[:-1] + bytes([written[-1] ^ 1]))
        assert [fault.where for fault in library.check().faults] == [f"spaces/starter/{FILE}"]
        assert library.check(repair=True).is_sound
        assert measured(library) == before
        for gone, then in ((2, 59), (7, 52)):
            with library.writing() as writer:
                writer.remove(sorted((PHOTOS / "places").iterdir())[:gone][-5:])
            index(library, PHOTOS / "food")
            assert measured(library)[0] == then, "measured again once a tenth has changed"


def test_the_nouns_that_ship_are_what_the_starter_gives(library: Library) -> None:
    space = library.space()
    shipped = known_nouns(space.info)
    assert shipped is not None
    tower = library.encoders.for_texts(space)
    some = slice(0, 1_000, 97)
    again = tower.encode_texts(nouns()[some])
    assert np.einsum("nd,nd->n", again, shipped[some].astype(np.float32)).min() > 0.999


def test_the_nouns_of_another_encoder_are_encoded_once(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A minute with a large one: kept for all libraries, and made again where damaged."""
    monkeypatch.setattr(nouns_file, "STARTER_NOUNS", tmp_path / "of another encoder")
    shutil.copytree(made, tmp_path / "library")
    with open_library(tmp_path / "library") as library:
        space = library.space()
        tower = library.encoders.for_texts(space)
        asked: list[str] = []

        def encode(texts: Sequence[str]) -> Vectors:
            asked.extend(texts)
            return tower.encode_texts(texts)

        def measure() -> int:
            (space.directory / FILE).unlink()
            asked.clear()
            measure_statistics(space, encode)
            return len(asked)

        assert measure() == 1_000
        before = measured(library)
        assert measure() == 0
        assert measured(library) == before
        [kept] = user_cache("nouns").iterdir()
        flip(kept, kept.stat().st_size - 5)
        assert measure() == 1_000
        assert measured(library) == before
        assert [message.split(" with ")[0] for message in caplog.messages] == [
            "encoding a thousand nouns"
        ] * 2


def test_no_catalog_says_where_nouns_are_kept(library: Library, tmp_path: Path) -> None:
    vectors = known_nouns(library.space().info)
    assert vectors is not None
    space = replace(library.space().info, fingerprint=str(tmp_path / "elsewhere"))
    keep_nouns(space, vectors)
    [kept] = user_cache("nouns").iterdir()
    assert len(kept.stem) == 8
    assert not list(tmp_path.glob("elsewhere*"))
    again = known_nouns(space)
    assert again is not None
    np.testing.assert_array_equal(again, vectors)


def test_the_command_line_says_so(
    made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["clipseek", "search", "--library", str(made), *arguments])
        with pytest.raises(SystemExit) as stop:
            cli_main.main()
        return int(stop.value.code or 0), *capsys.readouterr()

    code, out, err = run(NONSENSE)
    assert code == 0
    assert len(out.splitlines()) == 11
    assert err == "nothing here matches well; the nearest are:\n"
    _, out, err = run("a cat on a sofa")
    assert out.splitlines().index("what matches ends here; the nearest others:") > 1
    assert err == ""
    _, out, _ = run("a cat on a sofa", "--json")
    records = [json.loads(line) for line in out.splitlines()]
    assert [record["matches"] for record in records][:1] == [True]
    assert all(record["matches"] == (record["relevance"] >= 0) for record in records)
    assert run(NONSENSE, "--matching", "--json")[:2] == (0, "")
    assert run("a cat", "--strict", "--loose")[0] == 2
    assert run("a cat", "--sort", "size")[0] == 2
    _, out, _ = run("a cat on a sofa", "--matching", "--sort", "path", "--paths")
    assert out.splitlines() == sorted(out.splitlines())
    _, out, _ = run("a cat on a sofa", "--matching", "--paths")
    assert out.split(os.linesep)[0].endswith(("orange-kitten.jpg", "tabby-cat-face.png"))


def test_hits_are_shown_by_date_or_path_with_matches_first(library: Library) -> None:
    ranked = library.search("a bird", k=20)
    matching = {hit.id for hit in ranked if hit.matches}
    assert 0 < len(matching) < 20
    keys: dict[Order, Callable[[SearchHit], Any]] = {
        Order.DATE: lambda hit: hit.image.facts.taken_at or hit.image.modified_at,
        Order.PATH: lambda hit: hit.image.file.path,
    }
    for order, key in keys.items():
        hits = library.search("a bird", k=20)
        hits.put_in(order)
        assert {hit.id for hit in hits[: len(matching)]} == matching
        for part in (hits[: len(matching)], hits[len(matching) :]):
            found = [key(hit) for hit in part]
            assert found == sorted(found, reverse=order is Order.DATE)
        assert sorted(hits, key=lambda hit: hit.rank) == ranked
    ranked.put_in(Order.RELEVANCE)
    assert [hit.rank for hit in ranked] == list(range(1, 21))


def test_what_is_cut_is_said_wherever_texts_come_in(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    copied = shutil.copytree(made, tmp_path / "library")
    long = " ".join(["snow"] * 30)
    texts, captions = tmp_path / "texts.txt", tmp_path / "captions.csv"
    moose = PHOTOS / "animals/moose.jpg"
    texts.write_text(f"a dog\n{long} a tabby cat\n", "utf-8")
    captions.write_text(f"image,caption\n{moose},{long} an astronaut\n{moose},A moose.\n", "utf-8")

    def said(*arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", ["clipseek", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            cli_main.main()
        assert stop.value.code in (0, None)
        return capsys.readouterr().err

    there = ("--library", copied)
    cat = "starter reads a text only so far: 'a tabby cat' at its end does not count\n"
    assert said("search", f"{long} a tabby cat", *there).endswith(cat)
    many = "1 of 2 texts is longer than starter reads: their ends do not count, the first being "
    assert f"{many}'a tabby cat'\n" in said("describe", moose, "--texts", texts, *there)
    assert f"{many}'an astronaut'\n" in said("captions", "add", captions, *there)
    assert "their ends do not count" in said("evaluate", captions, "--model", "starter")
