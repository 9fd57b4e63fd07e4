"""How long a person waits for a search: whole commands, cold, and queries of an open library.

    python -m benchmarks.cold_search
    python -m benchmarks.cold_search --rows 100000 --json figures.json

Makes libraries of random vectors in the space of `starter`, of a ViT-B-32 and of a SigLIP 2 with
random weights, which take as long as trained ones, and an untuned index over them where there are
rows enough.
Times whole processes (`clipseek search` by words and by a photo, `clipseek index` of ten new
photos, `clipseek --help`): wall time, the processor time they took, which other work disturbs less,
and peak memory, of which a search by words must not take more than 400 MB. Then, in this process,
the text tower alone and the whole query, and files/s of an index run that finds nothing to do.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Never

from PIL import Image

from benchmarks.photos import empty_files
from benchmarks.processes import spent_by
from benchmarks.random_encoder import make_encoder
from benchmarks.vit import make_vit
from indexers import pipeline
from indexers.walk import Walk
from searchengine import open_library
from searchengine.encoders.text.encoder import load_for_texts
from searchengine.types import SpaceInfo
from tests.conftest import Watcher
from tests.support.fake import FakeEncoder
from tests.support.libraries import imagined_files, list_files
from tests.support.places import ROOT

PHOTOS = ROOT / "sample_data" / "photos"

SIGLIP = "ViT-B-32-SigLIP2-256"

BY_WORDS = "clipseek search, "
"""Before the name of an encoder."""
MOST_MB = 400
"""Of the memory of a search by words, whatever its encoder."""
TIMES = 7
"""Processes a command is timed in, at least."""
WARM_QUERIES = 200
WORDS = ("two dogs", "a red car", "children", "an old man", "a bridge at night", "flowers")


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table."""

    what: str
    least: float
    median: float
    unit: str
    processor_least: float | None = None
    """User and system time of the process, in the same unit."""
    peak_mb: float | None = None
    """Memory of the process, in 10^6 bytes."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000, help="images in each library")
    parser.add_argument("--times", type=int, default=TIMES, help="processes a command")
    parser.add_argument("--files", type=int, default=100_000, help="of the re-run; 0: without")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    arguments = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, {arguments.rows:,} images")
    figures: list[Figure] = []
    large: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        measured = cold_search(
            Path(scratch), arguments.rows, times=arguments.times, files=arguments.files
        )
        for figure in measured:
            figures.append(figure)
            print(line(figure), flush=True)
            if figure.what.startswith(BY_WORDS) and (figure.peak_mb or 0) > MOST_MB:
                large.append(figure.what)
    if arguments.json:
        lines = [asdict(figure) for figure in figures]
        arguments.json.write_text(json.dumps(lines, indent=1), encoding="utf-8")
    if large:
        sys.exit(f"more than {MOST_MB} MB: {'; '.join(large)}")


def cold_search(scratch: Path, rows: int, *, times: int, files: int) -> Iterator[Figure]:
    """The whole table, line by line."""
    yield _command("clipseek --help", scratch, times, "--help")
    for name, library in _libraries(scratch, rows):
        yield _command(f"{BY_WORDS}{name}", library, times, "search", "two dogs on the beach")
        photo = next(iter(sorted(PHOTOS.rglob("*.jpg"))))
        yield _command(f"clipseek search PHOTO, {name}", library, times, "search", photo)
        yield _new_photos(f"clipseek index, ten new photos, {name}", scratch, library, times)
        yield from _warm(name, library)
    if files:
        yield _rerun(scratch, files)


def _libraries(scratch: Path, rows: int) -> Iterator[tuple[str, Path]]:
    """Libraries by the name of their encoder; of the others, torch keeps the text tower first."""
    starter = load_for_texts(SpaceInfo(1, "starter", "starter", 0, "float32", ""), scratch)
    assert starter is not None
    list_files(scratch / "starter", starter, imagined_files(rows))
    _apart(INDEX, scratch / "starter")
    yield "starter", scratch / "starter"

    for name, encoder in (
        ("ViT-B-32", make_vit(scratch)),
        (SIGLIP, make_encoder(SIGLIP, scratch / "model")),
    ):
        _apart(LIST, scratch / name, encoder, rows)
        _apart(INDEX, scratch / name)
        yield name, scratch / name


def _apart(code: str, *arguments: object) -> None:
    """In a process of its own: this one shall have loaded no torch when it measures."""
    subprocess.run([sys.executable, "-c", code, *map(str, arguments)], check=True)


LIST = """
import sys
from pathlib import Path
from searchengine import load_encoder, open_library
from tests.support.libraries import imagined_files, list_files

