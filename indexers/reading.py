"""The part of an index run that reads: decode and encode side by side, and save as it goes."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from indexers.plan import Job
from indexers.walk import WalkRules
from searchengine.catalog.records import Batch, SameContent
from searchengine.embedding.stream import BATCH_SIZES, Observer, ahead
from searchengine.embedding.throttle import Turns
from searchengine.encoders.interface import Encoder
from searchengine.errors import ImageError, MissingExtraError, reason_of
from searchengine.images.decode import MAX_MEGAPIXELS, read_image
from searchengine.library.writing import Writer
from searchengine.spaces.space import Space
from searchengine.types import FileState, ImageEntry, ImageFacts, Pixels, Vectors

SAVE_SECONDS = 3.0
"""Work that a crash may lose: saving more often costs an fsync each, and gains little."""

LOOK_AHEAD_BATCHES = 2
"""Pictures decoded before they are needed, in batches: enough to bridge a slow file."""


@dataclass(frozen=True, slots=True)
class IndexOptions:
    """How to run. None lets the program choose."""

    rules: WalkRules = field(default_factory=WalkRules)
    batch_size: int | None = None
    workers: int | None = None
    max_megapixels: float = MAX_MEGAPIXELS
    retry_failed: bool = False
    memory: int | None = None
    """The most bytes the approximate index may take."""
    factory: str | None = None
    """FAISS's notation of the approximate index."""
    device: str = "auto"
    """Where that index is built: "auto" takes a GPU with CUDA where there is one."""


@dataclass(frozen=True, slots=True)
class _Decoded:
    job: Job
    content_hash: bytes
    facts: ImageFacts
    pixels: Pixels


@dataclass(frozen=True, slots=True)
class _Twinned:
    job: Job
    content_hash: bytes
    twin: SameContent


@dataclass(frozen=True, slots=True)
class _Failed:
    job: Job
    reason: str


