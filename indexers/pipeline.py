"""An index run: walk, plan, then read, decode and encode side by side, and save as it goes."""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np

from indexers.discover import Walk, WalkRules
from indexers.plan import Job, Plan, make_plan, without_those_under
from searchengine.catalog import Batch, Known, Twin
from searchengine.decode import MAX_MEGAPIXELS, read_image
from searchengine.encoder import Encoder
from searchengine.errors import ImageError, MissingExtraError
from searchengine.library import Library, Writer
from searchengine.space import Space
from searchengine.types import FileState, ImageEntry, ImageFacts, Pixels, Vectors

BATCH_SIZES = {"cuda": 256, "mps": 64, "cpu": 32}
"""Images encoded at a time. On a CPU more gain nothing; a GPU needs many to be busy."""

SAVE_SECONDS = 3.0
"""Work that a crash may lose: saving more often costs an fsync each, and gains little."""

LOOK_AHEAD_BATCHES = 2
"""Pictures decoded before they are needed, in batches: enough to bridge a slow file."""

log = logging.getLogger("clipseek")

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class IndexOptions:
    """How to run. None lets the program choose."""

    rules: WalkRules = field(default_factory=WalkRules)
    batch_size: int | None = None
    workers: int | None = None
    max_megapixels: float = MAX_MEGAPIXELS
    retry_failed: bool = False


class Observer(Protocol):
    """Who is told how a run goes."""

    def planned(self, total: int) -> None:
        """The number of files that will be read."""

    def advanced(self) -> None:
        """One of them is done with."""

    def skipped(self, path: str, reason: str) -> None:
        """A file or directory that cannot be used."""


@dataclass(frozen=True, slots=True)
class IndexReport:
    """The ledger of a run: found = indexed + unchanged + moved + failed + excluded."""

    found: int
    indexed: int
    """New and changed images, encoded in this run."""
    unchanged: int
    moved: int
    """Moved or copied: known content at a new path, which keeps its vector."""
    removed: int
    """Images that left the library because their files are gone."""
    failed: int
    excluded: int
    seconds: float
    images_per_second: float
    """Images encoded, over the time of the whole run."""
    bottleneck: str | None
    """The stage it waited for most: "decode", "encode" or "write"; None if nothing was read."""
    space: str | None
    device: str | None
    """None when the encoder was not needed."""
    precision: str | None


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
    twin: Twin


@dataclass(frozen=True, slots=True)
class _Failed:
    job: Job
    reason: str


def index(
    library: Library,
    paths: Sequence[Path],
    *,
    encoder: str,
    load: Callable[[], Encoder],
    observer: Observer,
    options: IndexOptions = IndexOptions(),
) -> IndexReport:
    """Bring the library's space of `encoder` up to date with what is at and under `paths`.

    `load` makes the encoder; it is not called when there is nothing to read. Interrupted at any
    moment, the run loses at most the last seconds of work, and the next one goes on from there.

    Raises PathNotFoundError, LibraryLockedError, StorageFullError and the encoder's errors.
    """
    started = time.perf_counter()
    with library.writing() as writer:
        survey = _survey(library, paths, encoder, options)
        observer.planned(len(survey.plan.jobs))
        for path, reason in survey.failed + survey.unreadable:
            observer.skipped(path, reason)
        run: _Run | None = None
        if survey.plan.jobs:
            model = load()
            run = _Run(library, writer, writer.space_for(model), model, observer, options)
            run.work(survey.plan.jobs)
        removed = _remove_missing(library, writer, survey, run.moved_ids if run else set())
        space = next((s for s in library.spaces() if s.info.encoder == encoder), None)
        if space is not None:
            writer.embed_captions(space)
            _build_index(space)
    return _report(survey, run, removed, space, time.perf_counter() - started)


@dataclass(slots=True)
class _Survey:
    """What the walk and the plan found."""

    plan: Plan
    excluded: int
    failed: list[tuple[str, str]]
    """Files that cannot even be looked at, and why."""
    unreadable: list[tuple[str, str]]
    """Directories that could not be looked into, and why."""
    roots: list[str]


def _survey(
    library: Library, paths: Sequence[Path], encoder: str, options: IndexOptions
) -> _Survey:
    roots = [os.path.abspath(path.expanduser()) for path in paths]
    walk = Walk([Path(root) for root in roots], options.rules)
    known = library.catalog.known(encoder, roots)
    filled: set[str] = set()
    plan = make_plan(
        _noting_roots(walk, roots, filled),
        known,
        library.catalog.failed_files(),
        retry_failed=options.retry_failed,
    )
    unreadable = [(entry.path, entry.reason) for entry in walk.unreadable if entry.is_dir]
    silent = [root for root in roots if root not in filled]
    plan.missing = _certainly_gone(plan.missing, known, unreadable, silent)
    return _Survey(
        plan=plan,
        excluded=walk.excluded,
        failed=[(entry.path, entry.reason) for entry in walk.unreadable if not entry.is_dir],
        unreadable=unreadable,
        roots=roots,
    )


def _noting_roots(
    files: Iterable[FileState], roots: Sequence[str], filled: set[str]
) -> Iterator[FileState]:
    """The same files; `filled` collects the roots that have at least one."""
    for file in files:
        if len(filled) < len(roots):
            filled.update(root for root in roots if file.path.startswith(root))
        yield file


