"""What a GPU does here, in one command of under eight minutes.

    python -m benchmarks.gpu
    python -m benchmarks.gpu --device cpu --quick  # a trial of the command itself

For a ViT-B/32 and a ViT-L/14 of random weights, which take as long as trained ones, images/s from
tensors that lie on the device, from decoded pixels, and of an index run from JPEG files of web
size. The busy share is what the device needs for the run's pictures as tensors, of what the run
takes after the encoder is loaded: 100 % where it never waits for Python. Then the build of an
approximate index, with its cells found on the device, and exact search on it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.clouds import Clouds
from benchmarks.machine import machine
from benchmarks.photos import generated
from indexers import pipeline
from searchengine import open_library
from searchengine.devices import choose_device
from searchengine.encoders.openclip.encoder import ClipEncoder
from searchengine.encoders.openclip.untrained import untrained
from searchengine.index.cells import cell_finder_on
from searchengine.index.faiss_build import build
from searchengine.index.plan import force_plan
from searchengine.vectors.scan_torch import best_rows
from tests.conftest import Watcher

DIM = 512
HITS = 10


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    encoders: tuple[str, ...]
    photos: int
    pictures: int
    """Decoded ones, that are encoded again and again."""
    seconds: float
    """At least, of each rate."""
    rows: int
    queries: int


FULL = Size(("ViT-B-32", "ViT-L-14"), 4_000, 4_096, 10.0, 1_000_000, 1_000)
QUICK = Size(("ViT-B-32",), 8, 8, 0.1, 20_000, 10)


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda", help="cuda, mps or cpu")
    parser.add_argument("--quick", action="store_true", help="little of each, as a trial")
    options = parser.parse_args()
    measure(choose_device(options.device), QUICK if options.quick else FULL)


def measure(device: str, size: Size) -> None:
    """Print the table."""
    name = torch.cuda.get_device_name() if device == "cuda" else device
    print(f"{machine()}\n{name}", flush=True)
    with tempfile.TemporaryDirectory() as place:
        photos = generated(Path(place) / "photos", (640, 480), size.photos)
        for encoder in size.encoders:
            _encode(untrained(encoder, device, "auto"), photos, size)
        _search(device, size, Path(place))


def _encode(encoder: ClipEncoder, photos: Path, size: Size) -> None:
    side = encoder.preprocessing.size
    random = np.random.default_rng(0)
    pixels = list(random.integers(0, 256, (size.pictures, *side, 3), dtype=np.uint8))
    encoder.encode_pixels(pixels)  # the batch is found
    batch = min(encoder.picture_limit.size, size.pictures)
    print(f"{encoder.name}, {encoder.precision}, {batch} at a time", flush=True)
    dtype = getattr(torch, encoder.precision)
    tensor = torch.randn(batch, 3, *side, device=encoder.device, dtype=dtype)

    def on_device() -> None:
        with torch.inference_mode():
            encoder.model.encode_image(tensor)

    tensors = _rate(on_device, batch, encoder.device, size.seconds)
    decoded = _rate(lambda: encoder.encode_pixels(pixels), len(pixels), "cpu", size.seconds)
    with tempfile.TemporaryDirectory() as home, open_library(home, create=True) as library:
        report = pipeline.index(
            library, [photos], encoder=encoder.name, load=lambda: encoder, observer=Watcher()
        )
    assert report.indexed == size.photos
    files = report.images_per_second
    print(f"  {'tensors on the device':21} {tensors:10,.0f} images/s")
    for what, rate in (("decoded pixels", decoded), ("JPEG files", files)):
        print(f"  {what:21} {rate:10,.0f} images/s  busy {rate / tensors:5.0%}", flush=True)


def _search(device: str, size: Size, place: Path) -> None:
    """An index of generated rows, and all of them compared with each query."""
    world = Clouds(DIM)
    rows, queries = world.images(size.rows), world.texts(size.queries)
    started = time.perf_counter()
    plan = force_plan(size.rows, DIM, None)
    assert plan is not None, "too few rows to train an index on"
    (place / "index").mkdir()
    build(rows, plan, place / "index", finder=cell_finder_on(device))
    print(f"index of {size.rows:,} rows {time.perf_counter() - started:10.1f} s", flush=True)
    rate = _rate(
        lambda: best_rows(rows, queries, HITS, device=device), len(queries), "cpu", size.seconds
    )
    print(f"exact search          {rate:10,.0f} queries/s of {size.queries:,} at once")


def _rate(run: Callable[[], object], count: int, device: str, seconds: float) -> float:
    """Items a second, of runs of `count` items each, after one that prepares."""

    def done() -> None:
        if device == "cuda":
            torch.cuda.synchronize()

    run()
    done()
    runs, started = 0, time.perf_counter()
    while runs == 0 or time.perf_counter() - started < seconds:
        run()
        done()
        runs += 1
    return runs * count / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
