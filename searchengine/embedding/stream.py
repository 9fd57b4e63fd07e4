"""Many image files to vectors: decoded in threads, a little ahead of the encoder.

The one place where files are read, decoded, preprocessed and encoded side by side: index runs and
evaluations both take what comes out of an `ImageStream`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from searchengine.embedding.ahead import ahead
from searchengine.embedding.faults import NOT_OF_ONE_FILE, failure_kind, failure_reason
from searchengine.embedding.halving import encode_each
from searchengine.embedding.on_call import EncoderOnCall
from searchengine.embedding.regions import Box, cut
from searchengine.embedding.throttle import DecodeThrottle
from searchengine.encoders.interface import Encoder
from searchengine.files import MAX_FILE_SIZE, read_whole
from searchengine.images.decode import MAX_MEGAPIXELS, read_image
from searchengine.looks.look import LEAST_INPUT, Looks, look_of
from searchengine.types import FailureKind, ImageFacts, Pixels

BATCH_SIZES = {"cuda": 512, "mps": 64, "cpu": 16}
"""Images handed to the encoder at a time. On a CPU 32 are slower than 16 (measured: their maps
outgrow the allocator's reuse); on CUDA it cuts them into batches of its own, one of which is copied
while another is computed."""

LOOK_AHEAD_BATCHES = 2
"""Pictures decoded before they are needed, in batches: enough to bridge a slow file."""

Job = TypeVar("Job")
Key = TypeVar("Key")
Stored = TypeVar("Stored")


class Observer(Protocol):
    """Who is told how a run over many files goes."""

    def planned(self, total: int) -> None:
        """The number of files that will be read."""

    def started(self) -> None:
        """The encoder is loaded. Never called where nothing needs it."""

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
    look: Looks | None = None
    """Shape (), where it was asked for."""


@dataclass(frozen=True, slots=True)
class KnownContent(Generic[Job, Key, Stored]):
    """A file whose content is known: nothing was decoded."""

    job: Job
    key: Key
    stored: Stored


@dataclass(frozen=True, slots=True)
class Failed(Generic[Job]):
    """A file that cannot be read, decoded or encoded, and why."""

    job: Job
    kind: FailureKind
    reason: str
    """One line."""


@dataclass(frozen=True, slots=True)
class _Decoded(Generic[Job, Key]):
    job: Job
    key: Key
    facts: ImageFacts
    pixels: Pixels
    look: Looks | None


Outcome: TypeAlias = Encoded[Job, Key] | KnownContent[Job, Key, Stored] | Failed[Job]
_Read: TypeAlias = _Decoded[Job, Key] | KnownContent[Job, Key, Stored] | Failed[Job]


class ImageStream(Generic[Job, Key, Stored]):
    """Jobs, each with a file, to outcomes, in bounded memory.

    `load` makes the encoder, in the thread that takes the outcomes, when the first picture needs
    it. `path_of` says where a job's file is, `box_of` which part of the picture is meant, None for
    all of it. `read` gets bytes that lie elsewhere, up to so many; the path is but a name then.
    `identify` looks at them before they are decoded, in the reading threads. `batch_size` images
    are encoded at a time and `workers` threads decode; None takes what suits the device. Pictures
    over `max_megapixels`, in units of 10^6 pixels, and files over `max_file_size` bytes fail. With
    `looks` it is also told what pictures look like.

    Whatever is raised over one file is its failure, but for LibraryError and EncoderError, which
    end the stream. So does an encoder that refuses every picture, as an EncoderError.
    """

    decode_seconds: float
    """Spent so far in waiting for the decoders."""
    encode_seconds: float
    """Spent so far in the encoder."""

    def __init__(
        self,
        load: Callable[[], Encoder],
        *,
        path_of: Callable[[Job], Path],
        identify: Callable[[Job, bytes], Content[Key, Stored]],
        box_of: Callable[[Job], Box | None] = lambda _job: None,
        read: Callable[[Job, int], bytes] | None = None,
        batch_size: int | None = None,
        workers: int | None = None,
        max_megapixels: float = MAX_MEGAPIXELS,
        max_file_size: int = MAX_FILE_SIZE,
        looks: bool = False,
    ) -> None:
        self.decode_seconds = self.encode_seconds = 0.0
        self._load = load
        self._throttle = DecodeThrottle()
        self._on_call = EncoderOnCall(self._prepare)
        self._path_of = path_of
        self._identify = identify
        self._box_of = box_of
        self._bytes_of = read or (lambda job, limit: read_whole(path_of(job), limit))
        self._asked_batch_size = batch_size
        self._workers = workers or os.cpu_count() or 1
        self._max_megapixels = max_megapixels
        self._max_file_size = max_file_size
        self._looks = looks

    @property
    def encoder(self) -> Encoder | None:
        """None before the first picture needed it."""
        return self._on_call.loaded

    @property
    def load_seconds(self) -> float:
        """Spent in loading the encoder; these are in neither of the others."""
        return self._on_call.load_seconds

    @property
    def _batch_size(self) -> int:
        device = "cpu" if self.encoder is None else self.encoder.device
        return self._asked_batch_size or BATCH_SIZES[device]

    def _prepare(self) -> Encoder:
        encoder = self._load()
        self._throttle.share_with(encoder)
        return encoder

    def interrupted(self) -> AbstractContextManager[None]:
        """Held by who takes the outcomes while that does something longer: decoders go on."""
        return self._throttle.interrupted()

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
            self._on_call.dismiss()
            pool.shutdown(cancel_futures=True)

    def _outcomes(
        self, pool: ThreadPoolExecutor, jobs: Iterable[Job]
    ) -> Generator[Outcome[Job, Key, Stored]]:
        decoded: list[_Decoded[Job, Key]] = []
        reads = ahead(pool, self._read, jobs, self._depth, self._on_call.result_of)
        for read in self._timed_waits(reads):
            if not isinstance(read, _Decoded):
                yield read
                continue
            decoded.append(read)
            if len(decoded) >= self._throttle.batches * self._batch_size:
                yield from self._encode(self._on_call.ask(), decoded)
                decoded = []
        if decoded:
            yield from self._encode(self._on_call.ask(), decoded)

    def _depth(self) -> int:
        return self._workers + LOOK_AHEAD_BATCHES * self._batch_size

    def _timed_waits(
        self, outcomes: Iterator[_Read[Job, Key, Stored]]
    ) -> Iterator[_Read[Job, Key, Stored]]:
        while True:
            waiting_since = time.perf_counter() - self.load_seconds
            outcome = next(outcomes, None)
            self.decode_seconds += time.perf_counter() - waiting_since - self.load_seconds
            if outcome is None:
                return
            yield outcome

    def _read(self, job: Job) -> _Read[Job, Key, Stored]:
        """Read, identify, decode and preprocess one file. Runs in the pool's threads."""
        reached = FailureKind.UNREADABLE
        try:
            path = self._path_of(job)
            data = self._bytes_of(job, self._max_file_size)
            content = self._identify(job, data)
            if content.stored is not None:
                return KnownContent(job, content.key, content.stored)
            if self.encoder is None:  # it is loaded for what can be decoded
                self._decode(path, data, input_size=1)
            encoder = self._on_call.ask()
            self._throttle.wait()
            box, least = self._box_of(job), LEAST_INPUT if self._looks else 1
            size = None if box else max(encoder.input_size, least)
            image, facts = self._decode(path, data, size)
            image = image if box is None else cut(image, box)
            reached = FailureKind.ENCODER
            pixels = encoder.preprocess(image)
            return _Decoded(
                job, content.key, facts, pixels, look_of(image) if self._looks else None
            )
        except NOT_OF_ONE_FILE:
            raise
        except BaseException as error:  # a panic of a library in Rust is no Exception
            kind = failure_kind(error, reached)
            return Failed(job, kind, failure_reason(error, kind))

    def _decode(
        self, path: Path, data: bytes, input_size: int | None
    ) -> tuple[Image.Image, ImageFacts]:
        return read_image(
            data, input_size=input_size, max_megapixels=self._max_megapixels, name=str(path)
        )

    def _encode(
        self, encoder: Encoder, decoded: Sequence[_Decoded[Job, Key]]
    ) -> Iterator[Encoded[Job, Key] | Failed[Job]]:
        with self._throttle.encoding():
            for first in range(0, len(decoded), self._batch_size):
                batch = decoded[first : first + self._batch_size]
                started = time.perf_counter()
                vectors = encode_each(encoder, [item.pixels for item in batch])
                self.encode_seconds += time.perf_counter() - started
                for item, vector in zip(batch, vectors, strict=True):
                    if isinstance(vector, str):
                        yield Failed(item.job, FailureKind.ENCODER, vector)
                    else:
                        yield Encoded(item.job, item.key, item.facts, vector, item.look)
