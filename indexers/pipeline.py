"""An index run, whole: survey, read, tidy up, report."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from indexers.away import MOUNTS
from indexers.reading import IndexOptions, Run
from indexers.rules import WalkRules, merged_globs
from indexers.survey import Survey, take_survey
from indexers.walk import Walk
from searchengine.catalog.catalog import Catalog
from searchengine.catalog.records import Batch
from searchengine.embedding.stream import Observer
from searchengine.encoders.interface import Encoder
from searchengine.errors import MissingExtraError
from searchengine.library.library import Library
from searchengine.library.places import remember_links, respell
from searchengine.library.status import EXCLUDES
from searchengine.library.writing import Writer
from searchengine.spaces.space import Space
from searchengine.types import FileState, PassedOver

log = logging.getLogger("clipseek")


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
    """Pictures that were left out; those in folders that were left out are not looked for."""
    passed_over: list[PassedOver]
    """Files that are no pictures to this program, counted by suffix."""
    seconds: float
    images_per_second: float
    """Images encoded, over the time from the first file read to the last image saved."""
    bottleneck: str | None
    """The stage it waited for most: "decode", "encode" or "write"; None if nothing was read."""
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

    `load` makes the encoder; it is not called when there is nothing to read. Interrupted at any
    moment, the run loses at most the last seconds of work, and the next one goes on from there.
    Globs in `options.rules.exclude` are added to those the library keeps, which hold for this run
    too; an empty one drops those before it.

    Raises PathNotFoundError, LibraryLockedError, StorageFullError and the encoder's errors.
    """
    started = time.perf_counter()
    options = options or IndexOptions()
    with library.writing() as writer:
        catalog = library.catalog
        rules = _rules(catalog, options.rules)
        walk = Walk(paths, rules, listed=lambda paths: catalog.ids_by_path(list(paths)))
        catalog.set_setting(EXCLUDES, json.dumps(rules.exclude))
        respell(catalog, walk.roots)
        survey = take_survey(catalog, walk, encoder, retry_failed=options.retry_failed)
        observer.planned(len(survey.plan.jobs))
        for path, reason in survey.failed + survey.unreadable:
            observer.skipped(path, reason)
        run: Run | None = None
        if survey.plan.jobs:
            model = load()
            run = Run(writer, writer.space_for(model), model, observer, options)
            observer.started()
            run.work(survey.plan.jobs)
        removed = _remove_missing(library, writer, survey, run.moved_ids if run else set())
        space = next((s for s in library.spaces() if s.info.encoder == encoder), None)
        if space is not None:
            writer.embed_captions(space)
            _refresh_index(space, options)
        _record_survey(catalog, survey)
    return _report(survey, run, removed, space, time.perf_counter() - started)


def _remove_missing(library: Library, writer: Writer, survey: Survey, moved_ids: set[int]) -> int:
    gone = [image_id for image_id in survey.plan.missing if image_id not in moved_ids]
    failed = [(FileState(path, 0, 0), reason) for path, reason in survey.failed]
    writer.commit(None, Batch(removed=gone, failed=failed))
    still_there = survey.plan.failed_paths | {job.file.path for job in survey.plan.jobs}
    library.catalog.forget_failures(survey.roots, still_there | {path for path, _ in survey.failed})
    _tell_of_those_away(survey, moved_ids)
    return len(gone)


def _tell_of_those_away(survey: Survey, moved_ids: set[int]) -> None:
    unreadable = {path for path, _ in survey.unreadable}
    for directory, ids in sorted(survey.away.kept.items()):
        listed = len(set(ids) - moved_ids)
        if listed and directory not in unreadable:
            log.warning(
                "%s holds no images, but the library lists %s there; they are kept, in case the "
                "drive is not mounted. If they are gone: clipseek remove %s",
                directory,
                f"{listed:,}",
                directory,
            )


def _rules(catalog: Catalog, given: WalkRules) -> WalkRules:
    stored = json.loads(catalog.setting(EXCLUDES) or "[]")
    return replace(given, exclude=merged_globs(stored, given.exclude))


def _record_survey(catalog: Catalog, survey: Survey) -> None:
    remember_links(catalog, survey.roots, survey.links)
    catalog.record_survey(
        survey.roots, survey.left_out, survey.passed_over, {MOUNTS: json.dumps(survey.mounts)}
    )


def _refresh_index(space: Space, options: IndexOptions) -> None:
    try:
        space.refresh_index(memory=options.memory, factory=options.factory, device=options.device)
    except MissingExtraError as error:
        log.warning("%s", error)


def _report(
    survey: Survey, run: Run | None, removed: int, space: Space | None, seconds: float
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
        passed_over=survey.passed_over,
        seconds=seconds,
        images_per_second=indexed / run.working_seconds if run else 0.0,
        bottleneck=run.bottleneck if run else None,
        space=space.info.name if space else None,
        device=run.encoder.device if run else None,
        precision=space.info.precision if space else None,
    )
