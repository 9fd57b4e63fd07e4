"""What parts cost: `clipseek index` beside a library in parts, by one worker and by Ray.

    python -m benchmarks.shards PHOTOS [--photos 320]

Each in a process of its own, over the same photos with the starter, in turn. Walls include starts
and stops; CPU seconds are of the command and what it waits for, which of Ray is the driver alone.
Also the worst cosine between the rows.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from searchengine.library.library import open_library
from tests.support.shards import cosine, stored

WAYS = {
    "clipseek index": [],
    "parts, local": ["--shard-size", "40"],
    "parts, Ray, 2 actors": ["--shard-size", "40", "--executor", "ray", "--workers", "2"],
}


def main() -> None:
    """Measure, print as it goes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=int, default=320)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        photos = directory / "photos"
        photos.mkdir()
        for file in sorted(asked.folder.iterdir())[: asked.photos]:
            shutil.copy(file, photos)
        first: tuple[float, float] | None = None
        print("| way | wall s | CPU s | wall / index | CPU / index |")
        for way, options in WAYS.items():
            library = directory / way.replace(" ", "-").replace(",", "")
            place = str(library) if not options else f"file://{library}"
            wall, cpu = _run(photos, place, options)
            first = first or (wall, cpu)
            print(
                f"| {way} | {wall:.1f} | {cpu:.1f} | {wall / first[0]:.2f} | {cpu / first[1]:.2f} |"
            )
        print(f"worst cosine {_worst(directory):.6f}")


def _run(photos: Path, library: str, options: list[str]) -> tuple[float, float]:
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-m", "cli", "index", str(photos), "--library", library]
    subprocess.run(
        [*command, "--model", "starter", *options],
        check=True,
        capture_output=True,
        env={**os.environ, "RAY_AUTH_MODE": "disabled"},
    )
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _worst(directory: Path) -> float:
    with open_library(directory / "clipseek-index") as library:
        paths, rows = library.stored_vectors()
    worst = 1.0
    for way in ("parts-local", "parts-Ray-2-actors"):
        found = stored(directory / way)
        assert len(found) == len(paths)
        for path, row in zip(paths, rows, strict=True):
            worst = min(worst, cosine(found[str(path)][1], row))
    return worst


if __name__ == "__main__":
    main()
