"""Filters alone: all that passes is listed, the latest first."""

from __future__ import annotations

import csv
import json
import os
from datetime import datetime
from pathlib import Path

import pytest

from tests.conftest import Run, Workbench

COLOURS = ("red", "green", "blue", "white", "black", "yellow")


@pytest.fixture
def dated(bench: Workbench) -> Workbench:
    """Six pictures, the file of each a day younger than that of the one before."""
    for day, colour in enumerate(COLOURS, start=1):
        at = datetime(2024, 5, day, 12).timestamp()
        os.utime(bench.paint(f"{'ab'[day % 2]}/{colour}.png", colour), (at, at))
    bench.index()
    return bench


def listed(run: Run, *arguments: object) -> list[str]:
    done = run("search", *arguments, "--paths")
    assert done.code == 0, done.err
    return [Path(line).stem for line in done.out.splitlines()]


def test_the_latest_come_first(run: Run, dated: Workbench) -> None:
    assert listed(run, "--after", "2024-05-03") == ["yellow", "black", "white", "blue"]
    assert listed(run, "--before", "2024-05-03") == ["green", "red"]
    assert listed(run, "--under", dated.photos / "a", "--before", "2024-05-05") == [
        "white",
        "green",
    ]
    assert listed(run, "--after", "2024", "-k", "2", "--offset", "1") == ["black", "white"]
    assert listed(run, "--after", "2024", "--sort", "path") == [
        *("green", "white", "yellow"),
        *("black", "blue", "red"),
    ]
    assert dated.loads == 1, "the encoder, to index"


def test_what_is_printed(run: Run, dated: Workbench, tmp_path: Path) -> None:
    done = run("search", "--after", "2024", "--top", "2")
    head, first, _ = done.out.splitlines()
    assert head.split() == ["path", "size", "date"]
    assert first.split() == [str(dated.photos / "a" / "yellow.png"), "40x30", "~2024-05-06"]
    assert "2 of 6 pictures; more: --top N" in done.err
    lines = run("search", "--after", "2024-05-06", "--json").out.splitlines()
    [record] = map(json.loads, lines)
    assert list(record) == ["id", "path", "width", "height", "taken_at", "modified_at"]
    assert (record["width"], record["modified_at"]) == (40, "2024-05-06T12:00:00")
    table = list(csv.DictReader(run("search", "--after", "2024-05-06", "--csv").out.splitlines()))
    assert [row["path"] for row in table] == [record["path"]]
    page = tmp_path / "page.html"
    run("search", "--after", "2024-05-05", "--html", page)
    text = page.read_text("utf-8")
    assert text.count("<img") == 2
    assert "cosine" not in text
    assert "Pictures, the latest first" in text
    assert "<p>2 pictures</p>" in text
    assert "no pictures" in run("search", "--after", "2030").err


def test_what_is_done_with_them(run: Run, dated: Workbench, tmp_path: Path) -> None:
    run("search", "--after", "2024-05-05", "--copy-to", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["black.png", "yellow.png"]
    moves = run("search", "--after", "2024-05-06", "--move-list", tmp_path / "there").out
    assert str(dated.photos / "a" / "yellow.png") in moves
    run("search", "--after", "2024-05-05", "--save", "May")
    assert run("album", "show", "May", "--paths").out.endswith("black.png\n")


def test_files_that_are_gone_are_passed_by(run: Run, dated: Workbench) -> None:
    (dated.photos / "a" / "yellow.png").unlink()
    done = run("search", "--after", "2024", "-k", "2", "--paths")
    assert [Path(line).stem for line in done.out.splitlines()] == ["black", "white"]
    assert "the files of 1 picture are gone; if no drive is missing" in done.err
    for path in dated.photos.rglob("*.png"):
        path.unlink()
    assert listed(run, "--after", "2024", "-k", "2") == ["yellow", "black"], "a drive is missing"


def test_an_empty_library_is_said(run: Run, bench: Workbench) -> None:
    bench.open().close()
    done = run("search", "--after", "2024")
    assert (done.code, "is empty; fill it with: clipseek index PATH" in done.err) == (1, True)
