"""What a search of a library in parts costs beside a local one: generated vectors, no weights.

    python -m benchmarks.shards_search --images 1000000

Lists imagined files with vectors of `benchmarks.clouds` in a library, builds its index, exports it
into parts, whose index is made part by part, and asks both for the images nearest to each of 1,000
vectors, in turn, each library with the setting that its size gives: the same. Fails where the
median of the parts is over 1.1 times the library's, by the clock or by the processor, where a hit
of either is out of order or has another score than its vector, or where exact answers differ.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.captions_scale import add_images, timed
from benchmarks.clouds import Clouds, Queries
from benchmarks.machine import machine
from indexers.sharded.exchange import export_library
from searchengine import Library, open_library
from searchengine.retrieval.hits import Hits

DIM, K, QUERIES, EXACT_QUERIES = 512, 10, 1_000, 50
SHARD = 50_000
MOST_TIMES = 1.1
LEAST_STEP = 1e-6
"""Of a score: what float32 leaves of a product of two unit rows."""


def main() -> None:
    """Measure, print, and fail over what is promised."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--images", type=int, default=1_000_000)
    images: int = parser.parse_args().images
    print(machine())
    clouds = Clouds(DIM)
    queries = clouds.texts(QUERIES, seed=3)
    with tempfile.TemporaryDirectory(prefix="clipseek-parts-") as name:
        directory, url = Path(name), f"file://{name}/parts"
        os.environ["CLIPSEEK_CACHE"] = str(directory / "cache")
        with open_library(directory / "local", create=True) as local:
            with local.writing() as writer:
                add_images(local, writer, clouds, images, DIM).refresh_index()
            export_library(local, url, shard_size=SHARD)
            with open_library(url) as parts:
                _compare([local, parts], queries)


def _compare(libraries: Sequence[Library], queries: Queries) -> None:
    """Print and judge what the libraries, of this machine and in parts, answer."""
    for library in libraries:
        assert library.space().index(len(library)) is not None, "each has its index"
    answers, times = _asked(libraries, queries)
    paths, rows = libraries[0].stored_vectors()
    row_of = dict(zip(paths, rows, strict=True))
    wrong = [
        sum(_wrong(hits, query, row_of) for hits, query in zip(found, queries, strict=True))
        for found in answers
    ]
    exact = [
        [_paths(library.search(query, k=K, exact=True)) for query in queries[:EXACT_QUERIES]]
        for library in libraries
    ]
    for way, spent, found, few in zip(("local", "parts"), times, answers, wrong, strict=True):
        clock, processor = 1e3 * np.median(spent, axis=0)
        right = [
            len({*_paths(hits)} & {*best}) / K for hits, best in zip(found, exact[0], strict=False)
        ]
        print(
            f"{way:<6} p50 {clock:.2f} ms  processor {processor:.2f} ms  "
            f"agreement@{K} {np.mean(right):.3f}  wrong ranks {few}"
        )
    ratios = np.median(times[1], axis=0) / np.median(times[0], axis=0)
    print(f"ratio of medians {ratios[0]:.2f}, of the processor {ratios[1]:.2f}")
    differing = sum(mine != theirs for mine, theirs in zip(*exact, strict=True))
    print(f"{differing} of {EXACT_QUERIES} exact answers differ")
    if max(ratios) > MOST_TIMES or any(wrong) or differing:
        raise SystemExit("parts cost more, or answer otherwise, than promised")


def _asked(
    libraries: Sequence[Library], queries: Queries
) -> tuple[list[list[Hits]], NDArray[np.float64]]:
    """What each answers, and seconds of each search by the clock and the processor.

    The seconds have shape (libraries, queries - 1, 2): the first of each, which reads what is kept,
    is left out.
    """
    answers: list[list[Hits]] = [[] for _ in libraries]
    times: list[list[tuple[float, float]]] = [[] for _ in libraries]
    for query in queries:
        for library, found, spent in zip(libraries, answers, times, strict=True):
            hits, seconds = timed(library, query, K)
            found.append(hits)
            spent.append(seconds)
    return answers, np.array(times)[:, 1:]


def _paths(hits: Hits) -> list[Path]:
    return [hit.path for hit in hits]


def _wrong(
    hits: Hits, query: NDArray[np.float32], row_of: Mapping[Path, NDArray[np.float16]]
) -> int:
    """How many hits are out of order, or have another score than the vector of their image."""
    scores = [row_of[hit.path].astype(np.float64) @ query for hit in hits]
    other = sum(
        bool(abs(hit.score - score) > LEAST_STEP) for hit, score in zip(hits, scores, strict=True)
    )
    return other + sum(bool(after > before + LEAST_STEP) for before, after in pairwise(scores))


if __name__ == "__main__":
    main()
