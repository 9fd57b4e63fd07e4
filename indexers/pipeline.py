"""An index run, whole: survey, read, tidy up, report."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from indexers.arrivals import Arrivals, Told
from indexers.left_out.rules import WalkRules, merged_globs
from indexers.plan import Job
from indexers.reading import Fate, IndexOptions, Run, read_metadata
from indexers.survey import Survey, take_survey
from indexers.trial import Trial
from indexers.walk import Walk
from searchengine.catalog.catalog import Catalog
from searchengine.catalog.records import Batch, PassedOver
from searchengine.embedding.crops import with_crops
from searchengine.embedding.outcomes import Observer
from searchengine.encoders.interface import Encoder
from searchengine.errors import InputError, MissingExtraError
from searchengine.library.learned.align import extend_alignment
from searchengine.library.learned.derived import note_derived
from searchengine.library.learned.located import name_places
from searchengine.library.library import Library
from searchengine.library.places import MOUNTS, ROOTS, indexed_roots, remember_links, respell
from searchengine.library.reasons import Reason, count_reasons
from searchengine.library.status import EXCLUDES
from searchengine.library.writing import Writer
from searchengine.spaces.following import refresh_columns
from searchengine.spaces.space import Space
from searchengine.stacks.find import refresh_stacks

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
    """Pictures that were left out; those in folders that were left out are not looked for."""
    waiting: int
    """Files that were being written, with `IndexOptions.settled`: found by a later run."""
    passed_over: list[PassedOver]
    """Files that are no pictures to this program, counted by suffix."""
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
    told: Told | None = None,
) -> IndexReport:
    """Bring the library's space of `encoder` up to date with what is at and under `paths`.

    `load` makes the encoder; it is called when the first picture has to be encoded, or not at all.
    Interrupted at any moment, the run loses at most the last seconds of work, and the next one goes
    on from there. Globs in `options.rules.exclude` are added to those the library keeps, which hold
    for this run too; an empty one drops those before it.

    With `told` the run also takes files that come while it is under way: they and what it found at
    first take turns, and of both the newest in each folder come first.

    Raises PathNotFoundError, LibraryLockedError, StorageFullError and the encoder's errors,
    LibraryDamagedError before anything is read where vectors are missing, and InputError for
    another number of crops than the space was made with.
    """
    started = time.perf_counter()
    options = options or IndexOptions()
    trial = Trial(options.max_megapixels, options.max_file_size, encoder)
    with library.writing() as writer:
        catalog = library.catalog
        known = space_of(library, encoder)
        if known is not None:
            known.require_rows()
        crops = _crops(known, options.crops)
        rules = _rules(catalog, options.rules)
        walk_of = partial(
            Walk, paths, rules, lambda paths: catalog.ids_by_path(list(paths)), catalog.kept_out()
        )
        walk = walk_of()
        catalog.set_setting(EXCLUDES, json.dumps(rules.exclude))
        respell(catalog, walk.roots)
        survey = take_survey(
            catalog, walk, trial, retry_failed=options.retry_failed, settled=options.settled
        )
        observer.planned(len(survey.plan.jobs))
        for failure in survey.failed:
            observer.skipped(failure.file.path, failure.reason)
        for path, reason in survey.unreadable:
            observer.skipped(path, reason)
        space = space_of(library, encoder)
        cropping = partial(_cropping, load, crops)
        run = Run(catalog, writer, space, cropping, observer, options, trial)
        jobs: Iterable[Job] = survey.plan.jobs
        if told is not None:
            known_at = partial(catalog.known, encoder)
            jobs = Arrivals(survey.plan, told, walk_of, known_at).jobs()
        run.work(jobs)
        read_metadata(writer, survey.plan.unread)
        removed = _settle(library, writer, survey, run.moved_ids)
        space = space_of(library, encoder)
        bring_up_to_date(library, writer, space, options)
        _record_survey(catalog, survey)
    return _report(survey, run, removed, space, time.perf_counter() - started)


def bring_up_to_date(
    library: Library, writer: Writer, space: Space | None, options: IndexOptions
) -> None:
    """Make anew what is derived of the pictures of a space, where any came or left."""
    if space is not None:
        writer.embed_captions(space)
        writer.complete_checksums(space)
        writer.complete_words()
        name_places(library.catalog)
        _refresh_index(space, options)
        refresh_columns(space)
        writer.measure_relevance(space)
        refresh_stacks(space)
        extend_alignment(space)
        note_derived(space)
    library.label_sets.bring_up_to_date()


def space_of(library: Library, encoder: str) -> Space | None:
    """The space of the encoder with this name; None before its first picture."""
    return next((space for space in library.spaces() if space.info.encoder == encoder), None)


def _crops(space: Space | None, asked: int | None) -> int:
    """How many crops go into the vectors of this run. Raises InputError for vectors that differ."""
    made_with = 1 if space is None else space.crops
    if asked is None or asked == made_with:
        return made_with
    if space is not None and space.catalog.rows(space.info):
        raise InputError(
            f"the vectors of {space.info.name} are made with --crops {made_with}, and those with "
            f"--crops {asked} cannot be compared with them; index into another library: --library"
        )
    return asked


def _cropping(load: Callable[[], Encoder], crops: int) -> Encoder:
    return with_crops(load(), crops)


def _settle(library: Library, writer: Writer, survey: Survey, moved_ids: set[int]) -> int:
    gone = [image_id for image_id in survey.plan.missing.values() if image_id not in moved_ids]
    noted = [entry for entry in survey.plan.without_ctime if entry[0] not in moved_ids]
    writer.commit(None, Batch(removed=gone, failed=survey.failed, moved=noted))
    still_there = survey.plan.failed_paths | {job.file.path for job in survey.plan.jobs}
    named = {failure.file.path for failure in survey.failed}
    if survey.roots:
        library.catalog.forget_failures(survey.roots, still_there | named)
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
    return replace(given, exclude=merged_globs(catalog.texts(EXCLUDES), given.exclude))


def _record_survey(catalog: Catalog, survey: Survey) -> None:
    remember_links(catalog, survey.roots, survey.links)
    folders = [root for root in survey.roots if os.path.isdir(root)]
    catalog.record_survey(
        survey.roots,
        survey.left_out,
        survey.passed_over,
        {
            MOUNTS: json.dumps(survey.mounts),
            ROOTS: json.dumps(indexed_roots(catalog, folders)),
        },
    )


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
        waiting=len(plan.waiting),
        passed_over=survey.passed_over,
        reasons=count_reasons((failure.kind, failure.reason) for failure in failures),
        seconds=seconds,
        images_per_second=indexed / run.working_seconds if indexed else 0.0,
        bottleneck=run.bottleneck if indexed else None,
        space=space.info.name if space else None,
        device=run.encoder.device if run.encoder else None,
        precision=space.info.precision if space else None,
    )
