"""Searches line by line, and scripts of moves for other programs."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Run, Workbench
from tests.support.places import ROOT


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    lines = io.StringIO("red\n\n  blue - red \n./nowhere.jpg\ngreen\n")
    monkeypatch.setattr(sys, "stdin", lines)
    return lines


def test_each_line_is_a_search_and_an_empty_line_ends_its_answer(
    colours: Workbench, run: Run, typed: io.StringIO
) -> None:
    loads = colours.loads
    done = run("search", "-i", "--json", "-k", 1)
    assert done.code == 0
    answers = done.out.split("\n\n")
    found = [Path(json.loads(each)["path"]).name if each.strip() else "" for each in answers]
    assert found[:2] == ["red.png", "blue.png"]
    assert "green.png" in found[2] or "green.png" in found[3]
    assert "nowhere.jpg: no such image file" in done.err
    assert colours.loads == loads + 1, "the encoder is loaded once"


def test_words_and_filters_of_the_command_hold(
    colours: Workbench, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("blue\n"))
    run("album", "add", "Two", colours.photos / "red.png", colours.photos / "white.png")
    done = run("search", "red", "--interactive", "--album", "Two", "--paths")
    assert len(done.out.split()) == 4
    assert "blue.png" not in done.out


def test_a_pipe_into_the_real_program(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "CLIPSEEK_LIBRARY": str(tmp_path / "library"),
    }

    def clipseek(*arguments: object, typed: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "cli", *map(str, arguments)],
            input=typed,
            capture_output=True,
            text=True,
            env=environment,
            check=True,
        )

    clipseek("index", ROOT / "sample_data" / "photos" / "food", "--model", "starter")
    done = clipseek("search", "-i", "--paths", "-k", 1, typed="citrus slices\na cup of coffee\n")
    assert [Path(line).name for line in done.stdout.split("\n") if line] == [
        "citrus-slices.jpg",
        "coffee-cup.jpg",
    ]
    assert done.stdout.count("\n\n") == 2


def test_a_script_moves_what_was_found_and_the_program_moves_nothing(
    bench: Workbench, run: Run, tmp_path: Path
) -> None:
    odd = ["a'b.png", "new\nline.png", "-rf.png", "$(touch x).png", "sub/a'b.png"]
    for number, name in enumerate(odd):
        bench.paint(name, (250, number, 0))
    bench.index()
    target = tmp_path / "to here"
    target.mkdir()
    (target / "-rf.png").write_bytes(b"somebody's")
    done = run("search", "red", "--all", "--move-list", target)
    assert "5 to move; nothing is moved" in done.err
    assert all((bench.photos / name).exists() for name in odd)
    assert list(target.iterdir()) == [target / "-rf.png"]
    subprocess.run(["/bin/sh"], input=done.out, text=True, check=True, cwd=tmp_path)
    assert not any((bench.photos / name).exists() for name in odd)
    assert {each.name for each in target.iterdir()} == {
        "a'b.png",
        "a'b (2).png",
        "new\nline.png",
        "-rf.png",
        "-rf (2).png",
        "$(touch x).png",
    }
    assert (target / "-rf.png").read_bytes() == b"somebody's"
    assert not (tmp_path / "x").exists()


def test_pairs_for_programs(colours: Workbench, run: Run, tmp_path: Path) -> None:
    red = colours.photos / "red.png"
    nul = run("search", "red", "-k", 1, "--move-list", tmp_path / "out", "-0")
    assert nul.out == f"{red}\0{tmp_path}/out/red.png\0"
    told = run("search", "red", "-k", 1, "--move-list", tmp_path / "out", "--json")
    assert json.loads(told.out) == {"from": str(red), "to": f"{tmp_path}/out/red.png"}
    assert run("search", "red", "-k", 1, "--move-list", colours.photos, "-0").out == ""
    assert run("search", "red", "--move-list", tmp_path, "--csv").code == 2
    assert not (tmp_path / "out").exists()
