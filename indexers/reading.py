"""The part of an index run that reads: vectors of many files, saved as it goes."""

from __future__ import annotations

import io
import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexers.left_out.rules import WalkRules
from indexers.plan import Job, Unread
from indexers.trial import Trial
from searchengine.catalog.catalog import Catalog, CatalogReads
from searchengine.catalog.records import Batch, FailedFile, Reading, SameContent
from searchengine.embedding.faults import failure_reason
from searchengine.embedding.outcomes import Encoded, KnownContent, Observer, Outcome
from searchengine.embedding.stream import ImageStream
from searchengine.encoders.interface import Encoder
from searchengine.errors import LibraryError, RefusedValueError
from searchengine.files import MAX_FILE_SIZE, content_hash
from searchengine.images.decode import MAX_MEGAPIXELS
from searchengine.library.writing import Writer
from searchengine.looks.look import Looks
from searchengine.metadata.read import read_written, read_written_file
from searchengine.spaces.space import Space
from searchengine.types import FailureKind, ImageEntry

SAVE_SECONDS = 3.0
"""Work that a crash may lose: saving more often costs an fsync each, and gains little."""

READ_AT_A_TIME = 500
"""Files whose metadata is recorded together."""

log = logging.getLogger("clipseek")


@dataclass(frozen=True, slots=True)
class IndexOptions:
    """How to run. None lets the program choose."""

    rules: WalkRules = field(default_factory=WalkRules)
    batch_size: int | None = None
    workers: int | None = None
    max_megapixels: float = MAX_MEGAPIXELS
    max_file_size: int = MAX_FILE_SIZE
    """Bytes; larger files are not read."""
    retry_failed: bool = False
    memory: int | None = None
    """The most bytes the approximate index may take."""
    factory: str | None = None
    """FAISS's notation of the approximate index."""
    device: str = "auto"
    """Where that index is built: "auto" takes a GPU with CUDA where there is one."""
    crops: int | None = None
    """Of each picture, in its vector beside the whole: 4, or 1 for the whole alone. None takes what
    the space was made with, and 1 for a new one."""
    settled: float = 0.0
    """Seconds that a file must not have changed for; others are left to a later run."""


