"""Thousands of pictures that look alike: what finding copies among them costs an index run.

    python -m benchmarks.alike [--pictures 2000]

Black frames, and screenshots of one program that differ in a line, beside pictures of noise. The
encoder is the tests' own, which takes no time. Milliseconds of the processor's time a picture.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.machine import machine
from indexers import pipeline
from searchengine import open_library
from searchengine.spaces.stacked import STACKS_FILE
from searchengine.stacks.find import refresh_stacks
from tests.conftest import Watcher
from tests.support.fake import FakeEncoder

LIMIT = 40.0
"""Milliseconds a picture: about what encoding one takes on a core."""

SIZE = (120, 160, 3)

Drawing = Callable[[np.random.Generator], NDArray[np.uint8]]


def main() -> None:
    """Measure, print, and fail over the limit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=2_000)
    options = parser.parse_args()
    print(machine())
    worst = 0.0
    for name, draw in (("noise", noise), ("black frames", black), ("screenshots", screenshot)):
        seconds, pictures = spent(draw, options.pictures)
        worst = max(worst, 1000 * seconds / pictures)
        print(f"{name:14} {pictures:6,} pictures: {1000 * seconds / pictures:6.1f} ms a picture")
    if worst > LIMIT:
        sys.exit(f"over {LIMIT:g} ms a picture")


def noise(chance: np.random.Generator) -> NDArray[np.uint8]:
    """Nothing like any other."""
    return chance.integers(0, 256, SIZE, dtype=np.uint8)


def black(chance: np.random.Generator) -> NDArray[np.uint8]:
    """A frame in the dark."""
    return chance.integers(0, 3, SIZE, dtype=np.uint8)


def screenshot(chance: np.random.Generator) -> NDArray[np.uint8]:
    """The same window, with another line of text."""
    spots = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    window = Image.fromarray(spots).resize(SIZE[1::-1], Image.Resampling.BICUBIC)
    pixels = np.array(window)
    line = int(chance.integers(0, SIZE[0] - 8))
    pixels[line : line + 8, 20:100] = chance.integers(0, 256, (8, 80, 3), dtype=np.uint8)
    return pixels


def spent(draw: Drawing, count: int) -> tuple[float, int]:
    """Seconds of the processor that the comparison takes, and of how many pictures."""
    chance, encoder = np.random.default_rng(1), FakeEncoder()
    with tempfile.TemporaryDirectory() as directory:
        photos = Path(directory) / "photos"
        photos.mkdir()
        for number in range(count):
            Image.fromarray(draw(chance)).save(photos / f"{number}.png", compress_level=1)
        library = open_library(Path(directory) / "library", create=True, load=lambda _: encoder)
        with library:
            pipeline.index(
                library, [photos], encoder="fake", load=lambda: encoder, observer=Watcher()
            )
            space = library.space()
            (space.directory / STACKS_FILE).unlink()
            began = time.process_time()
            refresh_stacks(space)
            return time.process_time() - began, len(library)


if __name__ == "__main__":
    main()
