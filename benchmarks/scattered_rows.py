"""What scattered rows cost that are on the disk alone: touched one by one, and asked for ahead.

    python -m benchmarks.scattered_rows --rows 2000000

Writes generated rows, throws the file out of memory before each turn, and compares one query with
some of the rows, as after an index or under a filter; then once more, with the rows in memory.
Fails where asking ahead is slower on the disk, or takes over a quarter longer in memory.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from benchmarks.clouds import Clouds
from benchmarks.machine import machine
from searchengine.vectors.ahead import ask_ahead
from searchengine.vectors.file import Rows
from searchengine.vectors.scan import scan

DIM, TURNS = 512, 5
AT_A_TIME = 50_000
SIZES = (100, 1_000, 20_000)
MOST_WARM = 1.25


def main() -> None:
    """Measure, print, and fail where nothing is won."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=2_000_000)
    count: int = parser.parse_args().rows
    print(machine())
    clouds, good = Clouds(DIM), True
    with tempfile.NamedTemporaryFile(prefix="clipseek-") as file:
        for start in range(0, count, AT_A_TIME):
            file.write(clouds.images(min(AT_A_TIME, count - start), seed=start).tobytes())
        file.flush()
        os.fsync(file.fileno())
        query = clouds.texts(1)
        print(f"{count:,} rows; milliseconds of one query, medians of {TURNS}")
        print(f"{'rows':>7} {'disk':>9} {'asked':>9} {'memory':>9} {'asked':>9}")
        for size in SIZES:
            cold, cold_asked, warm, warm_asked = _times(Path(file.name), count, size, query)
            print(f"{size:>7,} {cold:>9.1f} {cold_asked:>9.1f} {warm:>9.2f} {warm_asked:>9.2f}")
            good = good and cold_asked < cold and warm_asked <= MOST_WARM * warm
    if not good:
        raise SystemExit("asking ahead does not pay")


def _times(
    path: Path, count: int, size: int, query: NDArray[np.float32]
) -> tuple[float, float, float, float]:
    """Medians in ms: from the disk, asked for ahead, from memory, asked for ahead."""
    random, took = np.random.default_rng(size), np.empty((TURNS, 4))
    for turn in range(TURNS):
        for way in (0, 1):
            numbers = np.sort(random.choice(count, size, replace=False))
            _throw_out(path)
            took[turn, way] = _seconds(path, count, query, numbers, ahead=bool(way))
            _seconds(path, count, query, numbers, ahead=False)
            took[turn, 2 + way] = _seconds(path, count, query, numbers, ahead=bool(way))
    first, second, third, fourth = (1e3 * np.median(took, axis=0)).tolist()
    return first, second, third, fourth


def _seconds(
    path: Path, count: int, query: NDArray[np.float32], numbers: NDArray[np.int64], *, ahead: bool
) -> float:
    rows: Rows = np.memmap(path, np.float16, "r", shape=(count, DIM))
    with patch("searchengine.vectors.ahead.ask_ahead", ask_ahead if ahead else lambda *_: None):
        started = time.perf_counter()
        scan(rows, query, 10, among=numbers)
        return time.perf_counter() - started


def _throw_out(path: Path) -> None:
    """Have the system forget what it holds of a file, of which nothing may be mapped."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(file)


if __name__ == "__main__":
    main()