@dataclass(slots=True)
class Run:
    """The reading part of a run: jobs in, vectors and facts saved."""

    writer: Writer
    space: Space
    encoder: Encoder
    observer: Observer
    options: IndexOptions
    indexed: int = 0
    touched: int = 0
    """Files rewritten with the content they had."""
    moved: int = 0
    failed: int = 0
    moved_ids: set[int] = field(default_factory=set)
    working_seconds: float = 0.0
    seconds: dict[str, float] = field(
        default_factory=lambda: {"decode": 0.0, "encode": 0.0, "write": 0.0}
    )
    _turns: Turns = field(init=False)
    _pixels: list[_Decoded] = field(default_factory=list)
    _ready: list[tuple[list[ImageEntry], Vectors]] = field(default_factory=list)
    _moves: list[tuple[int, FileState]] = field(default_factory=list)
    _failures: list[tuple[FileState, str]] = field(default_factory=list)
    _saved_at: float = field(default_factory=time.perf_counter)

    def __post_init__(self) -> None:
        self._turns = Turns(self.encoder)

    @property
    def bottleneck(self) -> str:
        """The stage this run spent most time in, or waiting for."""
        return max(self.seconds, key=self.seconds.__getitem__)

    def work(self, jobs: Sequence[Job]) -> None:
        """Do every job. What is done is saved even when the user interrupts."""
        started = time.perf_counter()
        batch_size = self.options.batch_size or BATCH_SIZES[self.encoder.device]
        workers = self.options.workers or os.cpu_count() or 1
        with ThreadPoolExecutor(workers, thread_name_prefix="decode") as pool:
            depth = workers + LOOK_AHEAD_BATCHES * batch_size
            try:
                for outcome in self._timed_waits(ahead(pool, self._read, jobs, depth)):
                    self._take(outcome)
                    if len(self._pixels) >= self._turns.batches * batch_size:
                        self._encode(batch_size)
                    self._save_if_due()
                self._encode(batch_size)
                self._save()
            except BaseException as error:
                pool.shutdown(wait=False, cancel_futures=True)
                if isinstance(error, KeyboardInterrupt):
                    self._save()
                raise
            finally:
                self.working_seconds = time.perf_counter() - started

    def _read(self, job: Job) -> _Decoded | _Twinned | _Failed:
        """Read, hash and decode one file. Runs in the pool's threads."""
        try:
            data = Path(job.file.path).read_bytes()
        except OSError as error:
            return _Failed(job, reason_of(error))
        content_hash = hashlib.blake2b(data, digest_size=16).digest()
        twin = self.space.catalog.same_content(self.space.info, content_hash)
        if twin is not None:
            return _Twinned(job, content_hash, twin)
        self._turns.wait()
        try:
            image, facts = read_image(
                data,
                input_size=self.encoder.input_size,
                max_megapixels=self.options.max_megapixels,
                name=job.file.path,
            )
            return _Decoded(job, content_hash, facts, self.encoder.preprocess(image))
        except (ImageError, MissingExtraError) as error:
            return _Failed(job, str(error))

    def _timed_waits(
        self, outcomes: Iterator[_Decoded | _Twinned | _Failed]
    ) -> Iterator[_Decoded | _Twinned | _Failed]:
        while True:
            waiting_since = time.perf_counter()
            outcome = next(outcomes, None)
            self.seconds["decode"] += time.perf_counter() - waiting_since
            if outcome is None:
                return
            yield outcome

    def _take(self, outcome: _Decoded | _Twinned | _Failed) -> None:
        if isinstance(outcome, _Decoded):
            self._pixels.append(outcome)
            return
        if isinstance(outcome, _Twinned):
            self._reuse(outcome)
        else:
            self.failed += 1
            self._failures.append((outcome.job.file, outcome.reason))
            self.observer.skipped(outcome.job.file.path, outcome.reason)
        self.observer.advanced()

    def _reuse(self, outcome: _Twinned) -> None:
        """Known content: the same file touched, or a file moved or copied, keeps its vector."""
        job, twin = outcome.job, outcome.twin
        if twin.image_id == job.image_id:
            self.touched += 1
            self._moves.append((twin.image_id, job.file))
            return
        self.moved += 1
        is_free = twin.image_id not in self.moved_ids and not os.path.lexists(twin.path)
        if job.image_id is None and is_free:
            self.moved_ids.add(twin.image_id)
            self._moves.append((twin.image_id, job.file))
            return
        rows = self.space.images.read(twin.row + 1)
        vector = rows[twin.row][np.newaxis].astype(np.float32)
        entry = ImageEntry(job.file, outcome.content_hash, twin.facts, job.image_id)
        self._ready.append(([entry], vector))

    def _encode(self, batch_size: int) -> None:
        items, self._pixels = self._pixels, []
        with self._turns.encoding():
            for first in range(0, len(items), batch_size):
                self._encode_batch(items[first : first + batch_size])
                self._save_if_due()

    def _encode_batch(self, items: Sequence[_Decoded]) -> None:
        started = time.perf_counter()
        vectors = self.encoder.encode_pixels([item.pixels for item in items])
        entries = [
            ImageEntry(item.job.file, item.content_hash, item.facts, item.job.image_id)
            for item in items
        ]
        self._ready.append((entries, vectors))
        self.indexed += len(items)
        for _ in items:
            self.observer.advanced()
        self.seconds["encode"] += time.perf_counter() - started

    def _save_if_due(self) -> None:
        if time.perf_counter() - self._saved_at >= SAVE_SECONDS:
            self._save()

    def _save(self) -> None:
        # Buffers are emptied first: an interrupt in here must not record anything twice.
        started = time.perf_counter()
        ready, self._ready = self._ready, []
        moves, self._moves = self._moves, []
        failures, self._failures = self._failures, []
        added = [entry for entries, _ in ready for entry in entries]
        batch = Batch(added=added, moved=moves, failed=failures)
        if batch:
            vectors = np.concatenate([rows for _, rows in ready]) if ready else None
            self.writer.commit(self.space, batch, vectors)
        self._saved_at = time.perf_counter()
        self.seconds["write"] += self._saved_at - started
