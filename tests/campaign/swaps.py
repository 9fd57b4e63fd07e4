"""Snapshots published one after another under a server that is asked without a pause.

    python -m tests.campaign.swaps

`clipseek serve --library URL` runs as people run it. Each snapshot has a part more, one of whose
images stands just where the starter puts a text: the snapshot is there once a search for that text
brings the image first. Fails where that takes more than 15 s, where any request fails meanwhile, or
where after 20 swaps the server's memory is over 1.05 of what it was after the first ones. With
100,000 images or
more each snapshot is published twice, the second time with its index, as index runs do. The suite
does so with a small library, and with looks at the storage in quick succession
(`tests/test_campaign.py`).
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

import numpy as np

from indexers.sharded.run import publish_parts
from searchengine.encoders.interface import Encoder
from searchengine.encoders.loading import load_encoder
from searchengine.shards.indexes import index_snapshot
from searchengine.shards.layout import LIBRARY, MadeBy, to_json
from searchengine.shards.parts import commit
from searchengine.shards.snapshots import newest
from searchengine.shards.storage import Storage
from searchengine.types import FileState, ImageEntry, ImageFacts, Vectors
from tests.support.places import ROOT

MOST_SECONDS = 15.0
"""At the pace of the server's own looks."""
PATIENCE = 240.0
MOST_MEMORY = 1.05
MEMORY_SWAPS = 20
"""From so many on memory is judged: a server that has answered little still grows by answering."""
FIRST_SWAPS = 3
"""After which the server has done all it does once: imported what fetches, filled its caches."""
ASKING = 2
"""Who ask at once."""
PART = 30_000
"""Images of a part of the library as it is at first, at most."""
MORE = 200
"""Images of each part that comes later."""
LOOKING = """
import sys
from searchengine.library.cached import opening
opening.LOOK_SECONDS = float(sys.argv.pop(1))
from cli.main import main
main()
"""
"""A program that looks for snapshots as often as its first argument says."""
TEXTS = ROOT / "searchengine" / "texts" / "queries.txt"


class Publisher:
    """Makes a library in parts of generated rows, and publishes more of them."""

    def __init__(self, storage: Storage, encoder: Encoder) -> None:
        self._storage, self._encoder = storage, encoder
        self._chance = np.random.default_rng(1)
        self._centres = self._chance.normal(size=(500, encoder.dim))
        self._parts = 0
        made = MadeBy(encoder.name, encoder.fingerprint, encoder.dim, encoder.precision)
        storage.create(LIBRARY, to_json(made))

    def publish(self, images: int, text: str | None = None) -> str:
        """Publish a part of so many images; returns the path of the last, which is at `text`."""
        rows = self._rows(images)
        if text is not None:
            rows[-1] = self._encoder.encode_texts([text])[0]
        name = f"{self._parts:020}"
        entries = [
            ImageEntry(
                FileState(f"/photos/{name}/{number}.jpg", 10**6, 10**18),
                f"{name}{number}".encode().ljust(32)[:32],
                ImageFacts(640, 480, "JPEG"),
            )
            for number in range(images)
        ]
        part = commit(self._storage, name, entries, rows, [], self._encoder.fingerprint, "here")
        publish_parts(self._storage, [part])
        self._parts += 1
        return entries[-1].file.path

    def index(self) -> None:
        """Make the index of the newest snapshot, where it wants one, and publish that."""
        index_snapshot(self._storage, newest(self._storage), self._encoder.dim)

    def _rows(self, count: int) -> Vectors:
        chosen = self._centres[self._chance.integers(len(self._centres), size=count)]
        rows = chosen + self._chance.normal(size=(count, self._encoder.dim))
        unit: Vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
        return unit


