"""Runs into a library in parts on a Ray cluster, killed at random moments, then completed.

    python -m tests.campaign.actors --runs 50 [--own]

Each run, one or two times, loses an actor's process or its driver, which is started again. In the
end every picture must be in the library once, with the vector that an undisturbed run gives it, and
nothing else once what killed attempts left is collected. The tars are served slowly over HTTP, by
this process, which so sees how often each shard was begun: an actor that is killed may lose one,
a driver one for each of its actors. With --own each driver starts a cluster, which dies with it.
Linux.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from searchengine.shards.layout import done_shards
from searchengine.shards.status import collect
from searchengine.shards.storage import Storage
from tests.support.places import ROOT
from tests.support.ray_cluster import actors, apart, cluster
from tests.support.shards import check_parts, cosine, stored, tar_of, url_of

PHOTOS = ROOT / "sample_data" / "photos" / "animals"
SHARDS, PHOTOS_A_SHARD, ACTORS = 16, 2, 2
SECONDS_A_SHARD = 0.4
"""That a tar is on its way: the actors work for longer than they take to start."""
PATIENCE = 180.0
"""Seconds in which a run, and what a killed one left, must have ended."""
LEAST_COSINE = 0.9999

_PR_SET_CHILD_SUBREAPER = 36
"""What a killed driver leaves becomes ours, and is so seen until it ends."""


class Inputs(ThreadingHTTPServer):
    """Tars of a folder, each as a stream, and how often one was asked for."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), partial(_Slow, directory=str(folder)))
        self.begun = 0

    @property
    def source(self) -> str:
        """As a command takes it."""
        return f"http://127.0.0.1:{self.server_port}/{{00..{SHARDS - 1}}}.tar"


