"""What an index run has to do, decided from what the disk shows and what the catalog lists."""

from __future__ import annotations

import os
from array import array
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from operator import itemgetter
from typing import TypeVar

from indexers.sidecars import NO_SIDECAR, Sidecar
from searchengine.catalog.records import FailedFile, Known
from searchengine.types import FileState

AT_A_TIME = 10_000
"""Files that are looked up in the catalog together: many, as one look-up takes as long as some ten
files, and few enough that a library of any size is gone through in little memory."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Job:
    """A file to read: new, changed, or without a vector in the space."""

    file: FileState
    image_id: int | None
    """The record of this path, where the catalog has one."""
    sidecar: Sidecar = NO_SIDECAR


@dataclass(frozen=True, slots=True)
class Unread:
    """An unchanged file whose metadata, or whose sidecar's, was not read yet."""

    file: FileState
    sidecar: Sidecar
    is_new: bool
    """Whether it never was: the image was listed before metadata was read."""


@dataclass(slots=True)
class Plan:
    """What is to be done. Each file found is one of `jobs`, `unchanged` or `still_failed`."""

    jobs: list[Job] = field(default_factory=list)
    unchanged: int = 0
    unread: list[Unread] = field(default_factory=list)
    """Some of the unchanged."""
    without_ctime: list[tuple[int, FileState]] = field(default_factory=list)
    """Image ids and files of those of them whose ctime the catalog does not know yet."""
    still_failed: list[FailedFile] = field(default_factory=list)
    """Files that failed before and would fail again."""
    seen: array[int] = field(default_factory=lambda: array("q"))
    """Ids of the images that are listed at the paths of files that were found."""
    missing: dict[str, int] = field(default_factory=dict)
    """Ids of images whose files are gone, by path, unless a job turns out to be one of them, moved.
    Who has the catalog says which."""
    failed_paths: set[str] = field(default_factory=set)
    """Failed files that are still there."""
    waiting: list[str] = field(default_factory=list)
    """Paths of files that are being written: for later. Those that are listed count as
    unchanged."""


def make_plan(
    found: Iterable[FileState],
    known_at: Callable[[Sequence[str]], Mapping[str, Known]],
    failed: Mapping[str, FailedFile],
    is_due: Callable[[FailedFile, FileState], bool],
    sidecar_of: Callable[[str], Sidecar],
    is_settled: Callable[[FileState], bool] = lambda _: True,
) -> Plan:
    """Sort the files found, each path at most once, against what is listed and `failed`, by path.

    A file is unchanged when its size and times are, and the space has its vector. One that differs
    in its ctime alone is read, as programs may set the modification time back; its content says
    whether it changed.
    `known_at` says what is listed at some paths, `is_due` whether a failed file is tried again as
    it is now, `sidecar_of` what lies beside a path, and `is_settled` whether a file is whole. Reads
    `found` once and keeps only the files there is something to do for, and 8 bytes for each other.
    """
    plan = Plan()
    for files in in_runs(found, AT_A_TIME):
        known = known_at([file.path for file in files])
        plan.seen.extend(record.id for record in known.values())
        for file in files:
            path = file.path
            record = known.get(path)
            if path in failed:
                plan.failed_paths.add(path)
            if not is_settled(file):
                plan.waiting.append(path)
                plan.unchanged += record is not None
                continue
            if path in failed and not is_due(failed[path], file):
                plan.still_failed.append(failed[path])
                continue
            if record is None:
                plan.jobs.append(Job(file, None, sidecar_of(path)))
                continue
            is_same = (record.size, record.mtime_ns) == (file.size, file.mtime_ns)
            if not (is_same and record.has_vector and record.ctime_ns in (None, file.ctime_ns)):
                plan.jobs.append(Job(file, record.id, sidecar_of(path)))
                continue
            plan.unchanged += 1
            sidecar = sidecar_of(path)
            if record.metadata != sidecar.state:
                plan.unread.append(Unread(file, sidecar, is_new=record.metadata is None))
            if record.ctime_ns is None:
                plan.without_ctime.append((record.id, file))
    return plan


def in_turns(jobs: Collection[Job]) -> list[Job]:
    """The jobs as folders take turns, each with its newest file first.

    So one picture does not wait for the thousands that come before it or into another folder.
    """
    turns = Counter[str]()
    order: list[tuple[int, Job]] = []
    for job in sorted(jobs, key=_came_at, reverse=True):
        folder = os.path.dirname(job.file.path)
        order.append((turns[folder], job))
        turns[folder] += 1
    return [job for _, job in sorted(order, key=itemgetter(0))]


def _came_at(job: Job) -> int:
    """When its file came: programs that copy pictures set the modification time back."""
    return job.file.ctime_ns or job.file.mtime_ns


def in_runs(values: Iterable[T], size: int) -> Iterator[list[T]]:
    """The values in lists of `size`, the last one shorter."""
    values = iter(values)
    while run := list(islice(values, size)):
        yield run
