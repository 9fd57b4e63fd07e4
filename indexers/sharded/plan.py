"""The plan: which inputs make which shard. Kept in the library, so that all who work agree."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from indexers.sharded.sources import Inputs, Kind
from searchengine.embedding.faults import one_line
from searchengine.errors import first_line
from searchengine.shards.layout import SOURCES, plan_rows, plans
from searchengine.shards.storage import Storage, open_input
from searchengine.shards.tables import row_groups, to_parquet

SHARD_SIZE = 20_000
"""Images in a shard of loose files or of a table: a part of some 20 MB, done in a minute on a GPU.
A tar is a shard however many it holds."""


@dataclass(frozen=True, slots=True)
class Shard:
    """A piece of the work: inputs that become one part."""

    id: str
    """Of its kind and inputs alone: the same in every run, on every machine, under every engine."""
    kind: Kind
    inputs: tuple[str, ...]
    """URLs and absolute paths; of a table `<url>#<row group>`."""


def shard_of(kind: Kind, inputs: Sequence[str]) -> Shard:
    """The shard of these inputs."""
    name = "\0".join((kind.value, *inputs)).encode("utf-8", "surrogateescape")
    return Shard(hashlib.blake2b(name, digest_size=10).hexdigest(), kind, tuple(inputs))


def planned(storage: Storage) -> list[Shard]:
    """Every shard that was planned so far, in the order of the plans."""
    return _shards_in(storage, plans(storage))


def _shards_in(storage: Storage, names: Sequence[str]) -> list[Shard]:
    found: dict[str, tuple[Kind, list[str]]] = {}
    for shard, kind, name in plan_rows(storage, names):
        found.setdefault(shard, (Kind(kind), []))[1].append(name)
    return [Shard(shard, kind, tuple(inputs)) for shard, (kind, inputs) in found.items()]


@dataclass(frozen=True, slots=True)
class FailedShard:
    """A shard that could not be planned, or read to its end. The next run tries it again."""

    shard: Shard
    reason: str
    """One line."""


def plan(
    storage: Storage, inputs: Inputs, shard_size: int
) -> tuple[list[Shard], list[FailedShard]]:
    """Plan what is new of the inputs; returns every shard that is planned now, in order.

    What was planned before stays as it was, whatever has become of its folder. Of several who plan
    at once one is first, and the others look again. Also returned are tables that cannot be read:
    the next run looks at them again.
    """
    while True:
        before = plans(storage)  # looked at once: whoever plans meanwhile takes the next number
        known = _shards_in(storage, before)
        taken = {(shard.kind, name) for shard in known for name in shard.inputs}
        failed: list[FailedShard] = []
        fresh = list(_shards(inputs, taken, shard_size, failed))
        if not fresh:
            return known, failed
        name = f"{SOURCES}/{len(before) + 1:08}.parquet"
        rows = [(shard.id, shard.kind.value, name) for shard in fresh for name in shard.inputs]
        columns = dict(zip(("shard", "kind", "input"), zip(*rows, strict=True), strict=True))
        if storage.create(name, to_parquet(columns)):
            return [*known, *fresh], failed


def _shards(
    inputs: Inputs, taken: set[tuple[Kind, str]], size: int, failed: list[FailedShard]
) -> Iterator[Shard]:
    """What is new of the inputs; tables that cannot be read are added to `failed`."""
    for tar in inputs.tars:
        if (Kind.TAR, tar) not in taken:
            yield shard_of(Kind.TAR, [tar])
    tables = {name.rpartition("#")[0] for kind, name in taken if kind is Kind.TABLE}
    for table in inputs.tables:
        if table not in tables:  # else all of its groups are: a plan is made at once
            try:
                groups = list(_groups(table, size))
            except Exception as error:  # of pyarrow, or of what speaks to the storage
                reason = one_line(first_line(error))
                failed.append(FailedShard(shard_of(Kind.TABLE, [table]), reason))
                continue
            for names in groups:
                yield shard_of(Kind.TABLE, names)
    files = [file for file in inputs.files if (Kind.FILES, file) not in taken]
    for start in range(0, len(files), size):
        yield shard_of(Kind.FILES, files[start : start + size])


def _groups(table: str, size: int) -> Iterator[list[str]]:
    """The row groups of a table, as many together as hold `size` rows."""
    with open_input(table) as file:
        counts = row_groups(file)
    names: list[str] = []
    rows = 0
    for group, count in enumerate(counts):
        if names and rows + count > size:
            yield names
            names, rows = [], 0
        names.append(f"{table}#{group}")
        rows += count
    if names:
        yield names
