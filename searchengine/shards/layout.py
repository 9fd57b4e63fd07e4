"""What lies where in a library in parts, and what its small JSON files say.

library.json                              what made the vectors; written once
sources/<8 digits>.parquet                what was planned: shard, kind, input
parts/<shard>.json                        the receipt: created once, and that is the commit
parts/<shard>.<attempt>.f16               float16 rows, without a header
parts/<shard>.<attempt>.parquet           the facts of each row
parts/<shard>.<attempt>.failed.parquet    what could not be used, and why
index/<8 digits>/                         the approximate index of a snapshot
snapshots/<8 digits>.json                 the parts in order; created once
snapshots/LATEST                          a hint: the highest number is the truth
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, TypeVar

from searchengine.errors import EncoderMismatchError, LibraryTooNewError, StorageError
from searchengine.shards.storage import Storage
from searchengine.shards.tables import from_parquet

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Made = TypeVar("Made", bound=DataclassInstance)

FORMAT = 1
"""Of all JSON files of a library in parts."""

LIBRARY = "library.json"
CAPTIONS = "captions.parquet"
MOST = 2**53
"""No number in these files is larger, and any program reads those up to here right."""

RESTORE = "put it back as it was"
"""What to do about a file that is lost or damaged."""

SOURCES, PARTS, INDEXES, SNAPSHOTS = "sources", "parts", "index", "snapshots"


@dataclass(frozen=True, slots=True)
class MadeBy:
    """`library.json`: the encoder of every vector in the library."""

    encoder: str
    """The name `load_encoder` takes."""
    fingerprint: str
    """Short hash of its weights."""
    dim: int
    precision: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """`parts/<shard>.json`: a shard that is done, and which attempt did it."""

    shard: str
    attempt: str
    rows: int
    failed: int
    bytes: int
    """Of the three files together."""
    vectors: str
    """BLAKE2b of the file of rows, 16 bytes in hexadecimal."""
    facts: str
    """The same, of the facts."""
    fingerprint: str
    """Of the encoder."""
    by: str
    """Host and process, for people."""

    def __post_init__(self) -> None:
        """Raises ValueError for names that could lead out of the folder of parts."""
        if not (self.shard.isalnum() and self.attempt.isalnum()):
            raise ValueError("no name of a part")

    def name(self, suffix: str) -> str:
        """Where a file of the part is: `suffix` is "f16", "parquet" or "failed.parquet"."""
        return f"{PARTS}/{self.shard}.{self.attempt}.{suffix}"


def receipt_name(shard: str) -> str:
    """Where the receipt of a shard is."""
    return f"{PARTS}/{shard}.json"


def to_json(value: DataclassInstance) -> bytes:
    """A dataclass of plain values as one of our files."""
    return json.dumps({"format": FORMAT, **asdict(value)}, indent=1).encode()


def not_ours(url: str, then: str = RESTORE) -> StorageError:
    """What to say of a file that is damaged, or another's."""
    return StorageError(url, "it is not what clipseek wrote", then)


def of_record(kind: type[Made], record: Mapping[str, Any]) -> Made:
    """A dataclass of texts and counts, as JSON has it.

    Raises KeyError, TypeError and ValueError where a value is missing or of another kind.
    """
    values = {field.name: record[field.name] for field in fields(kind)}
    for value, wanted in zip(values.values(), fields(kind), strict=True):
        if type(value).__name__ != wanted.type:
            raise TypeError(f"{wanted.name} is no {wanted.type}")
        if isinstance(value, int) and not 0 <= value <= MOST:
            raise ValueError(f"{wanted.name} is no count")
    return kind(**values)


def _from_json(kind: type[Made], data: bytes, url: str, then: str = RESTORE) -> Made:
    """What one of our files says. Raises LibraryTooNewError, and StorageError where it is none."""
    try:
        record: dict[str, Any] = json.loads(data)
        found = record.pop("format")
        if found == FORMAT:
            return of_record(kind, record)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise not_ours(url, then) from error
    if type(found) is int and found > FORMAT:
        raise LibraryTooNewError(url, found, FORMAT)
    raise not_ours(url, then)


def made_by(storage: Storage) -> MadeBy | None:
    """The encoder of the library, or None where nothing was done yet.

    Raises StorageError where that was lost: nobody could say which encoder made the parts.
    """
    data, url = storage.find(LIBRARY), f"{storage.url}/{LIBRARY}"
    if data is None:
        if done_shards(storage):
            raise StorageError(url, "it is gone, and parts are there", RESTORE)
        return None
    return _from_json(MadeBy, data, url)


def agree_on(storage: Storage, ours: MadeBy) -> MadeBy:
    """What made the vectors of the library: `ours` where nobody has written another down.

    Raises EncoderMismatchError where that is another encoder, or of other weights.
    """
    known = made_by(storage)
    if known is None and storage.create(LIBRARY, to_json(ours)):
        return ours
    known = known or made_by(storage)
    assert known is not None, "somebody has just written it"
    if (known.encoder, known.fingerprint) != (ours.encoder, ours.fingerprint):
        raise EncoderMismatchError(
            storage.url,
            f"{known.encoder} with weights {known.fingerprint}",
            f"{ours.encoder} with weights {ours.fingerprint}",
        )
    return known


def plans(storage: Storage) -> list[str]:
    """The names of the plans, in their order."""
    return [file.name for file in storage.listing(SOURCES) if file.name.endswith(".parquet")]


def plan_rows(storage: Storage, names: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """The shard, kind and input of each row of plans. Raises StorageError for what is none."""
    wanted = ("shard", "kind", "input")
    for name, data in zip(names, storage.read_all(names), strict=True):
        try:
            columns = from_parquet(data, wanted)
        except ValueError as error:
            raise not_ours(f"{storage.url}/{name}") from error
        yield from zip(*(columns[each] for each in wanted), strict=True)


def receipt_of(storage: Storage, shard: str) -> Receipt:
    """The receipt of a shard that is done. Raises StorageError where it is not."""
    return _receipt(storage, shard, storage.read(receipt_name(shard)))


def receipts(storage: Storage) -> dict[str, Receipt]:
    """The receipts of all shards that are done, by shard."""
    shards = done_shards(storage)
    names = [receipt_name(shard) for shard in shards]
    return {
        shard: _receipt(storage, shard, data)
        for shard, data in zip(shards, storage.read_all(names), strict=True)
    }


def _receipt(storage: Storage, shard: str, data: bytes) -> Receipt:
    url, then = f"{storage.url}/{receipt_name(shard)}", "remove it, and index again"
    receipt = _from_json(Receipt, data, url, then)
    if receipt.shard != shard:
        raise StorageError(url, "it is the receipt of another shard", then)
    return receipt


def done_shards(storage: Storage) -> list[str]:
    """The shards that have a receipt."""
    start = len(PARTS) + 1
    return [
        stored.name[start : -len(".json")]
        for stored in storage.listing(PARTS)
        if stored.name.endswith(".json")
    ]
