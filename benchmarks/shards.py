"""What parts cost: `clipseek index` beside a library in parts, by one worker and by Ray.

    python -m benchmarks.shards PHOTOS [--photos 320] [--times 3]

Each in a process of its own, over the same photos with the starter, in turn; the quickest counts.
Walls include starts and stops, processor seconds and memory those of every process that a command
starts: of Ray the driver, its daemons and the actors. Linux. Fails where one worker takes over 1.10
times the processor of `clipseek index`, where Ray takes longer than it by the clock (from 320
photos on), over 1.10 times its processor (from 2,000 on), more for its daemons or more memory than
it may, or where rows of one photo differ.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks.machine import machine
from benchmarks.trees import Tree, tree_of
from searchengine.images.formats import is_image_name
from searchengine.library.library import open_library
from tests.support.shards import cosine, stored

INDEX, LOCAL, RAY = "clipseek index", "parts, local", "parts, Ray, 2 actors"
WAYS = {
    INDEX: [],
    LOCAL: ["--shard-size", "40"],
    RAY: ["--shard-size", "40", "--executor", "ray", "--workers", "2"],
}
ACTORS = 2
ACTOR = "ray::_RayWorker"
"""In the title of a process of Ray that holds an encoder."""

LEAST_COSINE = 0.9999
MOST_PROCESSOR = 1.10
"""Times that of `clipseek index`."""
MOST_WALL = 1.0
FOR_PARTS, FOR_WALL, FOR_PROCESSOR = 300, 320, 2_000
"""Photos from which one worker is held to its processor, and Ray to its wall and processor."""
DAEMONS, DAEMONS_A_SECOND = 15.0, 0.05
"""Processor seconds of what is neither driver nor actor."""
RAYS_OWN = 1.6e9
"""Bytes beside an encoder an actor."""


def main() -> None:
    """Measure, print as it goes, and fail over what is promised."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=int, default=320)
    parser.add_argument("--times", type=int, default=3)
    asked = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory(prefix="clipseek-parts-") as name:
        directory = Path(name)
        photos = directory / "photos"
        photos.mkdir()
        some = [file for file in sorted(asked.folder.rglob("*")) if is_image_name(file.name)]
        for number, file in enumerate(some[: asked.photos]):
            shutil.copy(file, photos / f"{number:06}-{file.name}")
        runs = [_round(photos, directory / str(number)) for number in range(asked.times)]
        worst = min(_worst(directory / str(number)) for number in range(asked.times))
    taken = {way: min((run[way] for run in runs), key=lambda tree: tree.seconds) for way in WAYS}
    _print(taken)
    print(f"worst cosine {worst:.6f}")
    over = [*_over(taken, len(some[: asked.photos]))]
    if worst < LEAST_COSINE:
        over.append(f"cosine {worst:.6f} between rows of one photo, under {LEAST_COSINE}")
    if over:
        sys.exit("\n".join(over))


def _round(photos: Path, directory: Path) -> dict[str, Tree]:
    """Every way once, each into a library of its own."""
    directory.mkdir()
    taken = {}
    for way, options in WAYS.items():
        place = _place(directory, way)
        library = f"file://{place}" if options else str(place)
        command = [sys.executable, "-m", "cli", "index", str(photos), "--library", library]
        taken[way] = tree_of(
            [*command, "--model", "starter", *options], {"RAY_AUTH_MODE": "disabled"}
        )
    return taken


def _place(directory: Path, way: str) -> Path:
    return directory / way.replace(" ", "-").replace(",", "")


def _daemons(tree: Tree) -> float:
    return sum(seconds for title, seconds in tree.others if ACTOR not in title)


def _print(taken: Mapping[str, Tree]) -> None:
    index = taken[INDEX]
    print("| way | wall s | processor s, daemons' | peak | wall / index | processor / index |")
    for way, tree in taken.items():
        print(
            f"| {way} | {tree.seconds:.1f} | {tree.processor:.1f}, {_daemons(tree):.1f} "
            f"| {tree.peak / 1e9:.2f} GB | {tree.seconds / index.seconds:.2f} "
            f"| {tree.processor / index.processor:.2f} |"
        )


def _over(taken: Mapping[str, Tree], photos: int) -> Iterator[str]:
    """A line for each bound that is not kept."""
    index, local, ray = (taken[way] for way in WAYS)
    bounds = [
        (LOCAL, "processor / index", local.processor / index.processor, MOST_PROCESSOR, FOR_PARTS),
        (RAY, "wall / index", ray.seconds / index.seconds, MOST_WALL, FOR_WALL),
        (RAY, "processor / index", ray.processor / index.processor, MOST_PROCESSOR, FOR_PROCESSOR),
        (RAY, "daemons, s", _daemons(ray), DAEMONS + DAEMONS_A_SECOND * ray.seconds, 0),
        (RAY, "peak, GB", ray.peak / 1e9, (ACTORS * local.peak + RAYS_OWN) / 1e9, 0),
    ]
    for way, what, found, most, least_photos in bounds:
        if photos >= least_photos and found > most:
            yield f"{way}: {what} {found:.2f}, over {most:.2f}"


def _worst(directory: Path) -> float:
    with open_library(_place(directory, INDEX)) as library:
        paths, rows = library.stored_vectors()
    worst = 1.0
    for way in (LOCAL, RAY):
        found = stored(_place(directory, way))
        assert len(found) == len(paths)
        for path, row in zip(paths, rows, strict=True):
            worst = min(worst, cosine(found[str(path)][1], row))
    return worst


if __name__ == "__main__":
    main()