def _certainly_gone(
    missing: Sequence[int],
    known: dict[str, Known],
    unreadable: Sequence[tuple[str, str]],
    silent: Sequence[str],
) -> list[int]:
    """The missing images, less those that may be there but could not be seen."""
    hidden_by = [path for path, _ in unreadable]
    for root in silent:
        listed = len(known) - len(without_those_under(known, [root]))
        if listed:
            hidden_by.append(root)
            log.warning(
                "%s holds no images, but the library lists %s there; they are kept, in case the "
                "drive is not mounted. If they are gone: clipseek remove %s",
                root,
                f"{listed:,}",
                root,
            )
    if not hidden_by:
        return list(missing)
    visible = {record.id for record in without_those_under(known, hidden_by).values()}
    return [image_id for image_id in missing if image_id in visible]


def _remove_missing(library: Library, writer: Writer, survey: _Survey, moved_ids: set[int]) -> int:
    gone = [image_id for image_id in survey.plan.missing if image_id not in moved_ids]
    failed = [(FileState(path, 0, 0), reason) for path, reason in survey.failed]
    writer.commit(None, Batch(removed=gone, failed=failed))
    still_there = survey.plan.failed_paths | {job.file.path for job in survey.plan.jobs}
    library.catalog.forget_failures(survey.roots, still_there | {path for path, _ in survey.failed})
    return len(gone)


def _build_index(space: Space) -> None:
    if space.wants_index():
        try:
            space.build_index()
        except MissingExtraError as error:
            log.warning("%s", error)


def _report(
    survey: _Survey, run: _Run | None, removed: int, space: Space | None, seconds: float
) -> IndexReport:
    plan = survey.plan
    indexed = run.indexed if run else 0
    unchanged = plan.unchanged + (run.touched if run else 0)
    moved = run.moved if run else 0
    failed = plan.still_failed + len(survey.failed) + (run.failed if run else 0)
    return IndexReport(
        found=len(plan.jobs)
        + plan.unchanged
        + plan.still_failed
        + len(survey.failed)
        + survey.excluded,
        indexed=indexed,
        unchanged=unchanged,
        moved=moved,
        removed=removed,
        failed=failed,
        excluded=survey.excluded,
        seconds=seconds,
        images_per_second=indexed / seconds,
        bottleneck=run.bottleneck if run else None,
        space=space.info.name if space else None,
        device=run.encoder.device if run else None,
        precision=space.info.precision if space else None,
    )


@dataclass(slots=True)
class _Run:
    """The reading part of a run: jobs in, vectors and facts saved."""

    library: Library
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
    seconds: dict[str, float] = field(
        default_factory=lambda: {"decode": 0.0, "encode": 0.0, "write": 0.0}
    )
    _pixels: list[_Decoded] = field(default_factory=list)
    _ready: list[tuple[list[ImageEntry], Vectors]] = field(default_factory=list)
    _moves: list[tuple[int, FileState]] = field(default_factory=list)
    _failures: list[tuple[FileState, str]] = field(default_factory=list)
    _saved_at: float = field(default_factory=time.perf_counter)

    @property
    def bottleneck(self) -> str:
        """The stage this run spent most time in, or waiting for."""
        return max(self.seconds, key=self.seconds.__getitem__)

    def work(self, jobs: Sequence[Job]) -> None:
        """Do every job. What is done is saved even when the user interrupts."""
        batch_size = self.options.batch_size or BATCH_SIZES.get(self.encoder.device, 32)
        # ThreadPoolExecutor waits for its threads: cancelled look-ahead keeps that short.
        workers = self.options.workers or os.cpu_count() or 1
        with ThreadPoolExecutor(workers, thread_name_prefix="decode") as pool:
            depth = workers + LOOK_AHEAD_BATCHES * batch_size
            try:
                for outcome in self._timed_waits(_ahead(pool, self._read, jobs, depth)):
                    self._take(outcome)
                    if len(self._pixels) >= batch_size:
                        self._encode()
                    if time.perf_counter() - self._saved_at >= SAVE_SECONDS:
                        self._save()
                self._encode()
                self._save()
            except KeyboardInterrupt:
                pool.shutdown(wait=False, cancel_futures=True)
                self._save()
                raise
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _read(self, job: Job) -> _Decoded | _Twinned | _Failed:
        """Read, hash and decode one file. Runs in the pool's threads."""
        try:
            data = Path(job.file.path).read_bytes()
        except OSError as error:
            return _Failed(job, (error.strerror or str(error)).lower())
        content_hash = hashlib.blake2b(data, digest_size=16).digest()
        twin = self.library.catalog.twin(self.space.info, content_hash)
        if twin is not None:
            return _Twinned(job, content_hash, twin)
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
        facts = self.library.catalog.facts(twin.image_id)
        entry = ImageEntry(job.file, outcome.content_hash, facts, job.image_id)
        self._ready.append(([entry], vector))

    def _encode(self) -> None:
        items, self._pixels = self._pixels, []
        if not items:
            return
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


def _ahead(
    pool: ThreadPoolExecutor,
    function: Callable[[Job], Result],
    jobs: Iterable[Job],
    depth: int,
) -> Iterator[Result]:
    """The function's results in order, with at most `depth` of them under way or waiting."""
    waiting: deque[Future[Result]] = deque()
    for job in jobs:
        waiting.append(pool.submit(function, job))
        if len(waiting) >= depth:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
