"""`clipseek index --watch` and `clipseek serve --watch`, as processes: found, and ended."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cli.staying import watching as staying
from searchengine import open_library
from tests.support.places import ROOT

PHOTOS = ROOT / "sample_data" / "photos"
PATIENCE = 90.0
"""Seconds: a real encoder is loaded, twice, and the machine may be busy."""


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PHOTOS / "food", tmp_path / "photos"))


@contextmanager
def clipseek(tmp_path: Path, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "CLIPSEEK_LIBRARY": str(tmp_path / "library"),
    }
    with (
        (tmp_path / "stderr.txt").open("w") as stderr,
        subprocess.Popen(
            [sys.executable, "-m", "cli", *map(str, arguments)],
            env=environment,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def said(tmp_path: Path) -> str:
    return (tmp_path / "stderr.txt").read_text("utf-8")


def wait_until_said(tmp_path: Path, words: str) -> None:
    end = time.monotonic() + PATIENCE
    while words not in said(tmp_path):
        assert time.monotonic() < end, said(tmp_path)
        time.sleep(0.1)


def bring(photo: Path, folder: Path) -> None:
    """A copy of a photo or a folder that is there at once: nobody sees a part of it."""
    copy = folder.parent / f"copy-{photo.name}"
    shutil.copytree(photo, copy) if photo.is_dir() else shutil.copy(photo, copy)
    copy.rename(folder / photo.name)


def names(tmp_path: Path) -> set[str]:
    with open_library(tmp_path / "library") as library:
        return {Path(state.path).name for state, _ in library.catalog.contents()}


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_index_goes_on_until_it_is_ended(photos: Path, tmp_path: Path, end: signal.Signals) -> None:
    with clipseek(tmp_path, "index", photos, "--watch", "--model", "starter", "--json") as process:
        wait_until_said(tmp_path, "watching ")
        bring(PHOTOS / "nature" / "blue-flowers.jpg", photos)
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["indexed"] == 3
        assert json.loads(process.stdout.readline())["indexed"] == 1, said(tmp_path)
        assert "blue-flowers.jpg" in names(tmp_path)
        process.send_signal(end)
        assert process.wait(PATIENCE) == 0
    assert said(tmp_path).endswith("stopped; what was done is saved\n")
    assert "Traceback" not in said(tmp_path)


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_serve_finds_what_comes_and_ends_with_its_watch(
    photos: Path, tmp_path: Path, end: signal.Signals
) -> None:
    with clipseek(tmp_path, "index", photos, "--model", "starter") as process:
        assert process.wait(PATIENCE) == 0, said(tmp_path)
    with clipseek(tmp_path, "serve", "--port", 0, "--watch", photos) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        wait_until_said(tmp_path, "watching ")
        if end is signal.SIGINT:
            bring(PHOTOS / "nature" / "blue-flowers.jpg", photos)
            wait_until_said(tmp_path, "1 indexed; 4 in all")
            with urllib.request.urlopen(f"{address}api/search?q=blue+flowers&k=1") as answer:
                [hit] = json.load(answer)["hits"]
            assert hit["path"].endswith("blue-flowers.jpg")
        [watch] = children(process.pid)
        process.send_signal(end)
        process.wait(PATIENCE)
        wait = time.monotonic() + PATIENCE
        while Path(f"/proc/{watch}").exists() and not is_dead(watch):
            assert time.monotonic() < wait, "the watch outlives its server"
            time.sleep(0.1)


def test_serve_makes_the_library_that_its_watch_fills(photos: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with clipseek(tmp_path, "serve", "--port", 0, "--watch", empty) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        with urllib.request.urlopen(address) as answer:
            assert answer.status == 200
        wait_until_said(tmp_path, "watching ")
        bring(photos, empty)
        wait_until_said(tmp_path, "3 indexed; 3 in all")
        with urllib.request.urlopen(f"{address}api/search?q=food&k=5") as answer:
            assert len(json.load(answer)["hits"]) == 3
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == 0


def test_no_library_is_left_where_its_server_cannot_begin(photos: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with clipseek(tmp_path, "serve", "--port", port, "--watch", photos) as process:
            assert process.wait(PATIENCE) == 1
    assert "cannot listen on" in said(tmp_path)
    assert not (tmp_path / "library").exists()


def children(parent: int) -> list[int]:
    """Processes whose parent is this one, by the system's own list."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text("utf-8").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append(int(status.parent.name))
    return found


def is_dead(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_what_cannot_be_watched_is_said_at_once(tmp_path: Path) -> None:
    with clipseek(tmp_path, "index", tmp_path / "nowhere", "--watch") as process:
        assert process.wait(PATIENCE) == 1
    assert "nowhere: no such file or directory" in said(tmp_path)
    with clipseek(tmp_path, "serve", "--watch", tmp_path / "nowhere") as process:
        assert process.wait(PATIENCE) == 1
    assert "nowhere: no such file or directory" in said(tmp_path)
    for command in (("index", tmp_path, "--watch"), ("serve", "--watch", tmp_path)):
        with clipseek(tmp_path, *command, "--library", "memory://x") as process:
            assert process.wait(PATIENCE) == 2
        assert "--watch is for libraries in a folder" in said(tmp_path)


def test_a_watch_that_ends_is_said_and_begins_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(staying, "PAUSE", 0.05)
    begun = tmp_path / "begun"
    program = (
        f"import sys, time; file = open({str(begun)!r}, 'a+'); file.write('.'); file.flush(); "
        "file.seek(0); number = len(file.read()); "
        "sys.exit(3) if number < 3 else time.sleep(1000)"
    )
    needed = tmp_path / "catalog"
    with staying.kept_going([sys.executable, "-c", program], needed):
        end = time.monotonic() + PATIENCE
        time.sleep(0.3)
        assert not begun.exists()
        needed.touch()
        while not begun.exists() or begun.stat().st_size < 3:
            assert time.monotonic() < end
            time.sleep(0.05)
    assert capfd.readouterr().err.count("the watch has ended (3): it begins again in") == 2
    assert begun.stat().st_size == 3
