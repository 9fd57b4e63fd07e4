"""Many image files to vectors: decoded in threads, a little ahead of the encoder.

The one place where files are read, decoded, preprocessed and encoded side by side: index runs and
evaluations both take what comes out of an `ImageStream`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Generic, TypeAlias

import numpy as np
from PIL import Image

from searchengine.embedding.ahead import ahead
from searchengine.embedding.contents import Contents, Decoded, Picture, Vector
from searchengine.embedding.faults import NOT_OF_ONE_FILE, failure_kind, failure_reason
from searchengine.embedding.halving import Refused, encode_each
from searchengine.embedding.on_call import EncoderOnCall
from searchengine.embedding.outcomes import (
    Encoded,
    Failed,
    Job,
    Key,
    KnownContent,
    Outcome,
    Stored,
)
from searchengine.embedding.regions import Box, cut
from searchengine.embedding.throttle import DecodeThrottle
from searchengine.encoders.interface import Encoder
from searchengine.files import MAX_FILE_SIZE, read_whole
from searchengine.images.decode import MAX_MEGAPIXELS, read_image
from searchengine.looks.look import LEAST_INPUT, look_of
from searchengine.types import FailureKind, ImageFacts

BATCH_SIZES = {"cuda": 512, "mps": 64, "cpu": 16}
"""Images handed to the encoder at a time. On a CPU 32 are slower than 16 (measured: their maps
outgrow the allocator's reuse); on CUDA it cuts them into batches of its own, one of which is copied
while another is computed."""

LOOK_AHEAD_BATCHES = 2
"""Pictures decoded before they are needed, in batches: enough to bridge a slow file."""


@dataclass(frozen=True, slots=True)
class _Begun(Generic[Job, Key, Stored]):
    """A file whose content another thread came to first."""

    job: Job
    key: Key
    read: Future[_Read[Job, Key, Stored]]


_Read: TypeAlias = Decoded[Job, Key] | KnownContent[Job, Key, Stored] | Failed[Job]


class ImageStream(Generic[Job, Key, Stored]):
    """Jobs, each with a file, to outcomes, in bounded memory.

    `load` makes the encoder, in the thread that takes the outcomes, when the first picture needs
    it. `path_of` says where a job's file is, `box_of` which part of the picture is meant, None for
    all of it. `read` gets bytes that lie elsewhere, up to so many; the path is but a name then.
    Before they are decoded, in the reading threads, `identify` makes a key of them, which comes
    back with the outcome, and `known` says by it what is known of the same content already. Files
    whose keys have the same `content_of` are decoded and encoded once; without it each is, and so
    it must be where boxes are. `batch_size` images are encoded at a time and `workers` threads
    decode; None takes what suits the device. Pictures over `max_megapixels`, in units of 10^6
    pixels, and files over `max_file_size` bytes fail. With `looks` it is also told what pictures
    look like.

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
        identify: Callable[[Job, bytes], Key],
        known: Callable[[Job, Key], Stored | None] = lambda _job, _key: None,
        content_of: Callable[[Key], bytes] | None = None,
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
        self._known = known
        self._content_of = content_of
        self._contents: Contents[_Read[Job, Key, Stored]] = Contents()
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

    def forget(self) -> None:
        """Called once what came out is saved: `known` tells of it from now on."""
        self._contents.forget(
            lambda read: isinstance(read, Decoded) and read.picture.vector is not None
        )

    @contextmanager
    def outcomes(self, jobs: Iterable[Job]) -> Iterator[Iterator[Outcome[Job, Key, Stored]]]:
        """One outcome a job. Encoded ones come in the order of the jobs, and so do the others.

        The others come at once, while pictures before them wait for their batch to be full. Copies
        of what is encoded come at once too, and those of one that waits right after it.
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
        pictures: list[Picture[Job, Key]] = []
        copies = 0
        reads = ahead(pool, self._read, jobs, self._depth, partial(self._result_of, pool))
        for read in self._timed_waits(reads):
            if not isinstance(read, Decoded):
                yield read
                continue
            picture = read.picture
            if isinstance(picture.vector, np.ndarray):
                yield read.encoded(picture.vector, is_copy=True)
                continue
            if picture.files:
                copies += 1
            else:
                pictures.append(picture)
            picture.files.append(read)
            if max(len(pictures), copies) >= self._throttle.batches * self._batch_size:
                yield from self._encode(self._on_call.ask(), pictures)
                pictures, copies = [], 0
        if pictures:
            yield from self._encode(self._on_call.ask(), pictures)

    def _depth(self) -> int:
        return self._workers + LOOK_AHEAD_BATCHES * self._batch_size

    def _result_of(
        self,
        pool: ThreadPoolExecutor,
        reading: Future[_Read[Job, Key, Stored] | _Begun[Job, Key, Stored]],
    ) -> _Read[Job, Key, Stored]:
        """What a reading thread returns. Where another one failed at the content, it is tried."""
        read = self._on_call.result_of(reading)
        while isinstance(read, _Begun):
            other = self._on_call.result_of(read.read)
            if isinstance(other, Decoded):
                return Decoded(read.job, read.key, other.picture)
            read = self._on_call.result_of(pool.submit(self._read, read.job))
        return read

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

    def _read(self, job: Job) -> _Read[Job, Key, Stored] | _Begun[Job, Key, Stored]:
        """Read one file, and what its content gives. Runs in the pool's threads."""
        try:
            data = self._bytes_of(job, self._max_file_size)
            key = self._identify(job, data)
        except NOT_OF_ONE_FILE:
            raise
        except BaseException as error:  # a panic of a library in Rust is no Exception
            return _failed(job, error, FailureKind.UNREADABLE)
        if self._content_of is None:
            return self._looked_at(job, key, data)
        read = self._contents.read_once(
            self._content_of(key),
            lambda: self._looked_at(job, key, data),
            lambda read: isinstance(read, Decoded),
        )
        return _Begun(job, key, read) if isinstance(read, Future) else read

    def _looked_at(self, job: Job, key: Key, data: bytes) -> _Read[Job, Key, Stored]:
        """What is known of a content; else it is decoded and preprocessed."""
        reached = FailureKind.UNREADABLE
        try:
            stored = self._known(job, key)
            if stored is not None:
                return KnownContent(job, key, stored)
            path = self._path_of(job)
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
            look = look_of(image) if self._looks else None
            return Decoded(job, key, Picture(facts, pixels, look))
        except NOT_OF_ONE_FILE:
            raise
        except BaseException as error:
            return _failed(job, error, reached)

    def _decode(
        self, path: Path, data: bytes, input_size: int | None
    ) -> tuple[Image.Image, ImageFacts]:
        return read_image(
            data, input_size=input_size, max_megapixels=self._max_megapixels, name=str(path)
        )

    def _encode(
        self, encoder: Encoder, pictures: Sequence[Picture[Job, Key]]
    ) -> Iterator[Encoded[Job, Key] | Failed[Job]]:
        with self._throttle.encoding():
            for first in range(0, len(pictures), self._batch_size):
                batch = pictures[first : first + self._batch_size]
                for picture, vector in zip(batch, self._vectors(encoder, batch), strict=True):
                    yield from picture.given_out(vector, partial(self._vectors, encoder, [picture]))

    def _vectors(
        self, encoder: Encoder, pictures: Sequence[Picture[Job, Key]]
    ) -> list[Vector | Refused]:
        started = time.perf_counter()
        vectors = encode_each(encoder, [picture.pixels for picture in pictures])
        self.encode_seconds += time.perf_counter() - started
        return vectors


def _failed(job: Job, error: BaseException, reached: FailureKind) -> Failed[Job]:
    kind = failure_kind(error, reached)
    return Failed(job, kind, failure_reason(error, kind))
