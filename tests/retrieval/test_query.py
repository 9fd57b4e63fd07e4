"""What people have at hand becomes a query, and is searched by."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from searchengine.errors import InputError, NotListedError, QueryError
from searchengine.index.types import Modality
from searchengine.library.library import Library
from searchengine.retrieval.asked import Asked, as_query
from searchengine.retrieval.compose import LESS, MORE
from searchengine.retrieval.hits import HIT_FIELDS, TEXT_FIELDS
from searchengine.retrieval.query import Kind, Mark, Query, Source
from tests.conftest import Workbench

GREEN = (0, 128, 0)


def picture() -> Image.Image:
    return Image.new("RGB", (40, 30), GREEN)


def unlisted(bench: Workbench) -> Path:
    """A green picture that the library does not list."""
    path = bench.photos.parent / "unlisted.png"
    picture().save(path)
    return path


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(lambda bench: "green", id="text"),
        pytest.param(lambda bench: str(unlisted(bench)), id="path as text"),
        pytest.param(lambda bench: unlisted(bench), id="path"),
        pytest.param(lambda bench: picture(), id="picture"),
        pytest.param(lambda bench: np.asarray(picture()), id="pixels"),
        pytest.param(lambda bench: bench.encoder.encode_images([picture()])[0], id="vector"),
        pytest.param(lambda bench: bench.encoder.encode_images([picture()]), id="row of a matrix"),
        pytest.param(
            lambda bench: bench.encoder.encode_images([picture()])[0].astype(np.float16),
            id="half precision vector",
        ),
        pytest.param(lambda bench: ["green", unlisted(bench)], id="text and picture"),
        pytest.param(lambda bench: Source(Kind.TEXT, "green"), id="source"),
        pytest.param(
            lambda bench: Query((Source(Kind.TEXT, "green"), Source(Kind.TEXT, "red", -0.2))),
            id="query",
        ),
    ],
)
def test_what_people_have_at_hand_is_a_query(
    colours: Workbench, asked: Callable[[Workbench], Asked]
) -> None:
    with colours.open() as library:
        hits = library.search(asked(colours), k=2)
    assert hits[0].path.name == "green.png"


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        (3, InputError, "int is no query"),
        (b"red", InputError, "bytes is no query"),
        (np.zeros((2, 8)), InputError, r"an array of shape \(2, 8\)"),
        (np.ones(7), InputError, r"a vector of shape \(7,\) in a space of 8 dimensions"),
        ([], QueryError, "nothing to search for"),
        (Query(), QueryError, "nothing to search for"),
        (["red", Source(Kind.TEXT, "red", -1.0)], QueryError, "cancel each other out"),
        (Query(like=(Mark(99),)), NotListedError, "the library lists no image 99"),
        (Path("missing.jpg"), InputError, "missing.jpg: no such file"),
    ],
)
def test_what_is_no_query_is_said(
    colours: Workbench, asked: Asked, error: type[Exception], message: str
) -> None:
    with colours.open() as library, pytest.raises(error, match=message):
        library.search(asked)


def test_a_query_knows_what_it_is_made_of() -> None:
    text, listed = Source(Kind.TEXT, "red"), Source(Kind.LISTED, 1)
    vector = Source(Kind.VECTOR, np.ones(8))
    assert Query((text,)).modality is Modality.TEXT
    assert Query((listed,)).modality is Modality.IMAGE
    assert Query((text, listed)).modality is None
    assert Query((text,), like=(Mark(1),)).modality is None
    assert Query(unlike=(Mark(1),)).modality is Modality.IMAGE
    assert Query((vector,)).modality is None
    assert Query((Source(Kind.VECTOR, np.ones(8), modality=Modality.IMAGE),)).modality is (
        Modality.IMAGE
    )
    assert as_query(["a", "b"]).texts == ["a", "b"]


def test_likes_and_dislikes_move_a_query_as_rocchio_has_it(colours: Workbench) -> None:
    with colours.open() as library:
        ids = {hit.path.stem: hit.id for hit in library.search("red")}
        rows = dict(
            zip(ids, library.vectors([colours.photos / f"{name}.png" for name in ids]), strict=True)
        )
        query = Query(
            (Source(Kind.TEXT, "red"), Source(Kind.LISTED, ids["white"], 0.5)),
            like=(Mark(ids["blue"], 2), Mark(ids["green"])),
            unlike=(Mark(ids["black"]),),
        )
        total = colours.encoder.encode_texts(["red"])[0] + 0.5 * rows["white"]
        total += MORE * (2 * rows["blue"] + rows["green"]) / 3 - LESS * rows["black"]
        expected = {name: row @ total / np.linalg.norm(total) for name, row in rows.items()}
        del expected["white"]  # a source is no hit
        found = {hit.path.stem: hit.score for hit in library.search(query)}
    assert found == pytest.approx(expected, abs=1e-5)
    assert list(found) == sorted(expected, key=expected.__getitem__, reverse=True)


def test_stored_vectors_by_path(colours: Workbench) -> None:
    paths = [colours.photos / f"{name}.png" for name in ("blue", "red", "blue")]
    with colours.open() as library:
        rows = library.vectors(paths)
        expected = colours.encoder.encode_images([Image.open(path) for path in paths])
        np.testing.assert_allclose(rows, expected, atol=1e-3)
        assert rows.dtype == np.float32
        assert library.vectors([]).shape == (0, 8)
        with pytest.raises(NotListedError, match=r"gone\.png"):
            library.vectors([colours.photos / "gone.png"])
        with pytest.raises(NotListedError):
            library.vectors([colours.photos])


def test_hits_are_records_and_show_pictures(colours: Workbench) -> None:
    (colours.photos / "red.png").rename(colours.photos / "gone.png")
    with colours.open() as library:
        hits = library.search("red", k=3)
    records = hits.records()
    fields = [list(HIT_FIELDS)] * 3
    assert [list(record) for record in records] == [[*HIT_FIELDS, *TEXT_FIELDS], *fields[1:]]
    assert records[0]["matched"] == "name"
    assert records[1]["path"] == str(hits[1].path)
    shown = hits._repr_html_()
    assert shown.count('<img src="data:image/jpeg;base64,') == 2
    assert shown.count("<figure") == 3
    assert "No such file" in shown
    assert hits[1]._repr_html_() in shown


def test_a_library_says_what_it_is(colours: Workbench, tmp_path: Path) -> None:
    with colours.open() as library:
        assert repr(library) == f"<Library {colours.library_path}: 6 images, spaces: fake>"
        assert len(library) == 6
    with Workbench(tmp_path_of(tmp_path)).open() as empty:
        assert len(empty) == 0
        assert empty
        assert repr(empty).endswith(": 0 images, spaces: none>")


def tmp_path_of(tmp_path: Path) -> Path:
    place = tmp_path / "other"
    place.mkdir()
    return place


def test_describe_takes_what_search_takes(colours: Workbench) -> None:
    texts = ["a green thing", "a blue thing"]
    with colours.open() as library:
        [blue] = [hit.id for hit in library.search("blue", k=1)]
        for asked in (colours.photos / "blue.png", Source(Kind.LISTED, blue)):
            assert library.describe(asked, texts=texts, k=1)[0].text == "a blue thing"
        assert library.nearest_captions("blue") == []


def test_a_search_answers_as_of_one_moment(
    colours: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Images are removed and added by somebody else while a search ranks."""
    from searchengine.retrieval import rank

    changed = []
    scored = rank._scored

    def scored_while_others_write(*args: object, **kwargs: object) -> object:
        with colours.open() as other:
            other.remove([colours.photos / "red.png"])
        colours.paint("crimson.png", (220, 20, 60))
        colours.index()
        changed.append(True)
        return scored(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(rank, "_scored", scored_while_others_write)
    with colours.open() as library:
        before = library.search("red", k=10)
        monkeypatch.setattr(rank, "_scored", scored)
        after = library.search("red", k=10)
    assert changed
    assert {hit.path.name for hit in before} >= {"red.png"}
    assert "crimson.png" not in {hit.path.name for hit in before}
    assert [hit.rank for hit in before] == list(range(1, 7))
    assert {hit.path.name for hit in after} >= {"crimson.png"}


def test_a_library_can_be_searched_by_any_thread(colours: Workbench) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def ask(library: Library) -> str:
        return library.search(np.asarray(colours.encoder.encode_texts(["blue"])[0]))[0].path.name

    with colours.open() as library, ThreadPoolExecutor(4) as pool:
        assert set(pool.map(ask, [library] * 40)) == {"blue.png"}
