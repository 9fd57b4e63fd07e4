"""Filters that cannot match say so; folders are found however they are spelled."""

from __future__ import annotations

import os
import unicodedata
from datetime import datetime
from pathlib import Path

import pytest

from searchengine.errors import InputError, NothingListedError
from searchengine.retrieval.where import require_possible
from searchengine.types import Filter
from tests.conftest import Workbench

YEAR = datetime(2023, 1, 1)


@pytest.mark.parametrize(
    ("where", "min_score", "says"),
    [
        (Filter(), 1.01, "from -1 to 1, not 1.01"),
        (Filter(), -2, "from -1 to 1"),
        (Filter(), float("nan"), "from -1 to 1, not nan"),
        (Filter(), float("inf"), "from -1 to 1"),
        (Filter(after=YEAR, before=YEAR), None, "no image is taken at or after 2023-01-01"),
        (Filter(after=datetime(2024, 1, 1), before=YEAR), None, "no image is taken"),
    ],
)
def test_values_that_no_image_has(
    colours: Workbench, where: Filter, min_score: float | None, says: str
) -> None:
    with pytest.raises(InputError, match=says):
        require_possible(where, min_score)
    with colours.open() as library, pytest.raises(InputError, match=says):
        library.search("red", where=where, min_score=min_score)


def test_values_at_the_ends_are_fine() -> None:
    for score in (-1.0, 0.0, 1.0, None):
        require_possible(Filter(after=YEAR, before=datetime(2023, 1, 2)), score)


def test_why_there_is_none(colours: Workbench) -> None:
    with colours.open() as library:
        with pytest.raises(NothingListedError, match="/no/such/dir: the library lists no") as gone:
            library.search("red", where=Filter(under=Path("/no/such/dir")))
        assert str(colours.photos) in str(gone.value)
        camera = library.search("red", where=Filter(camera="Nokia"))
        assert camera.why_none == "no image has a camera named like 'Nokia'; there is: none"
        late = library.search("red", where=Filter(after=datetime(2999, 1, 1)))
        assert (list(late), late.why_none) == ([], None)
        assert library.search("red", where=Filter(under=colours.photos)).why_none is None


def test_a_folder_by_any_spelling(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    decomposed = unicodedata.normalize("NFD", "été")
    bench.paint(f"{decomposed}/a.png", "red")
    bench.paint("other/b.png", "blue")
    bench.index()
    os.symlink(bench.photos, bench.photos.parent / "link")
    monkeypatch.chdir(bench.photos)
    with bench.open() as library:
        for under in (
            bench.photos / decomposed,
            bench.photos / unicodedata.normalize("NFC", "été"),
            bench.photos.parent / "link" / decomposed,
            Path(decomposed),
            Path(unicodedata.normalize("NFC", "été")),
        ):
            hits = library.search("red", where=Filter(under=under))
            assert [hit.path.name for hit in hits] == ["a.png"], under


@pytest.mark.parametrize(
    "where", [Filter(under=Path(os.fsdecode(b"/a/\xff"))), Filter(camera="\ud800 cam")]
)
def test_what_is_no_unicode(colours: Workbench, where: Filter) -> None:
    with colours.open() as library, pytest.raises(InputError, match="no Unicode text"):
        library.search("red", where=where)


def test_removing_and_captions_of_what_is_no_unicode(colours: Workbench) -> None:
    with colours.open() as library:
        with pytest.raises(InputError, match="no Unicode text"):
            library.remove([os.fsdecode(b"/a/\xff")])
        for pair in (
            ("\ud800.jpg", "a red wall"),
            (str(colours.photos / "red.png"), "\ud800 wall"),
        ):
            with pytest.raises(InputError, match="no Unicode text"):
                library.add_captions([pair])
        assert library.info().captions == 0
