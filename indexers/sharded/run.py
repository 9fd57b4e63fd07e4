"""A run over sources, whole: plan, have the shards done, publish."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from indexers.left_out.rules import WalkRules
from indexers.sharded.executors import Executor, LocalExecutor, Task
from indexers.sharded.plan import SHARD_SIZE, FailedShard, Shard, plan, planned
from indexers.sharded.sources import find_sources
from indexers.sharded.work import Work
from searchengine.embedding.outcomes import Observer
from searchengine.library.reasons import Reason, count_reasons
from searchengine.shards.indexes import index_snapshot
from searchengine.shards.layout import Receipt, done_shards, made_by, receipts
from searchengine.shards.parts import read_failures
from searchengine.shards.snapshots import Snapshot, followed_by, newest, publish
from searchengine.shards.storage import Storage
from searchengine.types import FailureKind

KEPT = "as their part keeps it, until its receipt is removed"
"""What becomes of a failure: no later run tries it again."""


@dataclass(frozen=True, slots=True)
class ShardedReport:
    """What a run did, and what the library holds now."""

    library: str
    planned: int
    """Shards, of all plans so far."""
    done: int
    """In this run, by whoever worked."""
    missing: int
    """Of all that are planned, not done yet, and tables that could not be planned."""
    images: int
    """With a vector, in all parts."""
    failed: int
    """Images that could not be used, in all parts."""
    reasons: tuple[Reason, ...]
    """Why those of this run could not be."""
    failed_shards: tuple[FailedShard, ...]
    snapshot: int | None
    """The newest, where this run could publish one."""


def index_sharded(
    sources: Sequence[str],
    work: Work,
    *,
    observer: Observer,
    executor: Executor | None = None,
    rules: WalkRules | None = None,
    shard_size: int = SHARD_SIZE,
    task: Task | None = None,
    allow_missing: bool = False,
    memory: int | None = None,
    factory: str | None = None,
) -> ShardedReport:
    """Bring a library in parts up to date with sources, and publish it where every shard is done.

    Each shard is done once, however often a run is stopped and started, on whichever machines.
    Without sources no shard is done: what others did is published. A `task` does its share and
    publishes nothing. What cannot be read of a tar or table is in `failed_shards`, and is tried
    again by the next run; nothing is published meanwhile unless `allow_missing`. `memory` and
    `factory` are of the approximate index, which a large library gets once it is published. Raises
    PathNotFoundError, InputError, StorageError and the encoder's errors.
    """
    storage = Storage(work.library)
    if sources:
        inputs = find_sources(sources, rules or WalkRules())
        shards, unplanned = plan(storage, inputs, shard_size)
    else:
        shards, unplanned = planned(storage), []
    before = set(done_shards(storage))
    share = (task.share(shards) if task else shards) if sources else ()
    todo = [shard for shard in share if shard.id not in before]
    failed, reasons = _do(storage, work, todo, executor or LocalExecutor(), observer)
    for each in unplanned:
        observer.skipped(name_of(each.shard), each.reason)
    done = receipts(storage)
    parts = [done[shard.id] for shard in shards if shard.id in done]
    missing = len(shards) - len(parts) + len(unplanned)
    snapshot = None
    if parts and task is None and (not missing or allow_missing):
        published = publish_parts(storage, parts)
        made = made_by(storage)
        assert made is not None, "it has parts"
        snapshot = index_snapshot(
            storage, published, made.dim, memory=memory, factory=factory, device=work.device
        ).number
    return ShardedReport(
        library=storage.url,
        planned=len(shards),
        done=len(todo) - len(failed),
        missing=missing,
        images=sum(part.rows for part in parts),
        failed=sum(part.failed for part in parts),
        reasons=reasons,
        failed_shards=(*unplanned, *failed),
        snapshot=snapshot,
    )


def _do(
    storage: Storage, work: Work, todo: Sequence[Shard], executor: Executor, observer: Observer
) -> tuple[list[FailedShard], tuple[Reason, ...]]:
    """Have shards done; which could not be, and why images of the others could not."""
    failed: list[FailedShard] = []
    reasons: list[tuple[FailureKind, str]] = []
    observer.planned(len(todo))
    for outcome in executor.run(work, todo) if todo else ():
        if isinstance(outcome, FailedShard):
            failed.append(outcome)
            observer.skipped(name_of(outcome.shard), outcome.reason)
        else:
            for failure in read_failures(storage, outcome):
                observer.skipped(failure.file.path, failure.reason)
                reasons.append((failure.kind, failure.reason))
        observer.advanced()
    return failed, tuple(replace(reason, way_out=KEPT) for reason in count_reasons(reasons))


def publish_parts(storage: Storage, parts: Sequence[Receipt]) -> Snapshot:
    """Publish a snapshot that has these parts too, unless the newest has; returns it."""
    while True:
        before = newest(storage)
        after = followed_by(before, parts)
        if after.parts == before.parts:
            return before
        if publish(storage, after):
            return after


def name_of(shard: Shard) -> str:
    """What a person calls a shard: its first input, and how many more."""
    more = f" and {len(shard.inputs) - 1:,} more" if len(shard.inputs) > 1 else ""
    return f"{shard.inputs[0]}{more}"
