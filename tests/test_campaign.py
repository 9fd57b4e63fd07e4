"""The campaigns of faults and damage, on a few cases. In full: tests/README.md."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.campaign import damage, mutations, writes
from tests.support.places import ROOT

LINUX = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("cc") is None, reason="needs Linux and a C compiler"
)


@LINUX
def test_faults_inside_writes_lose_nothing(tmp_path: Path) -> None:
    campaign = writes.Campaign(tmp_path, commands=3)
    wrong = [said for trial in campaign.trials(12, seed=3) for said in campaign.run(*trial)]
    assert wrong == []
    assert campaign.counts["kill: hit while it worked"] == 3


def test_damaged_pictures_are_refused_in_one_line() -> None:
    counts, wrong = mutations.run(600, seed=2)
    assert wrong == []
    assert min(counts.values()) > 50


@LINUX
def test_a_damaged_library_never_answers_wrong_in_silence(tmp_path: Path) -> None:
    campaign = damage.Campaign(tmp_path)
    files = {path.name: path for path in campaign.files()}
    assert set(files) >= {"catalog.sqlite", "vectors.f16", "captions.f16", "index.json"}
    wrong = [
        *campaign.run(files["vectors.f16"], "20 bits", 1),
        *campaign.run(files["vectors.f16"], "a page of zeros", 1),
        *campaign.run(files["captions.f16"], "garbage, same size", 1),
        *campaign.run(files["index.json"], "one bit", 1),
        *campaign.run(files["catalog.sqlite"], "truncated", 1),
    ]
    assert wrong == []


@LINUX
def test_libraries_in_parts_lose_nothing(tmp_path: Path) -> None:
    """In a process of its own, as it forks."""
    pytest.importorskip("pyarrow", reason="pyarrow is not installed: the extra shards")
    done = subprocess.run(
        [sys.executable, "-m", "tests.campaign.shards", "--runs", "3", "--seed", "4"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"^ +3  complete$", done.stdout, re.MULTILINE)
    assert "killed at work" in done.stdout
