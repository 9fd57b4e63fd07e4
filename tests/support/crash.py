"""Kill index runs with SIGKILL at random moments and check the library after each.

    python -m tests.support.crash --runs 50

The suite does the same with fewer runs (`test_crash.py`). Between runs files are added, changed,
moved and deleted, so that every kind of write is under way when the signal comes. At the end one
run is let finish, and the library must list exactly what is on the disk.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from unittest.mock import patch

from indexers import pipeline
from indexers import reading as run
from searchengine.library.library import Library, open_library
from searchengine.spaces import following
from searchengine.spaces.following import fault_of_columns
from searchengine.types import Filter, Pixels, Vectors
from tests.support.fake import FakeEncoder
from tests.support.libraries import check_library
from tests.support.pictures import paint, save_again
from tests.support.places import ROOT

FILES, COPIES = 240, 10
TOO_MANY = 400
"""Pictures whose facts and vectors a disk of 400 kB does not hold: they take a kilobyte each, and
an empty library takes half of it."""
SECONDS_A_FILE = 0.004
"""About what the slow encoder and the rest of the run take; kills are spread over the whole run."""


class SlowEncoder(FakeEncoder):
    """The fake encoder at the speed of a real one, so that a run lasts about a second."""

    def encode_pixels(self, pixels: Sequence[Pixels]) -> Vectors:
        time.sleep(0.75 * SECONDS_A_FILE * len(pixels))
        return super().encode_pixels(pixels)


class _Doomed:
    """Kills its own process after about a share of the work: whatever else the machine does."""

    def __init__(self, share: float | None) -> None:
        self._share = share

    def planned(self, total: int) -> None:
        if self._share is not None:
            wait = self._share * total * SECONDS_A_FILE
            timer = threading.Timer(wait, os.kill, (os.getpid(), signal.SIGKILL))
            timer.daemon = True  # a run that has ended is not killed
            timer.start()

    def started(self) -> None: ...

    def advanced(self) -> None: ...

    def skipped(self, path: str, reason: str) -> None: ...


def run_to_be_killed(photos: Path, library: Path, share: float | None = None) -> None:
    """An index run that saves after every small batch, killed after a share of its work."""
    with (
        patch.object(run, "SAVE_SECONDS", SECONDS_A_FILE),
        patch.object(following, "LEAST_ROWS", 1),
        open_library(library, create=True) as opened,
    ):
        pipeline.index(
            opened,
            [photos],
            encoder="fake",
            load=SlowEncoder,
            observer=_Doomed(share),
            options=run.IndexOptions(batch_size=8, workers=2),
        )


def fill_up(photos: Path, library: Path) -> None:
    """An index run of more pictures than a small disk holds the facts and vectors of."""
    photos.mkdir(exist_ok=True)
    chance = random.Random(1)
    for number in range(TOO_MANY):
        if not (photos / f"{number:04}.png").exists():
            paint(photos / f"{number:04}.png", chance)
    run_to_be_killed(photos, library)


def campaign(directory: Path, runs: int, seed: int) -> int:
    """Kill `runs` runs and check the library each time; returns how many died before their end."""
    chance = random.Random(seed)
    photos, library = directory / "photos", directory / "library"
    photos.mkdir()
    for number in range(FILES):
        paint(photos / f"{number:04}.png", chance)
    for number in range(COPIES):
        save_again(photos / f"{number:04}.png")
        shutil.copy(photos / f"{number:04}.png", photos / f"{number:04} copy.png")
        shutil.copy(photos / f"{number:04}.png", photos / f"z{number:04}.png")
    died_early = 0
    for number in range(runs):
        died_early += _start_and_kill(photos, library, chance.random())
        if (library / "catalog.sqlite").exists():
            with open_library(library, load=lambda _: FakeEncoder()) as opened:
                if opened.info().images:
                    opened.search("red", k=5)
                    _compare_filters(opened)
            check_library(library)
        _disturb(photos, chance, number)
    run_to_be_killed(photos, library)
    check_library(library, FakeEncoder())
    with open_library(library, load=lambda _: FakeEncoder()) as opened:
        hits = opened.search("red", k=10 * FILES)
        assert {hit.path for hit in hits} == set(photos.iterdir()), "not what is on the disk"
        assert opened.failures() == []
    return died_early


def _compare_filters(library: Library) -> None:
    """Columns, where a run was not killed before they were in step, have the rows of SQL."""
    space = library.space()
    assert fault_of_columns(space) is None
    with library.catalog.snapshot() as now:
        count = now.rows(space.info)
        for where in (Filter(dated=False), Filter(after=datetime(2000, 1, 1))):
            expected = now.rows_matching(space.info, where).tolist()
            assert space.passing(now, count, where).numbers().tolist() == expected
        dead = now.dead_rows(space.info)
        assert space.living(now, count).size == count - len(dead)


def _start_and_kill(photos: Path, library: Path, share: float) -> bool:
    """Kill a run after about this share of its work; returns whether it was still at work."""
    given = map(str, (photos, library, share))
    command = [sys.executable, "-m", "tests.support.crash", "--victim", *given]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, cwd=ROOT, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode in (0, -signal.SIGKILL), done.returncode
    return done.returncode != 0


def _disturb(photos: Path, chance: random.Random, number: int) -> None:
    """Delete, move, change and add some files."""
    names = sorted(photos.iterdir())
    chance.shuffle(names)
    for path in names[:5]:
        path.unlink()
    for path in names[5:15]:
        path.rename(photos / f"moved{number}-{path.name}")
    for path in names[15:45]:
        paint(path, chance)
    for extra in range(5):
        paint(photos / f"new{number}-{extra}.png", chance)


def main() -> None:
    """Run the campaign from the command line, or one victim of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--victim", nargs=3, metavar=("PHOTOS", "LIBRARY", "SHARE"))
    arguments = parser.parse_args()
    if arguments.victim:
        photos, library, share = arguments.victim
        run_to_be_killed(Path(photos), Path(library), float(share))
        return
    with tempfile.TemporaryDirectory() as directory:
        died_early = campaign(Path(directory), arguments.runs, arguments.seed)
    print(f"{arguments.runs} runs, {died_early} of them killed before their end: the library was")
    print("valid after every one, and complete after the last run, which was let finish")


if __name__ == "__main__":
    main()
