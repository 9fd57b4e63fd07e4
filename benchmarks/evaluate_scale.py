"""Whether the measures of an evaluation keep to 2 GB at the size of a large data set.

    python -m benchmarks.evaluate_scale
    python -m benchmarks.evaluate_scale --captions 50000 --images 10000

Ranks both ways, R@K with intervals, and health of random unit vectors, then the measures on
judgements with many right answers (8 images a caption, 40 captions an image: 4,000,000 pairs);
seconds and peak memory (resident set, of the whole process with torch and numpy in it) after each.
Exits with 1 over 2 GB.

The vectors lie in temporary files, as those of a library do, and are read through memory maps:
images as float16 rows, captions as float32 as an encoder gives them. 500,000 captions of 512
dimensions take 1 GB, which counts in full once they have all been read.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from searchengine.datasets.positives import Pairs, Positives
from searchengine.evaluation.examples import Measured
from searchengine.evaluation.judged import measure_positives
from searchengine.measures.geometry import measure_health
from searchengine.measures.ranks import pair_ranks
from searchengine.measures.recall import image_retrieval, text_retrieval

LIMIT = 2e9
"""Bytes."""

ROWS_AT_A_TIME = 10_000

KS = (1, 5, 10)

RIGHT = 8
"""Images that are right for a caption."""

Outcome = TypeVar("Outcome")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--captions", type=int, default=500_000)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        _measure(Path(place), arguments)
    peak = _peak()
    if peak > LIMIT:
        sys.exit(f"peak memory {peak / 1e9:.2f} GB is over {LIMIT / 1e9:.0f} GB")


def _measure(place: Path, arguments: argparse.Namespace) -> None:
    count, gallery = arguments.captions, arguments.images
    owners = np.arange(count) * gallery // count
    images = _rows(place / "images", gallery, arguments.dim, np.float16)
    captions = _captions(place / "captions", images, owners)
    print(
        f"{count:,} captions x {gallery:,} images, {arguments.dim} dimensions, {arguments.device}"
    )
    pairs = _timed(
        "ranks both ways", lambda: pair_ranks(images, captions, owners, device=arguments.device)
    )
    found = _timed("text to image", lambda: image_retrieval(pairs, owners, gallery, KS))
    _timed("image to text", lambda: text_retrieval(pairs, owners, KS))
    _timed("health", lambda: measure_health(images, captions, pairs, gallery))
    print(f"R@1 {found.recall[1]:.4f}, median rank {found.median_rank:,.0f}, {found.tied:,} tied")
    data = Measured([], [], owners, images, captions, pairs)
    right = _positives(owners, gallery)
    [judged] = _timed(
        "many positives",
        lambda: measure_positives(
            [right], data, np.arange(gallery), np.arange(count), KS, device=arguments.device
        ),
    )
    shares = (judged.image_retrieval.metrics["map@r"], judged.text_retrieval.metrics["map@r"])
    print(f"{judged.pairs:,} pairs, mAP@R {shares[0]:.4f} and {shares[1]:.4f}")


def _positives(owners: NDArray[np.int64], gallery: int) -> Positives:
    """The own image of each caption, and others that follow it in the file."""
    captions = np.repeat(np.arange(len(owners), dtype=np.int32), RIGHT)
    images = np.repeat(owners.astype(np.int32), RIGHT)
    images += np.tile(np.arange(RIGHT, dtype=np.int32) * 7, len(owners))
    images %= gallery
    pairs = Pairs(captions, images, np.ones(len(captions), dtype=np.float32))
    return Positives("several images a caption", pairs, pairs, 0)


def _rows(path: Path, count: int, dim: int, kind: type[np.floating]) -> NDArray[np.floating]:
    """Random unit rows in a file."""
    random = np.random.default_rng(1)
    rows = np.memmap(path, dtype=kind, mode="w+", shape=(count, dim))
    for start in range(0, count, ROWS_AT_A_TIME):
        part = random.normal(size=(min(ROWS_AT_A_TIME, count - start), dim))
        rows[start : start + len(part)] = part / np.linalg.norm(part, axis=1, keepdims=True)
    return rows


def _captions(
    path: Path, images: NDArray[np.floating], owners: NDArray[np.int64]
) -> NDArray[np.floating]:
    """A row near that of its image for each owner, in a file."""
    random = np.random.default_rng(2)
    rows = np.memmap(path, dtype=np.float32, mode="w+", shape=(len(owners), images.shape[1]))
    for start in range(0, len(owners), ROWS_AT_A_TIME):
        part = images[owners[start : start + ROWS_AT_A_TIME]].astype(np.float32)
        part += random.normal(size=part.shape) * 5 / part.shape[1] ** 0.5
        rows[start : start + len(part)] = part / np.linalg.norm(part, axis=1, keepdims=True)
    return rows


def _timed(what: str, work: Callable[[], Outcome]) -> Outcome:
    started = time.perf_counter()
    outcome = work()
    seconds = time.perf_counter() - started
    print(f"{what:16} {seconds:8.1f} s, peak {_peak() / 1e9:.2f} GB", flush=True)
    return outcome


def _peak() -> int:
    """The largest resident set of this process so far, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    main()
