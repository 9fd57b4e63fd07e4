"""Runs into a library in parts, killed at random moments, alone and two at once, then completed.

    python -m tests.campaign.shards --runs 50

Between kills inputs are added. After each run that is let finish every picture must be in the
library once, with its vector, and once what killed attempts left is collected no other file may be
there. The suite does so with fewer runs (`tests/test_campaign.py`). Needs a system that forks.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

from PIL import Image

from searchengine.shards.layout import done_shards
from searchengine.shards.status import collect
from searchengine.shards.storage import Storage
from searchengine.shards.tables import to_parquet
from tests.support.shards import Counting, check_parts, index, url_of, use

SHARDS, SHARD_SIZE = 10, 3
SECONDS_A_PICTURE = 0.01
"""Of the encoder: a run lasts about half a second."""


def campaign(directory: Path, runs: int, seed: int) -> Counter[str]:
    """What happened in so many runs. Raises AssertionError where a library is not as it must be."""
    use(lambda: Counting(SECONDS_A_PICTURE))
    to_parquet({"path": []})  # imported once, before the forks
    chance, counts = random.Random(seed), Counter[str]()
    for number in range(runs):
        photos, library = directory / f"photos{number}", directory / f"library{number}"
        photos.mkdir()
        _add(photos, chance, SHARDS * SHARD_SIZE)
        for _ in range(chance.randint(1, 3)):
            counts.update(_killed(library, photos, chance))
            if chance.random() < 0.3:
                _add(photos, chance, chance.randint(1, 5))
                counts["added to"] += 1
        together = [_started(library, photos) for _ in range(chance.randint(1, 2))]
        assert all(_ended(driver) == 0 for driver in together), "a driver failed"
        counts["ended two at once"] += len(together) == 2
        paths = [str(path) for path in photos.iterdir()]
        assert _ended(_child(partial(_check, library, paths))) == 0, f"run {number} is not whole"
        counts["complete"] += 1
    return counts


def _check(library: Path, paths: list[str]) -> None:
    check_parts(library, paths, orphans=True)
    collect(Storage(url_of(library)), keep=3, orphan_seconds=-1.0)
    check_parts(library, paths)


def _killed(library: Path, photos: Path, chance: random.Random) -> Counter[str]:
    """One or two drivers, each killed after a while."""
    counts = Counter[str]()
    drivers = [_started(library, photos) for _ in range(chance.randint(1, 2))]
    for driver in drivers:
        time.sleep(chance.random() * SHARDS * SHARD_SIZE * SECONDS_A_PICTURE)
        os.kill(driver, signal.SIGKILL)
        counts["killed at work" if _ended(driver) == -signal.SIGKILL else "ended first"] += 1
    done = len(done_shards(Storage(url_of(library))))
    counts["killed between parts"] += 0 < done < SHARDS
    return counts


def _started(library: Path, photos: Path) -> int:
    return _child(partial(index, library, photos, size=SHARD_SIZE))


def _child(work: Callable[[], object]) -> int:
    """A forked process that does the work. This one has no threads, which would be lost there."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return child


def _ended(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _add(photos: Path, chance: random.Random, number: int) -> None:
    first = len(list(photos.iterdir()))
    for place in range(first, first + number):
        colour = (chance.randrange(256), chance.randrange(256), place % 256)
        Image.new("RGB", (24, 18), colour).save(photos / f"{place:04}.png")


def main() -> None:
    """Run the campaign and say what happened."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        counts = campaign(Path(directory), arguments.runs, arguments.seed)
    for what, number in sorted(counts.items()):
        print(f"{number:6}  {what}")


if __name__ == "__main__":
    main()