class Asking(threading.Thread):
    """Somebody who asks a server one thing after another until told to end."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address
        self._ended = threading.Event()
        self.answers = 0
        self.failed: list[str] = []

    def run(self) -> None:
        """Ask searches and pages in turn."""
        while not self._ended.is_set():
            for path in ("/api/search?q=two+dogs&k=20", "/?q=a+red+car", "/api/info"):
                try:
                    answered(self._address, path)
                    self.answers += 1
                except Exception as error:
                    self.failed.append(f"{path}: {error!r}")
                time.sleep(0.01)

    def end(self) -> None:
        """Ask nothing more."""
        self._ended.set()
        self.join()


def answered(address: str, path: str) -> bytes:
    """The body of an answer, on a connection of its own. Raises where it is none of success."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
    finally:
        connection.close()
    if answer.status != 200:
        raise http.client.HTTPException(f"{answer.status}: {body[:200]!r}")
    return body


def best(address: str, text: str) -> str:
    """The path of the best hit for a text."""
    hits = json.loads(answered(address, f"/api/search?q={quote(text)}&k=1"))["hits"]
    return str(hits[0]["path"])


@contextmanager
def served(url: str, log: Path, look: float | None) -> Iterator[tuple[str, int]]:
    """Address and process id of a server of the library at a URL; its stderr goes to `log`."""
    program = ["-m", "cli"] if look is None else ["-c", LOOKING, str(look)]
    with (
        log.open("w") as stderr,
        subprocess.Popen(
            [sys.executable, *program, "serve", "--library", url, "--port", "0"],
            cwd=ROOT,
            env={**os.environ, "CLIPSEEK_CACHE": str(log.parent / "copies")},
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        ) as server,
    ):
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip(), server.pid
        finally:
            server.terminate()


def memory(process: int) -> dict[str, int]:
    """Bytes of a process that are in memory, all of them and those that lie in no file."""
    lines = Path(f"/proc/{process}/status").read_text("ascii").splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return {name: 1024 * int(fields[name].split()[0]) for name in ("VmRSS", "RssAnon")}


def campaign(directory: Path, images: int, swaps: int, look: float | None) -> None:
    """Publish and ask. Raises AssertionError where a promise is not kept."""
    storage = Storage(f"file://{directory}/parts")
    publisher = Publisher(storage, load_encoder("starter-256", precision="float32"))
    for start in range(0, images, PART):
        publisher.publish(min(PART, images - start))
    publisher.index()
    texts = TEXTS.read_text("utf-8").splitlines()
    seconds: list[float] = []
    log = directory / "stderr.txt"
    with served(storage.url, log, look) as (address, process):
        asking = [Asking(address) for _ in range(ASKING)]
        for thread in asking:
            thread.start()
        for swap in range(FIRST_SWAPS + swaps):
            if swap == FIRST_SWAPS:
                before = memory(process)
            path = publisher.publish(MORE, texts[swap])
            seconds.append(_until_first(address, texts[swap], path))
            publisher.index()
        after = memory(process)
        for thread in asking:
            thread.end()
    failed = [failure for thread in asking for failure in thread.failed]
    print(f"{images:,} images, {len(seconds)} snapshots with {MORE} more each")
    print(f"seen after {np.median(seconds):.1f} s in the median, {max(seconds):.1f} s at most")
    print(f"{sum(thread.answers for thread in asking):,} answers, {len(failed)} failed")
    for name, size in before.items():
        print(f"{name} {size / 2**20:.0f} MB, {swaps} swaps later {after[name] / size:.3f} of it")
    assert failed == [], failed[:5]
    assert "no newer snapshot" not in log.read_text("utf-8"), log.read_text("utf-8")
    assert look is not None or max(seconds) <= MOST_SECONDS
    if swaps >= MEMORY_SWAPS:
        assert after["VmRSS"] <= MOST_MEMORY * before["VmRSS"]


def _until_first(address: str, text: str, path: str) -> float:
    """Seconds until an image is the best hit for its text."""
    started = time.monotonic()
    while best(address, text) != path:
        assert time.monotonic() - started < PATIENCE, f"{text} is not seen"
        time.sleep(0.05)
    return time.monotonic() - started


def main() -> None:
    """Run the campaign and say what happened."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=120_000)
    parser.add_argument("--swaps", type=int, default=20, help="after the first few")
    parser.add_argument("--look", type=float, help="seconds between the server's looks")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        campaign(Path(directory), arguments.images, arguments.swaps, arguments.look)


if __name__ == "__main__":
    main()
