"""What is no hit: the query's own pictures, and images whose files are gone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image

from searchengine.catalog.images import ImageReads
from searchengine.library.library import Library
from searchengine.retrieval.query import Kind, Query, Source
from searchengine.types import Filter, SpaceInfo
from tests.conftest import Workbench

ALL = {"red.png", "green.png", "blue.png", "white.png", "black.png", "yellow.png"}


@pytest.fixture
def library(colours: Workbench) -> Library:
    return colours.open()


def names(hits: list) -> list[str]:  # type: ignore[type-arg]
    return [hit.path.name for hit in hits]


def test_a_picture_is_not_its_own_hit(colours: Workbench, library: Library) -> None:
    red = colours.photos / "red.png"
    copy = shutil.copy(red, colours.photos.parent / "copy.png")
    [listed] = library.search("red", k=1)
    vector = np.asarray(library.vectors([red])[0])
    for source in (
        Source(Kind.FILE, str(red)),
        Source(Kind.FILE, str(colours.photos / ".." / "photos" / "red.png")),
        Source(Kind.FILE, str(copy)),
        Source(Kind.LISTED, listed.id),
        Source(Kind.FILE, str(red), -1.0),
    ):
        for other in ((), (Source(Kind.TEXT, "blue", 0.1),)):
            hits = library.search(Query((source, *other)), k=6)
            assert set(names(hits)) == ALL - {"red.png"}
            assert [hit.rank for hit in hits] == [1, 2, 3, 4, 5]
    assert names(library.search(Query((Source(Kind.VECTOR, vector),)), k=1)) == ["red.png"]
    assert names(library.search("red", k=1)) == ["red.png"]


def test_nor_is_a_file_that_changed_since(colours: Workbench, library: Library) -> None:
    Image.new("RGB", (50, 50), "blue").save(colours.photos / "red.png")
    assert set(names(library.search(colours.photos / "red.png", k=6))) == ALL - {"red.png"}


def test_copies_of_the_query_are_left_out_and_others_take_their_place(bench: Workbench) -> None:
    original = bench.paint("original.png", "red")
    for number in range(40):
        shutil.copy(original, bench.photos / f"copy-{number}.png")
    for number in range(5):
        bench.paint(f"other-{number}.png", (200, 40 * number, 0))
    bench.index()
    with bench.open() as library:
        pages = [library.search(original, k=2, offset=offset) for offset in (0, 2, 4)]
        whole = library.search(original, k=6)
    assert [hit for page in pages for hit in page] == whole
    assert set(names(whole)) == {f"other-{number}.png" for number in range(5)}


def test_what_is_gone_is_left_out_where_that_is_asked(colours: Workbench, library: Library) -> None:
    before = names(library.search("red", k=6))
    for name in (before[0], before[3]):
        (colours.photos / name).unlink()
    assert names(library.search("red", k=6)) == before
    left = [name for name in before if name not in (before[0], before[3])]
    found = library.search("red", k=2, present_only=True)
    assert (names(found), found.gone) == (left[:2], 1)
    assert [hit.rank for hit in found] == [1, 2]
    found = library.search("red", k=6, present_only=True)
    assert (names(found), found.gone) == (left, 2)
    pages = [library.search("red", k=1, offset=n, present_only=True) for n in range(5)]
    assert [name for page in pages for name in names(page)] == left


def test_a_later_page_reads_what_is_listed_of_its_own_hits_alone(
    colours: Workbench, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the ranks before it each file is looked for once: they may be gone."""
    before = names(library.search("red", k=6))
    (colours.photos / before[1]).unlink()
    read: list[int] = []
    looked_for: list[str] = []
    images_of_rows, isfile = ImageReads.images_of_rows, os.path.isfile

    def reading(self: ImageReads, space: SpaceInfo, rows: Sequence[int]) -> object:
        read.append(len(rows))
        return images_of_rows(self, space, rows)

    def looking(path: str) -> bool:
        looked_for.append(os.path.basename(path))
        return isfile(path)

    monkeypatch.setattr(ImageReads, "images_of_rows", reading)
    monkeypatch.setattr("searchengine.retrieval.answer.os.path.isfile", looking)
    found = library.search("red", k=1, offset=3, present_only=True, fold=True)
    assert (names(found), found[0].rank, found.gone) == ([before[4]], 4, 1)
    assert read == [1]
    pictures = [name for name in looked_for if name in ALL]
    assert sorted(pictures) == sorted(set(pictures))


def test_a_folder_in_the_place_of_a_file_is_no_picture(
    colours: Workbench, library: Library
) -> None:
    (colours.photos / "red.png").unlink()
    (colours.photos / "red.png").mkdir()
    assert "red.png" not in names(library.search("red", present_only=True))


def test_a_drive_that_is_not_mounted(
    colours: Workbench, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    from searchengine.stacks import folding

    before = library.search("red", k=2)
    colours.photos.rename(colours.photos.parent / "elsewhere")
    monkeypatch.setattr(folding, "MOST_LEFT_OUT", 3)
    found = library.search("red", k=2, present_only=True)
    assert (found, found.gone) == (before, 5), "no more than that is looked at"


def test_a_least_score_bounds_what_takes_the_place(colours: Workbench, library: Library) -> None:
    best = library.search("red", k=2)
    (colours.photos / best[0].path.name).unlink()
    found = library.search("red", min_score=best[1].score, present_only=True)
    assert (names(found), found.gone) == ([best[1].path.name], 1)


def test_it_works_through_an_index(bench: Workbench) -> None:
    from indexers.reading import IndexOptions

    for number in range(300):
        bench.paint(f"{number:03}.png", (number % 256, 7 * number % 256, 31 * number % 256))
    bench.index(options=IndexOptions(factory="IVF4,Flat"))
    query = bench.photos / "007.png"
    with bench.open() as library:
        exact = library.search(query, k=300, exact=True)
        assert len(exact) == 299
        through = [library.search(query, k=100, offset=n) for n in (0, 100, 200)]
    found = [hit.id for page in through for hit in page]
    assert len(found) == len(set(found)) == 299


def test_filters_hold_beside_it(colours: Workbench, library: Library) -> None:
    where = Filter(under=colours.photos)
    found = library.search(colours.photos / "red.png", k=6, where=where)
    assert set(names(found)) == ALL - {"red.png"}
