"""What Python gives a library: values that make no sense are said, and never answered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from searchengine.errors import (
    InputError,
    LibraryReplacedError,
    NotListedError,
    QueryError,
    RefusedValueError,
)
from searchengine.geography import Near
from searchengine.library.library import Library
from searchengine.retrieval.query import Kind, Mark, Query, Source
from searchengine.types import Filter, Orientation
from tests.conftest import Run, Workbench

Ask = Callable[[Library], object]


def _filtered(**values: Any) -> Ask:
    return lambda library: library.search("red", where=Filter(**values))


def _asked(query: object) -> Ask:
    return lambda library: library.search(query)  # type: ignore[arg-type]


def _like_red(**values: Any) -> Ask:
    return _asked(Query((Source(Kind.TEXT, "red"),), **values))


@pytest.mark.parametrize(
    ("ask", "error", "said"),
    [
        (_asked(np.full(8, np.nan)), QueryError, "no number, or too large"),
        (_asked(np.full(8, np.inf)), QueryError, "no number, or too large"),
        (_asked(np.full(8, 1e300)), QueryError, "no number, or too large"),
        (_asked(np.array([None] * 8)), InputError, "type object is no query"),
        (_asked(np.array(["a"] * 8)), InputError, "is no query; give a vector"),
        (_asked(Source(Kind.TEXT, "red", weight=float("nan"))), QueryError, "no number"),
        (_asked(Source(Kind.TEXT, "red", weight=float("inf"))), QueryError, "no number"),
        (_asked(Query(like=(Mark(1, float("nan")),))), QueryError, "no number"),
        (_asked(Query(like=(Mark(2**70),))), RefusedValueError, "cannot hold"),
        (_asked(Query(("red",))), InputError, "each of Query.sources is a Source, not 'red'"),  # type: ignore[arg-type]
        (_asked(Query((Source("text", "red"),))), InputError, "Source.kind is a Kind"),  # type: ignore[arg-type]
        (_asked(Source(Kind.TEXT, 5)), InputError, "is text, not 5"),
        (_like_red(by="words"), InputError, "Query.by is a By, not 'words'"),
        (_like_red(matching="normal"), InputError, "is a Strictness, not 'normal'"),
        (_like_red(like=(1,)), InputError, "is a Mark, not 1"),
        (_filtered(orientation="landscape"), InputError, "is an Orientation, not 'landscape'"),
        (_filtered(dated="no"), InputError, "dated is True or False, not 'no'"),
        (_filtered(after="2024"), InputError, "after is a datetime, not '2024'"),
        (_filtered(after=date(2024, 1, 1)), InputError, "after is a datetime"),
        (_filtered(before=datetime.now(UTC)), InputError, "a date is local, of no zone"),
        (_filtered(camera=5), InputError, "camera is text, not 5"),
        (_filtered(near=(1, 2)), InputError, "near is a Near"),
        (lambda library: library.search("red", where={}), InputError, "where is a Filter"),
        (lambda library: library.albums.add("x", ids=[2**70]), RefusedValueError, "cannot hold"),
        (lambda library: library.remove([""]), InputError, "an empty path names nothing"),
        (lambda library: library.take_back(""), InputError, "an empty path names nothing"),
        (lambda library: library.vectors(["", "x"]), InputError, "an empty path names nothing"),
        (lambda library: library.vectors("/nowhere/x.jpg"), NotListedError, "no image /nowhere/x"),
        (lambda library: library.describe(_first(library), texts=[]), InputError, "no texts"),
        (
            lambda library: library.describe(_first(library), texts=["a"], k=0),
            InputError,
            "k below",
        ),
    ],
)
def test_what_makes_no_sense_is_said(
    colours: Workbench, ask: Ask, error: type[Exception], said: str
) -> None:
    with colours.open() as library:
        with pytest.raises(error, match=said):
            ask(library)
        assert library.info().images == 6


def _first(library: Library) -> Path:
    return library.search("red", k=1)[0].path


@pytest.mark.parametrize(
    ("latitude", "longitude", "radius"),
    [(91, 0, 1), (0, 181, 1), (0, 0, 0), (0, 0, -5), (0, 0, float("inf")), (float("nan"), 0, 1)],
)
def test_no_place_is_near_nowhere(latitude: float, longitude: float, radius: float) -> None:
    with pytest.raises(InputError, match="no place: "):
        Near(latitude, longitude, radius)


def test_a_path_or_text_on_its_own_is_one(colours: Workbench) -> None:
    red = colours.photos / "red.png"
    with colours.open() as library:
        assert library.vectors(str(red)).shape == library.vectors([red]).shape
        assert [hit.text for hit in library.describe(red, texts="red")] == ["red"]
        assert library.albums.add("Warm", str(red)) == 1
        assert library.search(
            "red", where=Filter(orientation=Orientation.LANDSCAPE, under=red.parent)
        )
        assert library.remove(str(red)) == 1
        assert library.info().images == 5


def test_an_unset_variable_removes_nothing(colours: Workbench, run: Run) -> None:
    for command in (["remove", ""], ["album", "add", "x", ""], ["index", ""]):
        failed = run(*command)
        assert failed.code == 2
        assert "an empty argument" in failed.err
    with colours.open() as library:
        with pytest.raises(InputError, match="an empty path names nothing"):
            library.remove([""])
        assert library.info().images == 6


def test_writing_where_no_library_is_makes_nothing(colours: Workbench) -> None:
    with colours.open() as library:
        colours.library_path.rename(colours.library_path.with_name("away"))
        with pytest.raises(LibraryReplacedError), library.writing():
            pass
        assert not colours.library_path.exists()
