from __future__ import annotations

import os
from pathlib import Path

import pytest

from cli.written import require_writable
from searchengine.errors import InputError
from tests.conftest import Run, Workbench


def test_files_and_folders_that_can_be_written(tmp_path: Path) -> None:
    there = tmp_path / "there.json"
    there.touch()
    require_writable(None, there, tmp_path / "new.html", folders=(tmp_path, tmp_path / "a/b", None))
    require_writable(Path(os.devnull), Path(os.devnull), read=(there, None))
    assert sorted(tmp_path.iterdir()) == [there], "it only looks"


def test_what_cannot_be_written_is_said_before_the_work(tmp_path: Path) -> None:
    source = tmp_path / "captions.csv"
    source.touch()
    (tmp_path / "link.json").symlink_to(source)
    (tmp_path / "gone").symlink_to("nowhere")
    for files, folders, said in (
        ([tmp_path], [], "it is a directory"),
        ([tmp_path / "no" / "x"], [], "there is no directory"),
        ([tmp_path / "x.JPG"], [], "it has the name of an image"),
        ([tmp_path / "link.json"], [], "it is read"),
        ([tmp_path / "x", tmp_path / "x"], [], "twice"),
        ([tmp_path / "x"], [tmp_path / "x"], "twice"),
        ([], [source], "captions.csv is no directory"),
        ([], [source / "below"], "captions.csv is no directory"),
        ([], [tmp_path / "gone"], "gone is no directory"),
    ):
        with pytest.raises(InputError, match=said):
            require_writable(*files, folders=folders, read=[source])


def test_commands_look_before_they_begin(bench: Workbench, run: Run, tmp_path: Path) -> None:
    photo = bench.paint("a.png", "red")
    bench.index()
    loads = bench.loads
    texts = tmp_path / "texts.txt"
    texts.write_text("red\n")
    for command, code, said in (
        (["search", "red", "--html", tmp_path], 1, "it is a directory"),
        (["search", "red", "--copy-to", texts], 1, "is no directory"),
        (["search", "red", "--zip", "a", "--html", "a"], 1, "twice"),
        (["search", "-i", "--copy-to", tmp_path], 2, "-i collects and saves nothing"),
        (["describe", photo, "--where", "red", "--html", tmp_path], 1, "it is a directory"),
        (["describe", photo, "--texts", texts, "--source", "x"], 2, "choose one"),
        (["judge", texts, "--page", texts], 1, "it is read"),
        (["judge", texts, "--json"], 2, "--json has the numbers of --judged FILE"),
        (["index", bench.photos, "--device", "x"], 2, "'x' is none of auto, cpu, cuda, mps"),
    ):
        done = run(*command)
        assert (done.code, done.out) == (code, ""), command
        assert said in done.err
    assert bench.loads == loads
