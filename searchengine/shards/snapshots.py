"""Snapshots: numbered lists of the parts that count, each created once and never changed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from searchengine.shards.layout import FORMAT, SNAPSHOTS, Receipt, not_ours, of_record
from searchengine.shards.storage import Storage

LATEST = f"{SNAPSHOTS}/LATEST"
HIGHEST = "99999999"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The library as of one publication: parts in order, whose rows follow each other."""

    number: int
    """From 1; 0 stands for none."""
    parts: tuple[Receipt, ...]
    index: int | None = None
    """The number of the snapshot that the approximate index was made for, if there is one."""

    @property
    def rows(self) -> int:
        """Of all parts together."""
        return sum(part.rows for part in self.parts)

    @property
    def name(self) -> str:
        """Where its manifest is."""
        return f"{SNAPSHOTS}/{self.number:08}.json"


EMPTY = Snapshot(0, ())


def numbers(storage: Storage) -> list[int]:
    """The numbers of the snapshots that are there, ascending."""
    names = (stored.name.rpartition("/")[2] for stored in storage.listing(SNAPSHOTS))
    return sorted(int(name[:8]) for name in names if name.endswith(".json") and name[:8].isdigit())


def newest(storage: Storage) -> Snapshot:
    """The snapshot of the highest number; `EMPTY` where nothing was published."""
    number = newest_number(storage)
    return read(storage, number) if number else EMPTY


def newest_number(storage: Storage) -> int:
    """The highest number there is, from the hint on; 0 where nothing was published.

    The hint is written after the snapshot, so it may be behind; a killed publisher leaves it so.
    """
    hint = storage.find(LATEST)
    hinted = int(hint) if hint is not None and hint.isdigit() and len(hint) <= len(HIGHEST) else 1
    number = hinted - 1
    while storage.exists(Snapshot(number + 1, ()).name):
        number += 1
    return number if number >= hinted else max(numbers(storage), default=0)


def read(storage: Storage, number: int) -> Snapshot:
    """The snapshot of a number. Raises StorageError where there is none, or another is there."""
    name = Snapshot(number, ()).name
    data = storage.read(name)
    try:
        record = json.loads(data)
        if record["format"] != FORMAT:
            raise ValueError("another format")
        parts = tuple(of_record(Receipt, part) for part in record["parts"])
        index = record["index"]
        if record["number"] != number or not (index is None or index in range(1, number)):
            raise ValueError("another snapshot")
        return Snapshot(number, parts, index)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        then = "put it back, or remove it: the one before it has what was published till then"
        raise not_ours(f"{storage.url}/{name}", then) from error


def publish(storage: Storage, snapshot: Snapshot) -> bool:
    """Create the snapshot of this number; False where somebody else has published it by now."""
    first_row, parts = 0, []
    for part in snapshot.parts:
        parts.append({"first_row": first_row, **asdict(part)})
        first_row += part.rows
    record = {
        "format": FORMAT,
        "number": snapshot.number,
        "rows": snapshot.rows,
        "index": snapshot.index,
        "parts": parts,
    }
    if not storage.create(snapshot.name, json.dumps(record).encode()):
        return False
    storage.write(LATEST, str(snapshot.number).encode())
    return True


def followed_by(before: Snapshot, order: Sequence[Receipt]) -> Snapshot:
    """The next snapshot: the parts of `before` where they were, and those of `order` behind.

    A part that was made anew, as its receipt was removed, stands where the old one was: rows behind
    it may have other numbers, and the index is left behind.
    """
    now = {part.shard: part for part in order}
    first = tuple(now.pop(part.shard, part) for part in before.parts)
    index = before.index if first == before.parts else None
    return Snapshot(before.number + 1, (*first, *now.values()), index)
