"""Searches of libraries with captions."""

from __future__ import annotations

import logging

import pytest

from indexers.reading import IndexOptions
from searchengine.errors import LibraryDamagedError
from searchengine.library.library import Library
from searchengine.retrieval.query import Kind, Mark, Query, Source
from searchengine.texts.matching import matching_of, setting_name
from searchengine.types import Filter, Orientation
from tests.conftest import Workbench
from tests.support.damage import set_row


def add(bench: Workbench, **captions: str) -> None:
    """Store captions of pictures by their names."""
    with bench.open() as library:
        pairs = [(str(bench.photos / f"{name}.png"), text) for name, text in captions.items()]
        assert library.add_captions(pairs) == (len(pairs), [])


def asked(library: Library, query: object = "blue", **how: object) -> list[tuple[str, float]]:
    return [(hit.path.stem, hit.score) for hit in library.search(query, **how)]  # type: ignore[arg-type]


def test_a_caption_brings_its_picture_up_and_takes_nothing_from_others(colours: Workbench) -> None:
    with colours.open() as library:
        before = dict(asked(library, "blue"))
    add(colours, yellow="a blue boat", red="a red barn")
    with colours.open() as library:
        after = dict(asked(library, "blue"))
        order = list(after)
    assert order[0] == "blue"
    assert order.index("yellow") < list(before).index("yellow")
    assert after["yellow"] > before["yellow"]
    for name in ("blue", "green", "white", "black"):
        assert after[name] == before[name]


def test_without_captions_nothing_changes(colours: Workbench) -> None:
    with colours.open() as library:
        before = library.search("blue")
        assert matching_of(library.space(), library.catalog) is None
    add(colours, red="a red barn")
    with colours.open() as library, library.writing() as writer:
        writer.remove([colours.photos / "red.png"])
        after = library.search("blue")
    assert [(hit.image, hit.score) for hit in after] == [
        (hit.image, hit.score) for hit in before if hit.path.stem != "red"
    ]


def test_only_words_are_compared_with_captions(colours: Workbench) -> None:
    with colours.open() as library:
        [red] = library.search("red", k=1)
        vector = library.vectors([red.path])[0]
        others = [
            red.path,
            vector,
            Query((Source(Kind.LISTED, red.id),)),
            Query((Source(Kind.TEXT, "blue"),), like=(Mark(red.id),)),
        ]
        before = [asked(library, query) for query in others]
        add(colours, yellow="a red barn", white="a blue boat")
        assert [asked(library, query) for query in others] == before


def test_a_library_that_is_open_sees_what_others_write(colours: Workbench) -> None:
    with colours.open() as library:
        before = asked(library, "blue")
        add(colours, yellow="a blue boat")
        captioned = asked(library, "blue")
        assert captioned != before
        add(colours, black="blue")
        assert dict(asked(library, "blue"))["black"] > dict(captioned)["black"]
        colours.paint("yellow.png", "magenta")  # another picture, the same caption
        colours.index()
        repainted = dict(asked(library, "blue"))
        assert repainted["yellow"] > dict(captioned)["yellow"]
        (colours.photos / "yellow.png").unlink()
        colours.index()
        assert "yellow" not in dict(asked(library, "blue"))


@pytest.mark.parametrize("page", [7, 25])
@pytest.mark.parametrize("through", [True, False])
@pytest.mark.parametrize("where", [Filter(), Filter(orientation=Orientation.PORTRAIT)])
def test_pages_hold_every_picture_once(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, page: int, through: bool, where: Filter
) -> None:
    for number in range(280):
        size = (30, 40) if number % 2 else (40, 30)
        bench.paint(f"{number:03}.png", (number % 256, 7 * number % 256, 31 * number % 256), size)
    bench.index(options=IndexOptions(factory="IVF4,Flat" if through else None))
    words = ["red", "blue", "yellow", "a dog", "black and white"]
    add(bench, **{f"{number:03}": words[number % 5] for number in range(0, 280, 3)})
    monkeypatch.setattr("searchengine.retrieval.rank.FEW_ROWS", 0)
    monkeypatch.setattr("searchengine.index.settings.SHORTLIST", 60)
    with bench.open() as library:
        space = library.space()
        assert (space.index(space.catalog.rows(space.info)) is not None) == through
        exact = asked(library, "blue", k=280, where=where, exact=True)
        pages = [
            asked(library, "blue", k=page, offset=offset, where=where)
            for offset in range(0, 280 + page, page)
        ]
        best = dict(exact[:5])
        assert [pair for pair in pages[0] if pair[0] in best] == exact[:5]
    found = [pair for each in pages for pair in each]
    assert len(exact) == (280 if where == Filter() else 140)
    assert sorted(found) == sorted(exact)
    if not through:
        assert found == exact


def test_a_damaged_caption_is_left_out_and_said(
    colours: Workbench, caplog: pytest.LogCaptureFixture
) -> None:
    add(colours, yellow="a blue boat")
    add(colours, black="blue")
    with colours.open() as library:
        whole = dict(asked(library, "blue"))
        file = library.space().captions.path
    set_row(file, 0, 7.0, 8)
    with colours.open() as library, caplog.at_level(logging.WARNING):
        damaged = dict(asked(library, "blue"))
    assert damaged["black"] == whole["black"]
    assert damaged["yellow"] < whole["yellow"]
    assert "clipseek check" in caplog.text


def test_a_setting_that_somebody_else_wrote_is_one_line(colours: Workbench) -> None:
    add(colours, yellow="a blue boat")
    with colours.open() as library:
        with library.writing():
            library.catalog.set_setting(setting_name(library.space()), "{}")
        with pytest.raises(LibraryDamagedError, match=r"the setting 'matching fake' holds '\{\}'"):
            library.search("blue")
    colours.index()
    with colours.open() as library:
        assert library.search("blue"), "the next index run measures it again"


def test_it_is_measured_again_when_there_is_a_tenth_more(colours: Workbench) -> None:
    add(colours, yellow="a blue boat", red="a barn")
    with colours.open() as library:
        first = matching_of(library.space(), library.catalog)
    assert first is not None
    assert (first.images, first.captions) == (6, 2)
    colours.index()
    with colours.open() as library:
        assert matching_of(library.space(), library.catalog) == first
    colours.paint("cyan.png", "cyan")
    colours.index()
    with colours.open() as library:
        second = matching_of(library.space(), library.catalog)
    assert second is not None
    assert (second.images, second.captions) == (7, 2)
    assert second.pictures != first.pictures
