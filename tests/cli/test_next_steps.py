"""What `clipseek` alone says, for each state a person can be in."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from cli import next_steps
from tests.conftest import Run, Workbench

INDEX = "  clipseek index ~/Pictures"


@pytest.fixture(autouse=True)
def _called_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(next_steps, "program", lambda: "clipseek")


def test_no_library_and_an_empty_one(bench: Workbench) -> None:
    none = f"There is no library at {bench.library_path} yet. Index your photos:"
    assert next_steps.next_steps(bench.library_path) == [none, INDEX]
    assert not bench.library_path.exists()
    bench.open().close()
    assert next_steps.next_steps(bench.library_path) == [
        f"The library at {bench.library_path} is empty. Index your photos:",
        INDEX,
    ]


def test_a_library_is_to_be_searched(run: Run, bench: Workbench) -> None:
    bench.paint("a.png", "red")
    bench.index()
    done = run()
    assert done.code == 0
    assert done.out.splitlines()[:5] == [
        f"1 image in {bench.library_path}. To search them:",
        "  clipseek search 'a dog on the beach'",
        "  clipseek serve --open",
        "To bring it up to date with your photos:",
        INDEX,
    ]
    assert done.out.splitlines()[5].startswith("Everything else: ")


def test_the_program_is_called_as_it_must_be(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.undo()
    binaries = tmp_path / "my env" / "bin"
    binaries.mkdir(parents=True)
    monkeypatch.setattr(sys, "executable", str(binaries / "python"))
    monkeypatch.setenv("PATH", "/nowhere")
    assert next_steps.program() == f"'{binaries}/python' -m cli"
    (binaries / "clipseek").touch(mode=0o755)
    monkeypatch.chdir(tmp_path)
    assert next_steps.program() == "'my env/bin/clipseek'"
    assert next_steps.shorter() == []
    (binaries / "activate").touch()
    assert next_steps.shorter() == ["To type just clipseek from now on: . 'my env/bin/activate'"]
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "clipseek").symlink_to(binaries / "clipseek")
    for place in (binaries, linked):
        monkeypatch.setenv("PATH", os.fspath(place))
        assert next_steps.program() == "clipseek"
    assert next_steps.shorter() == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("list them: clipseek failures --excluded", "failures --library 'my lib' --excluded"),
        ("saved; again with: clipseek album show Sky", "album show --library 'my lib' Sky"),
        ("mend it with clipseek check, or not", "mend it with clipseek check --library 'my lib', "),
        ("see: clipseek models", "see: clipseek models"),
        ("see: clipseek check --library x", "see: clipseek check --library x"),
        ("Usage: clipseek search [OPTIONS]", "Usage: clipseek search [OPTIONS]"),
        ("clipseek: clipseek serve needs more", "clipseek: clipseek serve needs more"),
    ],
)
@pytest.mark.parametrize("given", [["--library", "my lib"], ["--library=my lib"]])
def test_commands_that_are_named_are_for_the_same_library(
    line: str, said: str, given: list[str]
) -> None:
    assert said in next_steps.of_library(line, ["clipseek", "index", "x", *given])
    assert next_steps.of_library(line, ["clipseek", "index", "x"]) == line