class Fate(Enum):
    """What became of a file that was read."""

    INDEXED = "indexed"
    TOUCHED = "touched"
    """Rewritten with the content it had."""
    MOVED = "moved"
    """Its content is that of an image whose file is gone: the image is here now."""
    COPY = "copy"
    """Its content is that of an image whose file is still there, or came before it in this run."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class _Identity:
    """What the bytes of a file say without its pixels."""

    content_hash: bytes
    reading: Reading


@dataclass(frozen=True, slots=True)
class _Done:
    """A job that is done, and what is to be recorded of it: one of the last three."""

    fate: Fate
    job: Job
    added: tuple[ImageEntry, NDArray[np.float32]] | None = None
    """With its vector, shape (d,)."""
    look: Looks | None = None
    """Of what is added, shape ()."""
    holder: int | None = None
    """The image that this file holds now."""
    failure: FailedFile | None = None
    reading: Reading | None = None


@dataclass(slots=True)
class Run:
    """The reading part of a run: jobs in, vectors and facts saved."""

    catalog: Catalog
    writer: Writer
    space: Space | None
    """None before the first picture of a new space is read."""
    load: Callable[[], Encoder]
    observer: Observer
    options: IndexOptions
    trial: Trial
    counts: Counter[Fate] = field(default_factory=Counter)
    failures: list[FailedFile] = field(default_factory=list)
    moved_ids: set[int] = field(default_factory=set)
    working_seconds: float = 0.0
    write_seconds: float = 0.0
    _stream: ImageStream[Job, _Identity, SameContent] = field(init=False)
    _listed: CatalogReads = field(init=False)
    """As it is at each question."""
    _done: list[_Done] = field(default_factory=list)
    """Not saved yet."""
    _refused: set[bytes] = field(default_factory=set)
    """Contents whose first file in this run the catalog refused: the next one is indexed."""
    _saved_at: float = field(default_factory=time.perf_counter)

    def __post_init__(self) -> None:
        self._stream = ImageStream(
            self._load,
            path_of=lambda job: Path(job.file.path),
            identify=self._identify,
            known=self._known,
            content_of=lambda key: key.content_hash,
            batch_size=self.options.batch_size,
            workers=self.options.workers,
            max_megapixels=self.options.max_megapixels,
            max_file_size=self.options.max_file_size,
            looks=True,
        )

    @property
    def encoder(self) -> Encoder | None:
        """None where no picture needed it."""
        return self._stream.encoder

    @property
    def bottleneck(self) -> str:
        """The stage this run spent most time in, or waiting for."""
        seconds = {
            "decode": self._stream.decode_seconds,
            "encode": self._stream.encode_seconds,
            "write": self.write_seconds,
        }
        return max(seconds, key=seconds.__getitem__)

    def work(self, jobs: Iterable[Job]) -> None:
        """Do every job. What is done is saved, whatever ends it but the library itself."""
        started = time.perf_counter()
        with (
            self.catalog.asked_often() as self._listed,
            self._stream.outcomes(jobs) as outcomes,
        ):
            try:
                for outcome in outcomes:
                    self._take(outcome)
                    self._save_if_due()
                self._save()
            except LibraryError:
                raise
            except BaseException:
                self._save()
                raise
            finally:
                seconds = time.perf_counter() - started
                self.working_seconds = seconds - self._stream.load_seconds

    def _load(self) -> Encoder:
        encoder = self.load()
        self.space = self.writer.space_for(encoder)
        self.observer.started()
        return encoder

    def _identify(self, job: Job, data: bytes) -> _Identity:
        """The hash of a file and its metadata. Runs in the reading threads."""
        written = read_written(job.file, io.BytesIO(data), job.sidecar.path)
        return _Identity(content_hash(data), Reading(job.file.path, job.sidecar.state, written))

    def _known(self, job: Job, key: _Identity) -> SameContent | None:
        """The image of the same content, with a sound vector. Runs in the reading threads."""
        if (space := self.space) is None:
            return None
        same = self._listed.same_content(space.info, key.content_hash, job.image_id)
        return same if same is not None and space.is_sound(same.row) else None

    def _take(self, outcome: Outcome[Job, _Identity, SameContent]) -> None:
        job = outcome.job
        if isinstance(outcome, Encoded):
            key = outcome.key
            entry = ImageEntry(job.file, key.content_hash, outcome.facts, job.image_id)
            added = entry, outcome.vector
            fate = Fate.COPY if outcome.is_copy else Fate.INDEXED
            self._done.append(_Done(fate, job, added=added, reading=key.reading, look=outcome.look))
        elif isinstance(outcome, KnownContent):
            self._done.append(self._reused(outcome))
        else:
            self._done.append(self._failed(job, outcome.kind, outcome.reason))
        self.observer.advanced()

    def _reused(self, outcome: KnownContent[Job, _Identity, SameContent]) -> _Done:
        """Known content: the same file touched, or a file moved or copied, keeps its vector."""
        job, same, reading = outcome.job, outcome.stored, outcome.key.reading
        if same.image_id == job.image_id:
            return _Done(Fate.TOUCHED, job, holder=same.image_id, reading=reading)
        is_away = not os.path.lexists(same.path) or os.path.realpath(same.path) == job.file.path
        is_gone = same.image_id not in self.moved_ids and is_away
        fate = Fate.MOVED if is_gone else Fate.COPY
        if job.image_id is None and is_gone:
            self.moved_ids.add(same.image_id)
            return _Done(fate, job, holder=same.image_id, reading=reading)
        assert self.space is not None, "the content is known from it"
        vector = self.space.images.read(same.row + 1)[same.row].astype(np.float32)
        entry = ImageEntry(job.file, outcome.key.content_hash, same.facts, job.image_id)
        [look] = self.space.looks.read(np.array([same.row]))
        return _Done(fate, job, added=(entry, vector), reading=reading, look=look)

    def _failed(self, job: Job, kind: FailureKind, reason: str) -> _Done:
        self.observer.skipped(job.file.path, reason)
        failure = FailedFile(job.file, kind, reason, self.trial.tried_with(kind))
        return _Done(Fate.FAILED, job, failure=failure)

    def _save_if_due(self) -> None:
        if time.perf_counter() - self._saved_at >= SAVE_SECONDS:
            with self._stream.interrupted():
                self._save()

    def _save(self) -> None:
        # The buffer is emptied first: an interrupt in here must not record anything twice.
        started = time.perf_counter()
        done, self._done = self._done, []
        self._record(done)
        self._stream.forget()
        self._saved_at = time.perf_counter()
        self.write_seconds += self._saved_at - started

    def _record(self, done: Sequence[_Done]) -> None:
        """Save what is done; where the catalog refuses it, its halves, down to the one at fault."""
        if not done:
            return
        try:
            self._commit(done)
        except RefusedValueError as error:
            if len(done) > 1:
                half = len(done) // 2
                self._record(done[:half])
                self._record(done[half:])
                return
            if done[0].fate is Fate.FAILED:
                raise
            self.moved_ids.discard(done[0].holder or 0)
            if done[0].added is not None and done[0].fate is Fate.INDEXED:
                self._refused.add(done[0].added[0].content_hash)
            kind = FailureKind.CATALOG
            self._record([self._failed(done[0].job, kind, failure_reason(error, kind))])

    def _commit(self, done: Sequence[_Done]) -> None:
        added = [item.added for item in done if item.added is not None]
        looks = [item.look for item in done if item.added is not None]
        failed = [item.failure for item in done if item.failure is not None]
        moved = [(item.holder, item.job.file) for item in done if item.holder is not None]
        vectors = np.stack([vector for _, vector in added]) if added else None
        read = [item.reading for item in done if item.reading is not None]
        batch = Batch(added=[entry for entry, _ in added], moved=moved, failed=failed, read=read)
        self.writer.commit(self.space, batch, vectors, looks)
        self.counts.update(self._counted_as(item) for item in done)
        self.failures += failed

    def _counted_as(self, item: _Done) -> Fate:
        """Its fate, but for the copy of a file that was refused."""
        if item.added is not None and item.added[0].content_hash in self._refused:
            self._refused.remove(item.added[0].content_hash)
            return Fate.INDEXED
        return item.fate


def read_metadata(writer: Writer, unread: Sequence[Unread]) -> None:
    """Read what is written in unchanged files and beside them, saved as it goes.

    Files that cannot be opened are left to the next run.
    """
    if new := sum(item.is_new for item in unread):
        log.warning(
            "reading the descriptions, keywords and dates in %s files: searches find them from "
            "now on",
            f"{new:,}",
        )
    for start in range(0, len(unread), READ_AT_A_TIME):
        readings: list[Reading] = []
        for item in unread[start : start + READ_AT_A_TIME]:
            with suppress(OSError):
                written = read_written_file(item.file, item.sidecar.path)
                readings.append(Reading(item.file.path, item.sidecar.state, written))
        writer.commit(None, Batch(read=readings))
