"""Many image files to vectors: decoded in threads, a little ahead of the encoder."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np

from searchengine.embedding.throttle import Turns
from searchengine.encoders.interface import Encoder
from searchengine.errors import ImageError, InputError, MissingExtraError, reason_of
from searchengine.images.decode import read_image
from searchengine.types import Pixels, Vectors

BATCH_SIZES = {"cuda": 256, "mps": 64, "cpu": 16}
"""Images encoded at a time. On a CPU 32 are slower than 16 (measured: their maps outgrow the
allocator's reuse); a GPU needs many to be busy."""

Job = TypeVar("Job")
Result = TypeVar("Result")


class Observer(Protocol):
    """Who is told how a run over many files goes."""

    def planned(self, total: int) -> None:
        """The number of files that will be read."""

    def started(self) -> None:
        """The encoder is loaded and the first of them is about to be read."""

    def advanced(self) -> None:
        """One of them is done with."""

    def skipped(self, path: str, reason: str) -> None:
        """A file or directory that cannot be used."""


def embed_files(
    paths: Sequence[Path], encoder: Encoder, observer: Observer
) -> tuple[Vectors, dict[Path, str]]:
    """Unit rows of the files that can be read, shape (n, d), in order, and why the others cannot.

    Raises InputError where none can.
    """
    broken: dict[Path, str] = {}
    rows: list[Vectors] = []
    batch: list[Pixels] = []
    size = BATCH_SIZES[encoder.device]
    workers = os.cpu_count() or 1
    turns = Turns(encoder)
    with ThreadPoolExecutor(workers, thread_name_prefix="decode") as pool:
        outcomes = ahead(pool, lambda path: _read(path, encoder, turns), paths, workers + 2 * size)
        for path, outcome in zip(paths, outcomes, strict=True):
            if isinstance(outcome, str):
                broken[path] = outcome
                observer.skipped(str(path), outcome)
            else:
                batch.append(outcome)
            if len(batch) == size:
                with turns.encoding():
                    rows.append(encoder.encode_pixels(batch))
                batch = []
            observer.advanced()
    if batch:
        rows.append(encoder.encode_pixels(batch))
    if not rows:
        first = f", the first being {paths[0]}: {broken[paths[0]]}" if broken else ""
        raise InputError(f"none of the {len(paths):,} images can be read{first}")
    return np.concatenate(rows), broken


def _read(path: Path, encoder: Encoder, turns: Turns) -> Pixels | str:
    """The picture at the encoder's input size, or why there is none."""
    try:
        data = path.read_bytes()
        turns.wait()
        image, _ = read_image(data, input_size=encoder.input_size, name=str(path))
        return encoder.preprocess(image)
    except OSError as error:
        return reason_of(error)
    except (ImageError, MissingExtraError) as error:
        return str(error)


def ahead(
    pool: ThreadPoolExecutor, function: Callable[[Job], Result], jobs: Iterable[Job], depth: int
) -> Iterator[Result]:
    """The function's results in order, with at most `depth` of them under way or waiting."""
    waiting: deque[Future[Result]] = deque()
    for job in jobs:
        waiting.append(pool.submit(function, job))
        if len(waiting) >= depth:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
