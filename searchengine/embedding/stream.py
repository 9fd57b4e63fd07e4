"""Many image files to vectors: decoded in threads, a little ahead of the encoder.

The one place where files are read, decoded, preprocessed and encoded side by side: index runs and
evaluations both take what comes out of an `ImageStream`.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from searchengine.embedding.throttle import DecodeThrottle
from searchengine.encoders.interface import Encoder
from searchengine.errors import ImageError, InputError, MissingExtraError, reason_of
from searchengine.images.decode import MAX_MEGAPIXELS, read_image
from searchengine.types import ImageFacts, Pixels, Vectors

BATCH_SIZES = {"cuda": 256, "mps": 64, "cpu": 16}
"""Images encoded at a time. On a CPU 32 are slower than 16 (measured: their maps outgrow the
allocator's reuse); a GPU needs many to be busy."""

LOOK_AHEAD_BATCHES = 2
"""Pictures decoded before they are needed, in batches: enough to bridge a slow file."""

Job = TypeVar("Job")
Key = TypeVar("Key")
Stored = TypeVar("Stored")
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


@dataclass(frozen=True, slots=True)
class Content(Generic[Key, Stored]):
    """What the bytes of a file say before they are decoded."""

    key: Key
    """Comes back with the outcome: a hash, for example."""
    stored: Stored | None = None
    """What is known of the same content already; None where it has to be encoded."""


@dataclass(frozen=True, slots=True)
class Encoded(Generic[Job, Key]):
    """A file that was decoded and encoded."""

    job: Job
    key: Key
    facts: ImageFacts
    vector: NDArray[np.float32]
    """Unit vector, shape (d,)."""


@dataclass(frozen=True, slots=True)
class KnownContent(Generic[Job, Key, Stored]):
    """A file whose content is known: nothing was decoded."""

    job: Job
    key: Key
    stored: Stored


@dataclass(frozen=True, slots=True)
class Failed(Generic[Job]):
    """A file that cannot be read or decoded, and why."""

    job: Job
    reason: str


@dataclass(frozen=True, slots=True)
class _Decoded(Generic[Job, Key]):
    job: Job
    key: Key
    facts: ImageFacts
    pixels: Pixels


Outcome: TypeAlias = Encoded[Job, Key] | KnownContent[Job, Key, Stored] | Failed[Job]
_Read: TypeAlias = _Decoded[Job, Key] | KnownContent[Job, Key, Stored] | Failed[Job]


class ImageStream(Generic[Job, Key, Stored]):
    """Jobs, each with a file, to outcomes, in bounded memory.

    `path_of` says where a job's file is. `identify` looks at its bytes before they are decoded, in
    the reading threads; what it raises ends the stream. `batch_size` images are encoded at a time
    and `workers` threads decode; None takes what suits the device. Pictures over `max_megapixels`,
    in units of 10^6 pixels, fail.
    """

    decode_seconds: float
    """Spent so far in waiting for the decoders."""
    encode_seconds: float
    """Spent so far in the encoder."""

    def __init__(
        self,
        encoder: Encoder,
        *,
        path_of: Callable[[Job], Path],
        identify: Callable[[Job, bytes], Content[Key, Stored]],
        batch_size: int | None = None,
        workers: int | None = None,
        max_megapixels: float = MAX_MEGAPIXELS,
    ) -> None:
        self.decode_seconds = self.encode_seconds = 0.0
        self._encoder = encoder
        self._path_of = path_of
        self._identify = identify
        self._batch_size = batch_size or BATCH_SIZES[encoder.device]
        self._workers = workers or os.cpu_count() or 1
        self._max_megapixels = max_megapixels
        self._throttle = DecodeThrottle(encoder)

    @contextmanager
    def outcomes(self, jobs: Iterable[Job]) -> Iterator[Iterator[Outcome[Job, Key, Stored]]]:
        """One outcome a job. Encoded ones come in the order of the jobs, and so do the others.

        The others come at once, while pictures before them wait for their batch to be full.
        Leaving the context early drops what has not begun and waits only for what has.
        """
        pool = ThreadPoolExecutor(self._workers, thread_name_prefix="decode")
        outcomes = self._outcomes(pool, jobs)
        try:
            yield outcomes
        finally:
            outcomes.close()  # where it stopped at the encoder, decoders wait for it
            pool.shutdown(cancel_futures=True)

    def _outcomes(
        self, pool: ThreadPoolExecutor, jobs: Iterable[Job]
    ) -> Generator[Outcome[Job, Key, Stored]]:
        decoded: list[_Decoded[Job, Key]] = []
        depth = self._workers + LOOK_AHEAD_BATCHES * self._batch_size
        for read in self._timed_waits(ahead(pool, self._read, jobs, depth)):
            if not isinstance(read, _Decoded):
                yield read
                continue
            decoded.append(read)
            if len(decoded) >= self._throttle.batches * self._batch_size:
                yield from self._encode(decoded)
                decoded = []
        yield from self._encode(decoded)

    def _timed_waits(
        self, outcomes: Iterator[_Read[Job, Key, Stored]]
    ) -> Iterator[_Read[Job, Key, Stored]]:
        while True:
            waiting_since = time.perf_counter()
            outcome = next(outcomes, None)
            self.decode_seconds += time.perf_counter() - waiting_since
            if outcome is None:
                return
            yield outcome

    def _read(self, job: Job) -> _Read[Job, Key, Stored]:
        """Read, identify and decode one file. Runs in the pool's threads."""
        path = self._path_of(job)
        try:
            data = path.read_bytes()
        except OSError as error:
            return Failed(job, reason_of(error))
        content = self._identify(job, data)
        if content.stored is not None:
            return KnownContent(job, content.key, content.stored)
        self._throttle.wait()
        try:
            image, facts = read_image(
                data,
                input_size=self._encoder.input_size,
                max_megapixels=self._max_megapixels,
                name=str(path),
            )
            return _Decoded(job, content.key, facts, self._encoder.preprocess(image))
        except (ImageError, MissingExtraError) as error:
            return Failed(job, str(error))

    def _encode(self, decoded: Sequence[_Decoded[Job, Key]]) -> Iterator[Encoded[Job, Key]]:
        with self._throttle.encoding():
            for first in range(0, len(decoded), self._batch_size):
                batch = decoded[first : first + self._batch_size]
                started = time.perf_counter()
                vectors = self._encoder.encode_pixels([item.pixels for item in batch])
                self.encode_seconds += time.perf_counter() - started
                for item, vector in zip(batch, vectors, strict=True):
                    yield Encoded(item.job, item.key, item.facts, vector)


def embed_files(
    paths: Sequence[Path],
    encoder: Encoder,
    observer: Observer,
    *,
    workers: int | None = None,
    max_megapixels: float = MAX_MEGAPIXELS,
) -> tuple[Vectors, dict[Path, str]]:
    """Unit rows of the files that can be read, shape (n, d), in order, and why the others cannot.

    `workers` and `max_megapixels` are those of an `ImageStream`. Raises InputError where no file
    can be read.
    """
    stream: ImageStream[Path, None, None] = ImageStream(
        encoder,
        path_of=lambda path: path,
        identify=lambda _path, _data: Content(None),
        workers=workers,
        max_megapixels=max_megapixels,
    )
    broken: dict[Path, str] = {}
    rows: list[NDArray[np.float32]] = []
    with stream.outcomes(paths) as outcomes:
        for outcome in outcomes:
            if isinstance(outcome, Encoded):
                rows.append(outcome.vector)
            elif isinstance(outcome, Failed):
                broken[outcome.job] = outcome.reason
                observer.skipped(str(outcome.job), outcome.reason)
            observer.advanced()
    if not rows:
        first = f", the first being {paths[0]}: {broken[paths[0]]}" if broken else ""
        raise InputError(f"none of the {len(paths):,} images can be read{first}")
    return np.stack(rows), broken


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
