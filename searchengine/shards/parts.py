"""Parts: written whole under names of one attempt, committed by a receipt, and read back."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence

import numpy as np

from searchengine.catalog.records import FailedFile
from searchengine.errors import StorageError
from searchengine.shards.layout import Receipt, receipt_name, receipt_of, to_json
from searchengine.shards.storage import Storage
from searchengine.shards.tables import (
    FACTS,
    FILE,
    columns_of_entries,
    columns_of_files,
    entries_of_columns,
    files_of_columns,
    from_parquet,
    to_parquet,
)
from searchengine.types import FailureKind, ImageEntry, Vectors
from searchengine.vectors.file import Rows

SUFFIXES = ("f16", "parquet", "failed.parquet")


def commit(
    storage: Storage,
    shard: str,
    entries: Sequence[ImageEntry],
    vectors: Vectors,
    failed: Sequence[FailedFile],
    fingerprint: str,
    by: str,
) -> Receipt:
    """Make a part of a shard: `entries` and their `vectors`, shape (n, d), and what failed.

    Of several attempts at one shard one is committed, whichever engines make them; the others take
    their files away and get its receipt. Killed at any moment, the shard is done or it is not.
    """
    attempt = secrets.token_hex(8)
    rows = np.ascontiguousarray(vectors, dtype="<f2").tobytes()
    facts = to_parquet(columns_of_entries(entries))
    failures = to_parquet(_columns_of_failures(failed))
    receipt = Receipt(
        shard=shard,
        attempt=attempt,
        rows=len(entries),
        failed=len(failed),
        bytes=len(rows) + len(facts) + len(failures),
        vectors=_digest(rows),
        facts=_digest(facts),
        fingerprint=fingerprint,
        by=by,
    )
    for suffix, data in zip(SUFFIXES, (rows, facts, failures), strict=True):
        storage.write(receipt.name(suffix), data)
    if storage.create(receipt_name(shard), to_json(receipt)):
        return receipt
    storage.remove([receipt.name(suffix) for suffix in SUFFIXES])
    return receipt_of(storage, shard)


def read_vectors(storage: Storage, receipt: Receipt, dim: int) -> Rows:
    """The rows of a part, shape (n, d), float16. Raises StorageError where they are damaged."""
    data = storage.find(receipt.name("f16"))
    if data is None or _digest(data) != receipt.vectors or len(data) != 2 * dim * receipt.rows:
        raise damaged(storage, receipt, "f16")
    return np.frombuffer(data, dtype="<f2").reshape(receipt.rows, dim)


def read_entries(storage: Storage, receipt: Receipt) -> list[ImageEntry]:
    """The images of a part, in the order of its rows. Raises StorageError as `read_vectors`."""
    data = storage.find(receipt.name("parquet"))
    if data is None or _digest(data) != receipt.facts:
        raise damaged(storage, receipt, "parquet")
    try:
        entries = entries_of_columns(from_parquet(data, (*FILE, "content_hash", *FACTS)))
    except ValueError as error:
        raise damaged(storage, receipt, "parquet") from error
    if len(entries) != receipt.rows:
        raise damaged(storage, receipt, "parquet")
    return entries


def read_failures(storage: Storage, receipt: Receipt) -> list[FailedFile]:
    """The images of the shard that could not be used. Raises StorageError as `read_vectors`."""
    if not receipt.failed:
        return []
    said = ("kind", "reason", "tried_with")
    try:
        columns = from_parquet(storage.find(receipt.name("failed.parquet")) or b"", (*FILE, *said))
        rows = zip(*(columns[name] for name in said), strict=True)
        return [
            FailedFile(file, FailureKind(kind), reason, tried_with)
            for file, (kind, reason, tried_with) in zip(
                files_of_columns(columns), rows, strict=True
            )
        ]
    except ValueError as error:
        raise damaged(storage, receipt, "failed.parquet") from error


def damaged(storage: Storage, receipt: Receipt, suffix: str) -> StorageError:
    """What to say of a file of a part that is not as it was written."""
    return StorageError(
        f"{storage.url}/{receipt.name(suffix)}",
        "it is not as it was written",
        f"remove {receipt_name(receipt.shard)} and index again",
    )


def _columns_of_failures(failed: Sequence[FailedFile]) -> dict[str, list[object]]:
    return {
        **columns_of_files([failure.file for failure in failed]),
        "kind": [failure.kind.value for failure in failed],
        "reason": [failure.reason for failure in failed],
        "tried_with": [failure.tried_with for failure in failed],
    }


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()
