"""The campaigns of faults and damage, on a few cases. In full: tests/README.md."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import pytest

from tests.campaign import mutations
from tests.support.places import ROOT

LINUX = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("cc") is None, reason="needs Linux and a C compiler"
)


def campaign(name: str, *arguments: object) -> str:
    """What a campaign printed that found nothing wrong, in a process of its own, as it forks."""
    done = subprocess.run(
        [sys.executable, "-m", f"tests.campaign.{name}", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@LINUX
def test_faults_inside_writes_lose_nothing() -> None:
    said = campaign("writes", "--trials", 15, "--commands", 3, "--seed", 3)
    assert re.search(r"^ +3 kill: hit while it worked$", said, re.MULTILINE)
    assert re.search(r"^ +0 wrong$", said, re.MULTILINE)


def test_damaged_pictures_are_refused_in_one_line() -> None:
    counts, wrong = mutations.run(600, seed=2)
    assert wrong == []
    assert min(counts.values()) > 50


@LINUX
def test_a_damaged_library_never_answers_wrong_in_silence() -> None:
    said = campaign("damage", "--trials", 1, "--sample", 6, "--seed", 2)
    every = {
        "catalog.sqlite", "vectors.f16", "captions.f16", "index.faiss", "index.json", "looks.bin",
        "stacks.safetensors", "alignment.safetensors", "relevance.safetensors", "columns.json",
        "when.i8", "folder.i4", "camera.i4", "labels.i4", "kind.u1", "alive.bits", "sums.u4",
        "folders.txt", "cameras.txt", "labelled.txt", "text_tower.safetensors",
    }  # fmt: skip
    files = said.splitlines()[0].split()
    assert set(files) >= every
    assert files.count("index.json") == 2  # of pictures, and of captions
    assert sum(name.startswith("names-1") for name in files) == 2
    assert re.search(r"^ +0 wrong$", said, re.MULTILINE)


@LINUX
def test_libraries_in_parts_lose_nothing() -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed: the extra shards")
    said = campaign("shards", "--runs", 3, "--seed", 4)
    assert re.search(r"^ +3  complete$", said, re.MULTILINE)
    assert "killed at work" in said


@LINUX
def test_new_snapshots_reach_a_server_that_is_asked_meanwhile() -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is not installed: the extra shards")
    said = campaign("swaps", "--images", 2_000, "--swaps", 3, "--look", 0.3)
    assert re.search(r"^\d+ answers, 0 failed$", said, re.MULTILINE)
