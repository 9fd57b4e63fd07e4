"""`clipseek index --watch`: how soon a new picture is found, and what a burst of files does to it.

    python -m benchmarks.watching [--burst 5000]

A real process with the starter over copies of the sample photos. A picture is found once a search
of the library could return it: the catalog lists it with its vector. Those amid the burst come at
random moments from the first file of it on, every other one into a folder that the burst fills.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.machine import machine
from searchengine import open_library
from tests.support.places import ROOT

LIMIT = 10.0
"""Seconds until a new picture is found."""

PATIENCE = 1_800

RATE = 100
"""Files a second that are indexed at most: no picture comes later than they would take."""


def main() -> None:
    """Measure, print, and fail over the limit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--burst", type=int, default=5_000)
    parser.add_argument("--singles", type=int, default=5)
    parser.add_argument("--amid", type=int, default=12)
    options = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        photos = Path(shutil.copytree(ROOT / "sample_data" / "photos", home / "photos"))
        library = home / "library"
        process = subprocess.Popen(
            [sys.executable, "-m", "cli", "index", str(photos), "--watch", "--model", "starter"],
            env={**os.environ, "CLIPSEEK_LIBRARY": str(library), "PYTHONPATH": str(ROOT)},
            stderr=subprocess.DEVNULL,
        )
        try:
            waited(library, 59)
            time.sleep(5)  # until it watches
            before = [single(library, photos, number) for number in range(options.singles)]
            written, whole, amid = burst(library, photos, options.burst, options.amid)
            memory = resident(process.pid) / 1e6
            after = [single(library, photos, 100 + number) for number in range(options.singles)]
        finally:
            process.terminate()
            code = process.wait(60)
    print(f"one picture: median {statistics.median(before):.1f} s, longest {max(before):.1f} s")
    print(
        f"{options.burst:,} files: written in {written:.1f} s, all found after {whole:.1f} s "
        f"({options.burst / whole:.0f} a second), {memory:,.0f} MB"
    )
    print(f"one amid it: {', '.join(f'{seconds:.1f}' for seconds in amid)} s")
    print(f"one after it: median {statistics.median(after):.1f} s, longest {max(after):.1f} s")
    print(f"ended: exit code {code}")
    if max(before + amid + after) > LIMIT or code != 0:
        sys.exit(f"over {LIMIT:g} s, or not ended cleanly")


def single(library: Path, photos: Path, number: int) -> float:
    """Seconds from a new file to its vector."""
    known = listed(library)
    began = time.monotonic()
    (photos / f"single {number}.jpg").write_bytes(picture(1_000_000 + number))
    waited(library, known + 1)
    return time.monotonic() - began


def burst(library: Path, photos: Path, count: int, amid: int) -> tuple[float, float, list[float]]:
    """Seconds until it is written, until all is found, and for each picture amid it."""
    chance = random.Random(1)
    moments = sorted(chance.uniform(0, count / RATE) for _ in range(amid))
    known, written = listed(library), [0.0]
    coming: dict[Path, float] = {}
    found: list[float] = []
    began = time.monotonic()

    def write() -> None:
        make_burst(photos, count)
        written[0] = time.monotonic() - began

    writing = threading.Thread(target=write)
    writing.start()
    while listed(library) < known + count + amid or moments:
        now = time.monotonic()
        if now - began > PATIENCE:
            sys.exit(f"{listed(library) - known:,} of {count:,} after {PATIENCE} s: it has stalled")
        if moments and now - began >= moments[0]:
            moments.pop(0)
            folder = photos / f"burst {chance.randrange(10)}" if len(moments) % 2 else photos
            folder.mkdir(exist_ok=True)
            path = folder / f"amid {len(moments)}.jpg"
            path.write_bytes(picture(2_000_000 + len(moments)))
            coming[path] = now
        for path in is_listed(library, coming):
            found.append(time.monotonic() - coming.pop(path))
        time.sleep(0.2)
    whole = time.monotonic() - began
    found += [time.monotonic() - since for since in coming.values()]
    writing.join()
    return written[0], whole, found


def is_listed(library: Path, paths: Iterable[Path]) -> list[Path]:
    """Those that are found."""
    with open_library(library) as opened:
        return [path for path in paths if opened.catalog.image_ids(str(path))]


def make_burst(photos: Path, count: int) -> None:
    """Files in folders of 500, each of its own content, as fast as they can be written."""
    for number in range(count):
        folder = photos / f"burst {number // 500}"
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.jpg").write_bytes(picture(number))


def picture(number: int) -> bytes:
    """A small JPEG of soft spots, which looks like no other."""
    spots = np.random.default_rng(number).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    image = Image.fromarray(spots).resize((320, 240), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG")
    return buffer.getvalue()


def listed(library: Path) -> int:
    """How many images have a vector."""
    with open_library(library) as opened:
        spaces = opened.catalog.spaces()
        return opened.catalog.vector_counts(spaces[0])[0] if spaces else 0


def waited(library: Path, count: int) -> None:
    """Wait until so many are found."""
    end = time.monotonic() + PATIENCE
    while not (library / "catalog.sqlite").exists() or listed(library) < count:
        if time.monotonic() > end:
            sys.exit(f"{listed(library):,} of {count:,} found after {PATIENCE} s: it has stalled")
        time.sleep(0.1)


def resident(process: int) -> int:
    """Bytes of memory of a process."""
    fields = Path(f"/proc/{process}/statm").read_text("ascii").split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