library, name, rows = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
encoder = load_encoder(name, device="cpu", precision="float32")
list_files(library, encoder, imagined_files(rows))
with open_library(library, load=lambda _: encoder) as opened:
    opened.search("anything")
"""

INDEX = """
import sys
from searchengine import open_library

with open_library(sys.argv[1]) as opened, opened.writing():
    opened.space().refresh_index()
"""


def _command(what: str, library: Path, times: int, *words: object) -> Figure:
    """A command in new processes; the first is not counted, as it reads files into memory."""
    wall, processor, peak = [], [], 0
    command = [sys.executable, "-m", "cli", *map(str, words)]
    for _ in range(times + 1):
        spent = spent_by(command, {"CLIPSEEK_LIBRARY": str(library)})
        wall.append(spent.seconds)
        processor.append(spent.processor)
        peak = max(peak, spent.peak)
    counted = slice(1 if times else 0, None)
    wall, processor = wall[counted], processor[counted]
    return Figure(what, min(wall), statistics.median(wall), "s", min(processor), peak / 1e6)


def _new_photos(what: str, scratch: Path, library: Path, times: int) -> Figure:
    """An index run over ten photos that the library does not list, in new processes."""
    wall, processor, peak = [], [], 0.0
    for turn in range(times):
        folder = Path(tempfile.mkdtemp(dir=scratch))
        for number, photo in enumerate(sorted(PHOTOS.rglob("*.jpg"))[:10]):
            Image.open(photo).rotate(turn + 1).save(folder / f"{number}.jpg")
        run = _command("", library, 0, "index", folder)
        wall.append(run.least)
        processor.append(run.processor_least or 0.0)
        peak = max(peak, run.peak_mb or 0.0)
    return Figure(what, min(wall), statistics.median(wall), "s", min(processor), peak)


def _warm(name: str, library: Path) -> Iterator[Figure]:
    with open_library(library) as opened:
        opened.search("warm")
        encoder = opened.encoders.for_texts(opened.space())
        yield _milliseconds(f"text tower, {name}", lambda text: encoder.encode_texts([text]))
        yield _milliseconds(f"query, {name}", lambda text: opened.search(text))


def _milliseconds(what: str, ask: Callable[[str], object]) -> Figure:
    wall, processor = [], []
    for number in range(WARM_QUERIES):
        text = f"a photo of {WORDS[number % len(WORDS)]} by the sea"
        started, started_cpu = time.perf_counter(), time.process_time()
        ask(text)
        wall.append(1e3 * (time.perf_counter() - started))
        processor.append(1e3 * (time.process_time() - started_cpu))
    return Figure(what, min(wall), statistics.median(wall), "ms", min(processor))


def _rerun(scratch: Path, count: int) -> Figure:
    """Index runs over `count` files in folders of 1,000 that the library lists already."""
    folder = scratch / "files"
    empty_files(folder, count)
    list_files(scratch / "rerun", FakeEncoder(), list(Walk([folder])))
    wall, processor = [], []
    with open_library(scratch / "rerun") as library:
        for _ in range(6):
            started = time.process_time()
            report = pipeline.index(
                library, [folder], encoder="fake", load=_unneeded, observer=Watcher()
            )
            assert report.unchanged == count
            wall.append(report.seconds)
            processor.append(time.process_time() - started)
    # The first run is left out: it makes the approximate index where there are files enough.
    return Figure(
        f"index run with nothing to do, {count:,} files",
        min(wall[1:]),
        statistics.median(wall[1:]),
        "s",
        min(processor[1:]),
    )


def _unneeded() -> Never:
    raise AssertionError("there was something to encode")


def line(figure: Figure) -> str:
    """One line of the table."""
    line = f"{figure.what:45} {figure.least:8.3f} {figure.median:8.3f} {figure.unit}"
    if figure.processor_least is not None:
        line += f"  (processor {figure.processor_least:.3f})"
    if figure.peak_mb is not None:
        line += f"  {figure.peak_mb:.0f} MB"
    return line


if __name__ == "__main__":
    main()
