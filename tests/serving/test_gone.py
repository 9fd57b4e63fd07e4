"""A library that goes away, comes back, or is replaced under a running server."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.conftest import Workbench
from tests.support.serving import names, png, visit

PATHS = (
    "/api/search?q=red",
    "/api/facets",
    "/api/images/1",
    "/api/images/1/file",
    "/api/images/1/thumbnail",
    "/api/describe?id=1",
    "/api/info",
    "/api/health",
    "/",
    "/?q=red",
    "/images/1",
)


def _directory_moved(library: Path) -> None:
    library.rename(library.with_name("away"))


def _directory_deleted(library: Path) -> None:
    shutil.copytree(library, library.with_name("away"))
    shutil.rmtree(library)


def _catalog_deleted(library: Path) -> None:
    shutil.copytree(library, library.with_name("away"))
    (library / "catalog.sqlite").unlink()


def _file_instead(library: Path) -> None:
    _directory_moved(library)
    library.write_text("no library")


GOINGS = [_directory_moved, _directory_deleted, _catalog_deleted, _file_instead]


@pytest.mark.parametrize("go", GOINGS)
def test_a_library_that_is_gone_is_said_and_answers_when_it_is_back(
    colours: Workbench, go: Callable[[Path], None]
) -> None:
    library = colours.library_path
    with visit(colours) as client:
        before = {path: client.get(path) for path in PATHS}
        assert {answer.status_code for answer in before.values()} == {200}
        go(library)
        for path in PATHS:
            answer = client.get(path)
            assert answer.status_code == 503, path
            assert str(library) in answer.text
            assert "bring it back" in answer.text
        assert client.post("/api/search", files={"image": png("red")}).status_code == 503
        assert not (library / "catalog.sqlite").exists()  # nothing was made in its place
        if library.is_dir():
            shutil.rmtree(library)
        library.unlink(missing_ok=True)
        library.with_name("away").rename(library)
        for path in PATHS:
            assert client.get(path).status_code == 200, path
        assert client.get("/api/search?q=red").json() == before["/api/search?q=red"].json()


def _another(bench: Workbench, tmp_path: Path) -> Workbench:
    other = Workbench(tmp_path)
    for name in ("cyan", "magenta"):
        other.paint(f"{name}.png", name)
    other.index()
    return other


def test_a_library_in_its_place_is_the_one_that_answers(colours: Workbench, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = _another(colours, tmp_path / "other")
    with visit(colours) as client:
        key = client.post("/api/pictures", files={"image": png("red")}).json()["picture"]
        assert client.get("/api/info").json()["images"] == 6
        assert client.get("/api/facets").json()["images"] == 6
        _directory_moved(colours.library_path)
        other.library_path.rename(colours.library_path)
        assert client.get("/api/facets").json()["images"] == 2
        assert client.get("/api/info").json()["images"] == 2
        assert names(client.get("/api/search?q=cyan").json())[0] == "cyan.png"
        assert client.get("/api/images/1").json()["name"] in ("cyan.png", "magenta.png")
        assert client.get("/api/images/5").status_code == 404
        # It was a vector of the other library's encoder.
        assert client.get(f"/api/search?picture={key}").status_code == 410


def test_what_is_no_library_in_its_place_is_a_problem(colours: Workbench) -> None:
    catalog = colours.library_path / "catalog.sqlite"
    with visit(colours) as client:
        assert client.get("/api/info").status_code == 200
        kept = catalog.with_name("kept")
        os.rename(catalog, kept)
        catalog.write_bytes(b"no catalog at all" * 1000)
        for _ in range(3):
            answer = client.get("/api/search?q=red")
            assert answer.status_code == 503
            assert "damaged" in answer.json()["detail"]
        os.replace(kept, catalog)
        assert client.get("/api/search?q=red").status_code == 200


def test_vectors_that_are_gone_are_a_problem(colours: Workbench) -> None:
    spaces = colours.library_path / "spaces"
    with visit(colours) as client:
        spaces.rename(spaces.with_name("away"))
        _is_problem(client, "/api/search?q=red")
        _is_problem(client, "/images/1")
        spaces.with_name("away").rename(spaces)
        assert client.get("/api/search?q=red").status_code == 200


def _is_problem(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
