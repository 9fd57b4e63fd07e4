"""A library in parts in numbers, held against what its receipts say, and tidied."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from searchengine.errors import StorageError
from searchengine.shards.indexes import trained_of
from searchengine.shards.layout import (
    INDEXES,
    PARTS,
    SNAPSHOTS,
    SOURCES,
    Receipt,
    made_by,
    plan_rows,
    plans,
    receipt_name,
    receipts,
)
from searchengine.shards.parts import SUFFIXES, read_entries, read_failures, read_vectors
from searchengine.shards.snapshots import Snapshot, newest, numbers, read
from searchengine.shards.storage import Storage, Stored

ORPHAN_SECONDS = 24 * 3600.0
"""Age from which a file that no receipt or snapshot names is what a killed attempt left. A slow
attempt writes its files minutes before its receipt."""


@dataclass(frozen=True, slots=True)
class PartsInfo:
    """A library in parts in numbers."""

    url: str
    encoder: str | None
    """None where nothing was done yet."""
    dim: int | None
    precision: str | None
    planned: int
    """Shards."""
    done: int
    images: int
    """With a vector, in all parts that are done."""
    failed: int
    """Images that could not be used."""
    bytes: int
    """Of all parts that are done."""
    snapshots: list[int]
    """Their numbers, ascending."""
    published: int
    """Images in the newest."""
    index: int | None
    """The number of the snapshot that the newest one's approximate index is of."""


def parts_info(storage: Storage) -> PartsInfo:
    """The numbers of the library at a storage."""
    done, made, last = receipts(storage).values(), made_by(storage), newest(storage)
    return PartsInfo(
        url=storage.url,
        encoder=made.encoder if made else None,
        dim=made.dim if made else None,
        precision=made.precision if made else None,
        planned=len({shard for shard, *_ in plan_rows(storage, plans(storage))}),
        done=len(done),
        images=sum(part.rows for part in done),
        failed=sum(part.failed for part in done),
        bytes=sum(part.bytes for part in done),
        snapshots=numbers(storage),
        published=last.rows,
        index=last.index,
    )


def faults(storage: Storage) -> Iterator[tuple[str, str | None]]:
    """Every part that is done, by its receipt, and what is wrong with it; None where it is sound.

    Reads all rows and facts, and holds the newest snapshot against the receipts.
    """
    made, done = made_by(storage), receipts(storage)
    for part in done.values():
        try:
            read_vectors(storage, part, made.dim if made else 0)
            read_entries(storage, part)
            read_failures(storage, part)
        except StorageError as error:
            yield receipt_name(part.shard), str(error)
        else:
            is_ours = made is None or part.fingerprint == made.fingerprint
            yield (
                receipt_name(part.shard),
                None if is_ours else f"{receipt_name(part.shard)}: made by another encoder",
            )
    last = newest(storage)
    for part in last.parts:
        if done.get(part.shard) != part:
            yield last.name, f"{last.name} lists {receipt_name(part.shard)} otherwise than it is"


@dataclass(frozen=True, slots=True)
class Tidied:
    """What was taken away."""

    snapshots: list[int]
    files: int
    bytes: int


def collect(storage: Storage, keep: int, orphan_seconds: float = ORPHAN_SECONDS) -> Tidied:
    """Take away all snapshots but the newest `keep`, their indexes, and what killed attempts left.

    Parts that have a receipt stay, whether or not a snapshot lists them, and so do those that a
    snapshot lists that stays.
    """
    known = numbers(storage)
    old = known[:-keep]
    kept = [read(storage, number) for number in known[-keep:]]
    gone = [Snapshot(number, ()).name for number in old]
    leaving = [*_orphans(storage, kept, orphan_seconds), *_indexes(storage, kept)]
    storage.remove([*gone, *(file.name for file in leaving)])
    return Tidied(old, len(gone) + len(leaving), sum(file.size for file in leaving))


def _orphans(storage: Storage, kept: list[Snapshot], seconds: float) -> Iterator[Stored]:
    # The files are listed first: a receipt that comes meanwhile names some of them.
    files = [*storage.listing(PARTS), *storage.listing(SNAPSHOTS), *storage.listing(SOURCES)]
    listed = [part for snapshot in kept for part in snapshot.parts]
    named = {name for part in (*receipts(storage).values(), *listed) for name in _files_of(part)}
    for file in files:
        is_part = file.name.startswith(f"{PARTS}/") and file.name.endswith(SUFFIXES)
        is_left = (is_part and file.name not in named) or file.name.endswith(".part")
        if is_left and file.age > seconds:
            yield file


def _files_of(part: Receipt) -> Iterator[str]:
    return (part.name(suffix) for suffix in SUFFIXES)


def _indexes(storage: Storage, kept: list[Snapshot]) -> Iterator[Stored]:
    numbers = {snapshot.index for snapshot in kept if snapshot.index is not None}
    numbers |= {trained_of(storage, number) for number in numbers}
    numbers |= {snapshot.number for snapshot in kept}  # theirs may be under way
    used = {f"{number:08}" for number in numbers}
    for name in storage.folders(INDEXES):
        if name not in used:
            yield from storage.listing(f"{INDEXES}/{name}")
