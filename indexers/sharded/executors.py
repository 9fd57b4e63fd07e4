"""Who does the shards: this process, or an engine. The only seam to engines."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from indexers.sharded.plan import FailedShard, Shard
from indexers.sharded.work import Work, Worker
from searchengine.errors import InputError
from searchengine.shards.layout import Receipt, done_shards, receipt_of
from searchengine.shards.storage import Storage

Outcome: TypeAlias = Receipt | FailedShard


class Executor(Protocol):
    """Does every shard at least once, anywhere. Receipts make that exactly once."""

    def run(self, work: Work, shards: Sequence[Shard]) -> Iterator[Outcome]:
        """The outcome of each of `shards`, as they end."""


class LocalExecutor:
    """One worker in this process."""

    def run(self, work: Work, shards: Sequence[Shard]) -> Iterator[Outcome]:
        """See `Executor`. The encoder is loaded for the first shard that is not done."""
        worker, storage = Worker(work), Storage(work.library)
        order = [shard.id for shard in shards]
        left = dict(zip(order, shards, strict=True))
        at = random.randrange(len(order)) if order else 0
        while left:
            outcome = worker(left.pop(order[at]))
            yield outcome
            for done in sorted(left.keys() & set(done_shards(storage))):
                del left[done]
                yield receipt_of(storage, done)
            was_late = isinstance(outcome, Receipt) and outcome.by != worker.name
            at = (at + 1) % len(order)
            if was_late or order[at] not in left:
                at = middle_of_longest_run(order, left)


@dataclass(frozen=True, slots=True)
class Task:
    """One of many tasks, as a scheduler numbers them."""

    number: int
    """From 0 to `of` - 1, as Slurm, Kubernetes and torchrun count."""
    of: int

    def share(self, shards: Sequence[Shard]) -> Sequence[Shard]:
        """Its own among all that are planned: every `of`-th, whatever is done of them."""
        return shards[self.number :: self.of]


def parse_task(text: str) -> Task:
    """The task that `R/N` means. Raises InputError."""
    number, _, of = text.partition("/")
    if not (number.isdecimal() and of.isdecimal() and int(number) < int(of)):
        raise InputError(
            f"--task {text}: write R/N, with R from 0 to N - 1, as schedulers number tasks: the "
            "first of 64 is 0/64 and the last 63/64"
        )
    return Task(int(number), int(of))


def middle_of_longest_run(order: Sequence[str], left: Iterable[str]) -> int:
    """Where to go on when somebody else turns out to work here: as far from them as may be.

    Two that walk the same way and meet would do every shard twice from there on: who meets another
    goes to the middle of what is left of the longest way. 0 where nothing is.
    """
    some, best, start = set(left), (0, 0), 0
    for place in range(len(order) + 1):
        if place < len(order) and order[place] in some:
            continue
        best = max(best, (place - start, -start))
        start = place + 1
    length, negative_start = best
    return min(-negative_start + length // 2, max(len(order) - 1, 0))
