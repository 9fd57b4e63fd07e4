"""An index run, whole: survey, read, tidy up, report."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from indexers.reading import Fate, IndexOptions, Run
from indexers.reasons import Reason, count_reasons
from indexers.survey import Survey, take_survey
from indexers.trial import Trial
from searchengine.catalog.records import Batch
from searchengine.embedding.stream import Observer
from searchengine.encoders.interface import Encoder
from searchengine.errors import MissingExtraError
from searchengine.library.library import Library
from searchengine.library.writing import Writer
from searchengine.spaces.space import Space

log = logging.getLogger("clipseek")


@dataclass(frozen=True, slots=True)
class IndexReport:
    """The ledger of a run: found = indexed + unchanged + moved + copies + failed + excluded."""

    found: int
    indexed: int
    """New and changed images, encoded in this run."""
    unchanged: int
    moved: int
    """Known content at a new path, whose old file is gone: the image keeps its id and vector."""
    copies: int
    """Known content at another path, whose first file is still there: the vector is shared."""
    removed: int
    """Images that left the library because their files are gone."""
    failed: int
    excluded: int
    reasons: tuple[Reason, ...]
    """Why files failed, in this run or before, and what can be done about it."""
    seconds: float
    images_per_second: float
    """Images encoded, over the time from the first file read to the last image saved, without that
    of loading the encoder."""
    bottleneck: str | None
    """The stage it waited for most: "decode", "encode" or "write"; None if nothing was encoded."""
    space: str | None
    device: str | None
    """None when the encoder was not needed."""
    precision: str | None


def index(
    library: Library,
    paths: Sequence[Path],
    *,
    encoder: str,
    load: Callable[[], Encoder],
    observer: Observer,
    options: IndexOptions | None = None,
) -> IndexReport:
    """Bring the library's space of `encoder` up to date with what is at and under `paths`.

    `load` makes the encoder; it is called when the first picture has to be encoded, or not at all.
    Interrupted at any moment, the run loses at most the last seconds of work, and the next one goes
    on from there.

    Raises PathNotFoundError, LibraryLockedError, StorageFullError and the encoder's errors.
    """
    started = time.perf_counter()
    options = options or IndexOptions()
    trial = Trial(options.max_megapixels, options.max_file_size, encoder)
    with library.writing() as writer:
        survey = take_survey(
            library.catalog, paths, options.rules, trial, retry_failed=options.retry_failed
        )
        observer.planned(len(survey.plan.jobs))
        for failure in survey.failed:
            observer.skipped(failure.file.path, failure.reason)
        for path, reason in survey.unreadable:
            observer.skipped(path, reason)
        run = Run(writer, _space_of(library, encoder), load, observer, options, trial)
        run.work(survey.plan.jobs)
        removed = _remove_missing(library, writer, survey, run.moved_ids)
        space = _space_of(library, encoder)
        if space is not None:
            writer.embed_captions(space)
            writer.complete_checksums(space)
            _refresh_index(space, options)
    return _report(survey, run, removed, space, time.perf_counter() - started)


def _space_of(library: Library, encoder: str) -> Space | None:
    return next((space for space in library.spaces() if space.info.encoder == encoder), None)


def _remove_missing(library: Library, writer: Writer, survey: Survey, moved_ids: set[int]) -> int:
    gone = [image_id for image_id in survey.plan.missing if image_id not in moved_ids]
    writer.commit(None, Batch(removed=gone, failed=survey.failed))
    still_there = survey.plan.failed_paths | {job.file.path for job in survey.plan.jobs}
    named = {failure.file.path for failure in survey.failed}
    if survey.roots:
        library.catalog.forget_failures(survey.roots, still_there | named)
    return len(gone)


def _refresh_index(space: Space, options: IndexOptions) -> None:
    try:
        space.refresh_index(memory=options.memory, factory=options.factory, device=options.device)
    except MissingExtraError as error:
        log.warning("%s", error)


def _report(
    survey: Survey, run: Run, removed: int, space: Space | None, seconds: float
) -> IndexReport:
    plan, counts = survey.plan, run.counts
    failures = [*plan.still_failed, *survey.failed, *run.failures]
    indexed = counts[Fate.INDEXED]
    return IndexReport(
        found=len(plan.jobs)
        + plan.unchanged
        + len(plan.still_failed)
        + len(survey.failed)
        + survey.excluded,
        indexed=indexed,
        unchanged=plan.unchanged + counts[Fate.TOUCHED],
        moved=counts[Fate.MOVED],
        copies=counts[Fate.COPY],
        removed=removed,
        failed=len(failures),
        excluded=survey.excluded,
        reasons=count_reasons((failure.kind, failure.reason) for failure in failures),
        seconds=seconds,
        images_per_second=indexed / run.working_seconds if indexed else 0.0,
        bottleneck=run.bottleneck if indexed else None,
        space=space.info.name if space else None,
        device=run.encoder.device if run.encoder else None,
        precision=space.info.precision if space else None,
    )
