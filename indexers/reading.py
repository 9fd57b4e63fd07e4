"""The part of an index run that reads: vectors of many files, saved as it goes."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexers.plan import Job
from indexers.rules import WalkRules
from searchengine.catalog.records import Batch, SameContent
from searchengine.embedding.stream import (
    Content,
    Encoded,
    Failed,
    ImageStream,
    KnownContent,
    Observer,
    Outcome,
)
from searchengine.encoders.interface import Encoder
from searchengine.images.decode import MAX_MEGAPIXELS
from searchengine.library.writing import Writer
from searchengine.spaces.space import Space
from searchengine.types import FileState, ImageEntry

SAVE_SECONDS = 3.0
"""Work that a crash may lose: saving more often costs an fsync each, and gains little."""


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
    write_seconds: float = 0.0
    _stream: ImageStream[Job, bytes, SameContent] = field(init=False)
    _added: list[tuple[ImageEntry, NDArray[np.float32]]] = field(default_factory=list)
    """With the vector of each, shape (d,)."""
    _moves: list[tuple[int, FileState]] = field(default_factory=list)
    _failures: list[tuple[FileState, str]] = field(default_factory=list)
    _saved_at: float = field(default_factory=time.perf_counter)

    def __post_init__(self) -> None:
        self._stream = ImageStream(
            self.encoder,
            path_of=lambda job: Path(job.file.path),
            identify=self._identify,
            batch_size=self.options.batch_size,
            workers=self.options.workers,
            max_megapixels=self.options.max_megapixels,
        )

    @property
    def bottleneck(self) -> str:
        """The stage this run spent most time in, or waiting for."""
        seconds = {
            "decode": self._stream.decode_seconds,
            "encode": self._stream.encode_seconds,
            "write": self.write_seconds,
        }
        return max(seconds, key=seconds.__getitem__)

    def work(self, jobs: Sequence[Job]) -> None:
        """Do every job. What is done is saved even when the user interrupts."""
        started = time.perf_counter()
        with self._stream.outcomes(jobs) as outcomes:
            try:
                for outcome in outcomes:
                    self._take(outcome)
                    self._save_if_due()
                self._save()
            except KeyboardInterrupt:
                self._save()
                raise
            finally:
                self.working_seconds = time.perf_counter() - started

    def _identify(self, _job: Job, data: bytes) -> Content[bytes, SameContent]:
        """The hash of a file, and the image of the same content. Runs in the reading threads."""
        content_hash = hashlib.blake2b(data, digest_size=16).digest()
        return Content(content_hash, self.space.catalog.same_content(self.space.info, content_hash))

    def _take(self, outcome: Outcome[Job, bytes, SameContent]) -> None:
        if isinstance(outcome, Encoded):
            job = outcome.job
            entry = ImageEntry(job.file, outcome.key, outcome.facts, job.image_id)
            self._added.append((entry, outcome.vector))
            self.indexed += 1
        elif isinstance(outcome, KnownContent):
            self._reuse(outcome)
        else:
            self._fail(outcome)
        self.observer.advanced()

    def _reuse(self, outcome: KnownContent[Job, bytes, SameContent]) -> None:
        """Known content: the same file touched, or a file moved or copied, keeps its vector."""
        job, same = outcome.job, outcome.stored
        if same.image_id == job.image_id:
            self.touched += 1
            self._moves.append((same.image_id, job.file))
            return
        self.moved += 1
        is_gone = not os.path.lexists(same.path) or os.path.realpath(same.path) == job.file.path
        is_free = same.image_id not in self.moved_ids and is_gone
        if job.image_id is None and is_free:
            self.moved_ids.add(same.image_id)
            self._moves.append((same.image_id, job.file))
            return
        vector = self.space.images.read(same.row + 1)[same.row].astype(np.float32)
        entry = ImageEntry(job.file, outcome.key, same.facts, job.image_id)
        self._added.append((entry, vector))

    def _fail(self, outcome: Failed[Job]) -> None:
        self.failed += 1
        self._failures.append((outcome.job.file, outcome.reason))
        self.observer.skipped(outcome.job.file.path, outcome.reason)

    def _save_if_due(self) -> None:
        if time.perf_counter() - self._saved_at >= SAVE_SECONDS:
            self._save()

    def _save(self) -> None:
        # Buffers are emptied first: an interrupt in here must not record anything twice.
        started = time.perf_counter()
        added, self._added = self._added, []
        moves, self._moves = self._moves, []
        failures, self._failures = self._failures, []
        batch = Batch(added=[entry for entry, _ in added], moved=moves, failed=failures)
        if batch:
            vectors = np.stack([vector for _, vector in added]) if added else None
            self.writer.commit(self.space, batch, vectors)
        self._saved_at = time.perf_counter()
        self.write_seconds += self._saved_at - started
