"""How quick `clipseek serve` answers: a text query alone, and twenty people at once.

    python -m benchmarks.serve

The library has --images images: links to the sample photos, with random vectors, which take as long
to search as others. The texts go through the real `starter`, and every one is new to the server.
It runs as a process of its own, as people run it; the clients share the machine with it.

It prints the milliseconds of a text query (`/api/search`, 60 hits) and of a whole page, for one
client; the same for 20 clients that ask without a pause, with how evenly they are served; and of
one client while others load thumbnails.
"""

from __future__ import annotations

import argparse
import http.client
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count, cycle, islice
from pathlib import Path
from urllib.parse import quote, urlsplit

import numpy as np

from searchengine import load_encoder, open_library
from searchengine.catalog.records import Batch
from searchengine.files import content_hash
from searchengine.images.decode import read_image
from searchengine.types import FileState, ImageEntry

PHOTOS = Path(__file__).parents[1] / "sample_data" / "photos"
QUERIES = Path(__file__).parents[1] / "searchengine" / "texts" / "queries.txt"
BATCH = 1_000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--queries", type=int, default=200, help="of one client")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        library = make_library(Path(scratch), arguments.images)
        with served(library, Path(scratch) / "cache") as (address, process):
            measure(address, process, arguments.images, arguments.clients, arguments.queries)


def make_library(scratch: Path, images: int) -> Path:
    """A library of links to the sample photos, with random unit vectors in starter's space."""
    encoder = load_encoder("starter", precision="float32")
    photos = sorted(path for path in PHOTOS.rglob("*") if path.is_file())
    facts = {path: read_image(path.read_bytes())[1] for path in photos}
    hashes = {path: content_hash(path.read_bytes()) for path in photos}
    random = np.random.default_rng(1)
    numbered = enumerate(islice(cycle(photos), images))
    with open_library(scratch / "library", create=True) as library, library.writing() as writer:
        space = writer.space_for(encoder)
        for _ in range(0, images, BATCH):
            entries = []
            for number, photo in islice(numbered, BATCH):
                link = scratch / photo.parent.name / f"{number:06}{photo.suffix}"
                link.parent.mkdir(exist_ok=True)
                link.symlink_to(photo)
                status = photo.stat()
                file = FileState(str(link), status.st_size, status.st_mtime_ns)
                entries.append(ImageEntry(file, hashes[photo], facts[photo]))
            rows = random.normal(size=(len(entries), encoder.dim)).astype(np.float32)
            rows /= np.linalg.norm(rows, axis=1, keepdims=True)
            writer.commit(space, Batch(added=entries), rows)
    return scratch / "library"


@contextmanager
def served(library: Path, cache: Path) -> Iterator[tuple[str, int]]:
    """Address and process id of `clipseek serve` over a library, once its encoder is loaded."""
    command = [sys.executable, "-m", "cli", "serve", "--library", str(library), "--port", "0"]
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        began = time.perf_counter()
        Client(address).get("/api/search?q=warm")
        print(f"first query, with loading the encoder: {time.perf_counter() - began:.1f} s")
        try:
            yield address, server.pid
        finally:
            server.terminate()


class Client:
    """One connection that stays open, as a browser's does."""

    def __init__(self, address: str) -> None:
        place = urlsplit(address).netloc
        self._connection = http.client.HTTPConnection(place, timeout=60)

    def get(self, path: str) -> float:
        """Milliseconds until the whole answer is there."""
        began = time.perf_counter()
        self._connection.request("GET", path)
        answer = self._connection.getresponse()
        answer.read()
        assert answer.status == 200, (path, answer.status)
        return 1e3 * (time.perf_counter() - began)


def texts() -> Iterator[str]:
    """Queries that are never the same twice."""
    lines = [line for line in QUERIES.read_text("utf-8").splitlines() if line]
    for number in count():
        yield quote(f"{lines[number % len(lines)]} {number}")


def cpu_seconds(process: int) -> float:
    """Processor time of a process so far; not a number where the system does not tell."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(address: str, process: int, images: int, clients: int, queries: int) -> None:
    """Ask, alone and in a crowd, and print."""
    new = texts()
    print(f"{images:,} images, {os.cpu_count()} cores; milliseconds least / p50 / p95 / most")
    one = Client(address)

    def api() -> str:
        return f"/api/search?k=60&q={next(new)}"

    def page() -> str:
        return f"/?q={next(new)}"

    before = cpu_seconds(process)
    show("a text query, one client", [one.get(api()) for _ in range(queries)])
    spent_each = 1e3 * (cpu_seconds(process) - before) / queries
    print(f"  {spent_each:.1f} ms of processor time each")
    show("a page of hits, one client", [one.get(page()) for _ in range(queries)])
    crowd(address, clients, [[api() for _ in range(25)] for _ in range(clients)])
    thumbnails = [f"/api/images/{number}/thumbnail" for number in range(1, 60)]
    with ThreadPoolExecutor(6) as pool:
        loading = [pool.submit(list, map(Client(address).get, thumbnails)) for _ in range(6)]
        spent, one = [], Client(address)  # the server has closed the other, which was idle
        while not all(future.done() for future in loading):
            spent.append(one.get(api()))
        for future in loading:
            future.result()
    show(f"a text query while 6 others load {6 * len(thumbnails)} thumbnails", spent)


def crowd(address: str, clients: int, asked: Sequence[Sequence[str]]) -> None:
    """Everybody asks one query after the other, without a pause."""

    def ask(paths: Sequence[str]) -> list[float]:
        return list(map(Client(address).get, paths))

    began = time.perf_counter()
    with ThreadPoolExecutor(clients) as pool:
        spent = list(pool.map(ask, asked))
    seconds = time.perf_counter() - began
    show(f"a text query, {clients} clients at once", [each for client in spent for each in client])
    means = sorted(float(np.mean(client)) for client in spent)
    total = sum(map(len, asked))
    print(
        f"  {total / seconds:.0f} queries/s; the slowest client's mean is "
        f"{means[-1] / means[0]:.2f} times the quickest's"
    )


def show(what: str, spent: Sequence[float]) -> None:
    """One line of figures."""
    p50, p95 = np.percentile(spent, [50, 95])
    print(f"{what}: {min(spent):.1f} / {p50:.1f} / {p95:.1f} / {max(spent):.1f}", flush=True)


if __name__ == "__main__":
    main()