class _Slow(SimpleHTTPRequestHandler):
    server: Inputs

    def do_GET(self) -> None:
        self.server.begun += 1
        with suppress(ConnectionError):  # of a reader that was killed
            super().do_GET()

    def end_headers(self) -> None:
        self.send_header("Accept-Ranges", "none")  # one request a tar
        super().end_headers()

    def copyfile(self, source: Any, outputfile: Any) -> None:
        data = source.read()
        outputfile.write(data[: len(data) // 2])
        time.sleep(SECONDS_A_SHARD)
        outputfile.write(data[len(data) // 2 :])

    def log_message(self, *_: object) -> None: ...


@dataclass(frozen=True, slots=True)
class Scene:
    """What all runs have in common."""

    directory: Path
    inputs: Inputs
    surroundings: Mapping[str, str]
    """Of drivers: where their cluster is."""

    def driver(self, library: Path) -> subprocess.Popen[bytes]:
        """A run under way."""
        command = [sys.executable, "-m", "cli", "index", self.inputs.source]
        options = ["--library", url_of(library), "--model", "starter", "--executor", "ray"]
        with (self.directory / "said").open("wb") as said:
            return subprocess.Popen(
                [*command, *options, "--workers", str(ACTORS)],
                cwd=ROOT,
                env={**os.environ, **self.surroundings},
                stdout=said,
                stderr=said,
            )

    def must_end(self, driver: subprocess.Popen[bytes]) -> None:
        """Wait for a run, which must end well."""
        code = driver.wait(PATIENCE)
        assert code == 0, (self.directory / "said").read_text()


@contextmanager
def scene(directory: Path, *, own: bool) -> Iterator[Scene]:
    """Inputs that are served, and a cluster, unless drivers have their `own`."""
    photos = sorted(PHOTOS.iterdir())
    (directory / "tars").mkdir()
    for number in range(SHARDS):
        some = [photos[(number + place) % len(photos)] for place in range(PHOTOS_A_SHARD)]
        tar_of(directory / "tars" / f"{number:02}.tar", some)
    inputs = Inputs(directory / "tars")
    threading.Thread(target=inputs.serve_forever, daemon=True).start()
    if own:
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        with apart():
            yield Scene(directory, inputs, {})
    else:
        with cluster() as address:
            yield Scene(directory, inputs, {"RAY_ADDRESS": address})
    inputs.shutdown()
    inputs.server_close()


def campaign(scene: Scene, runs: Sequence[int], seed: int) -> Counter[str]:
    """What happened in these runs, each said as it ends. Raises AssertionError over what is wrong.

    A run that ends before it is killed is tried anew.
    """
    undisturbed = scene.directory / "undisturbed"
    began = time.monotonic()
    driver = scene.driver(undisturbed)
    _wait_for(scene, driver, 1)
    start = time.monotonic() - began
    scene.must_end(driver)
    print(
        f"undisturbed: {start:.1f} s until a shard is begun, {time.monotonic() - began:.1f} in all"
    )
    rows = {path: row for path, (_, row) in stored(undisturbed).items()}
    assert len(rows) == SHARDS * PHOTOS_A_SHARD
    counts = Counter[str]()
    for number in runs:
        chance = random.Random(f"{seed} {number}")
        for attempt in count():
            _wait_for_no_actor()
            library = scene.directory / f"{number}-{attempt}"
            happened = _killed(scene, library, chance, start)
            happened["files collected"] += _check(library, rows)
            counts.update(happened)
            if happened["that might have been"]:
                break
        counts["complete"] += 1
    return counts


def _killed(scene: Scene, library: Path, chance: random.Random, start: float) -> Counter[str]:
    """A run that loses an actor or its driver at some moment, and is completed.

    A quarter of the moments lie in the `start` seconds before the first shard is begun.
    """
    happened, said, may_lose = Counter[str](), [], 0
    scene.inputs.begun = 0
    driver = scene.driver(library)
    for _ in range(chance.randint(1, 2)):
        is_driver, shards = chance.random() < 0.5, max(0, chance.randint(-SHARDS // 3, SHARDS - 2))
        later = chance.random() * (2 * SECONDS_A_SHARD if shards else start)
        _wait_for(scene, driver, scene.inputs.begun + shards)
        time.sleep(later)
        victim = driver.pid if is_driver else _actor(driver, chance)
        if victim is None or driver.poll() is not None:
            happened["ended first"] += 1
            break
        os.kill(victim, signal.SIGKILL)
        done = len(done_shards(Storage(url_of(library))))
        happened["killed between parts"] += 0 < done < SHARDS
        happened["drivers killed" if is_driver else "actors killed"] += 1
        may_lose += ACTORS if is_driver else 1
        said.append(f"{'driver' if is_driver else 'actor'} at {done} done, {later:.2f} s")
        if is_driver:
            driver.wait()
            driver = scene.driver(library)
    scene.must_end(driver)
    lost = scene.inputs.begun - SHARDS
    print(f"run {library.name}: {'; '.join(said) or 'ended first'}; {lost} lost", flush=True)
    assert lost <= may_lose, "more than one shard for each actor was lost"
    happened["shards begun again"] += lost
    happened["that might have been"] += may_lose
    return happened


def _wait_for(scene: Scene, driver: subprocess.Popen[bytes], begun: int) -> None:
    """Until so many shards were begun, or the run has ended."""
    until = time.monotonic() + PATIENCE
    while scene.inputs.begun < begun and driver.poll() is None:
        assert time.monotonic() < until, "no shard is begun"
        time.sleep(0.01)


def _actor(driver: subprocess.Popen[bytes], chance: random.Random) -> int | None:
    """An actor's process, as soon as there is one; None where the run ends without."""
    until = time.monotonic() + PATIENCE
    while driver.poll() is None:
        if there := actors():
            return chance.choice(there)
        assert time.monotonic() < until, "no actor came"
        time.sleep(0.02)
    return None


def _wait_for_no_actor() -> None:
    """Actors end a little after their driver, and may commit a part until then."""
    until = time.monotonic() + PATIENCE
    while actors():
        assert time.monotonic() < until, "actors go on without their driver"
        time.sleep(0.1)


def _check(library: Path, rows: dict[str, np.ndarray]) -> int:
    """Each row of `rows` must be there once, and no other file stay; how many did not."""
    _wait_for_no_actor()
    storage = Storage(url_of(library))
    check_parts(library, list(rows), orphans=True)
    found = stored(library)
    assert all(cosine(found[path][1], row) >= LEAST_COSINE for path, row in rows.items())
    left = collect(storage, keep=3, orphan_seconds=-1.0).files
    check_parts(library, list(rows))
    return left


def main() -> None:
    """Run the campaign and say what happened."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--first", type=int, default=0, help="the number of the first run")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--own", action="store_true", help="a cluster for each driver")
    asked = parser.parse_args()
    runs = range(asked.first, asked.first + asked.runs)
    with tempfile.TemporaryDirectory() as directory, scene(Path(directory), own=asked.own) as made:
        counts = campaign(made, runs, asked.seed)
    for what, number in sorted(counts.items()):
        print(f"{number:6}  {what}")


if __name__ == "__main__":
    main()
