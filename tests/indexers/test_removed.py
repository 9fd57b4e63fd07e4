"""What was removed for good stays out of every later run, until that is taken back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from searchengine import open_library
from tests.conftest import Run, Workbench


def listed(bench: Workbench) -> set[str]:
    with bench.open() as library:
        return {Path(state.path).name for state, _ in library.catalog.contents()}


ALL = {"red.png", "green.png", "blue.png", "white.png", "black.png", "yellow.png"}


def test_a_picture_that_is_removed_comes_back_and_one_removed_forever_does_not(
    colours: Workbench, run: Run
) -> None:
    assert run("remove", colours.photos / "red.png").code == 0
    done = run("remove", colours.photos / "blue.png", "--forever")
    assert done.err.strip() == "1 image removed from the library; no index run takes them again"
    [told] = json.loads(run("failures", "--excluded", "--json").out)
    assert told["path"] == str(colours.photos / "blue.png"), "listed at once, before any run"
    for _ in range(2):
        report = colours.index()
        assert (report.found, report.excluded) == (6, 1)
        assert listed(colours) == ALL - {"blue.png"}
        [told] = json.loads(run("failures", "--excluded", "--json").out)
        assert told["path"] == str(colours.photos / "blue.png")
        assert told["reason"] == "removed for good: clipseek remove --undo"


def test_there_is_a_way_back(colours: Workbench, run: Run) -> None:
    run("remove", colours.photos / "blue.png", colours.photos / "red.png", "--forever")
    colours.index()
    done = run("remove", "--undo", colours.photos / "blue.png", "--json")
    assert json.loads(done.out) == {"taken_back": 1}
    assert colours.index().indexed == 1
    assert listed(colours) == ALL - {"red.png"}
    wrong = run("remove", "--undo", colours.photos / "green.png")
    assert wrong.code == 1
    assert "nothing was removed there for good; there is: " in wrong.err
    assert "red.png" in wrong.err
    assert "1 picture or folder taken back" in run("remove", "--undo", colours.photos).err
    colours.index()
    assert listed(colours) == ALL


def test_a_folder_that_is_removed_forever_stays_out_with_all_that_comes_into_it(
    bench: Workbench, run: Run
) -> None:
    for name in ("a/one.png", "a/b/two.png", "ab/three.png", "four.png"):
        bench.paint(name, "red")
    bench.index()
    assert run("remove", bench.photos / "a", "--forever").code == 0
    bench.paint("a/new.png", "blue")
    bench.paint("a/c/new.png", "green")
    assert bench.index().removed == 0
    assert listed(bench) == {"three.png", "four.png"}
    assert bench.index([bench.photos / "a"]).excluded == 0, "a folder, not looked into"
    assert bench.index([bench.photos / "a" / "c"]).indexed == 0
    assert bench.index([bench.photos / "a" / "new.png"]).excluded == 1
    assert listed(bench) == {"three.png", "four.png"}


def test_nor_does_it_come_back_through_a_link(bench: Workbench, run: Run, tmp_path: Path) -> None:
    bench.paint("private/one.png", "red")
    bench.paint("private/two.png", "green")
    bench.paint("three.png", "blue")
    bench.index()
    run("remove", bench.photos / "private", "--forever")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "folder").symlink_to(bench.photos / "private")
    (elsewhere / "above").symlink_to(bench.photos)
    (elsewhere / "file.png").symlink_to(bench.photos / "private" / "one.png")
    bench.index([elsewhere])
    assert listed(bench) == {"three.png"}


def test_what_is_not_listed_is_not_removed_forever(colours: Workbench, run: Run) -> None:
    done = run("remove", colours.photos / "nothing.png", "--forever")
    assert done.code == 1
    assert "the library lists no image there" in done.err
    assert run("remove", colours.photos, "--forever", "--undo").code == 2
    assert colours.index().unchanged == 6


def test_what_was_removed_before_can_be_removed_forever(colours: Workbench, run: Run) -> None:
    done = run("remove", colours.photos / "red.png")
    assert "the next index run finds them again: --forever keeps them out" in done.err
    assert run("remove", colours.photos / "red.png").code == 1
    assert run("remove", colours.photos / "red.png", "--forever").code == 0
    assert colours.index().indexed == 0
    assert run("remove", "--undo", colours.photos / "red.png").code == 0
    assert colours.index().indexed + colours.index().copies == 1


def test_from_python(colours: Workbench) -> None:
    with open_library(colours.library_path) as library:
        assert library.remove([colours.photos / "red.png"], forever=True) == 1
        assert [each.path for each in library.excluded()] == [str(colours.photos / "red.png")]
        assert library.take_back([colours.photos]) == 1
        assert library.excluded() == []


@pytest.mark.parametrize("name", ["%.png", "a'b.png", "x_y.png", "[1].png"])
def test_names_are_no_patterns(bench: Workbench, run: Run, name: str) -> None:
    bench.paint(name, "red")
    bench.paint("other1.png", "blue")
    bench.index()
    run("remove", bench.photos / name, "--forever")
    bench.index()
    assert listed(bench) == {"other1.png"}
