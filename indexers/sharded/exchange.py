"""From a library of one machine to one in parts, and back: vectors are copied, none is encoded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from indexers.sharded.plan import plan
from indexers.sharded.run import publish_parts
from indexers.sharded.sources import Inputs, Kind
from searchengine.catalog.captions import OF_FILES
from searchengine.errors import EncoderMismatchError, NothingIndexedError
from searchengine.float16 import widened
from searchengine.library.cached.copy import update
from searchengine.library.cached.files import entries_of_rows
from searchengine.library.library import Library
from searchengine.shards.indexes import index_snapshot
from searchengine.shards.layout import (
    CAPTIONS,
    MadeBy,
    agree_on,
    done_shards,
    made_by,
    not_ours,
    receipts,
)
from searchengine.shards.parts import commit
from searchengine.shards.storage import Storage
from searchengine.shards.tables import from_parquet, to_parquet

EXPORTED_BY = "export"
"""In the receipts of parts that were not encoded."""


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was copied, and what is there now."""

    library: str
    """Its URL."""
    copied: int
    """Images, in this run."""
    images: int
    """In the newest snapshot."""
    captions: int
    snapshot: int


def export_library(
    library: Library, url: str, *, shard_size: int, space: str | None = None
) -> ExportReport:
    """Copy a space of a library into the library in parts at `url`, and publish it.

    What an earlier export, or an index run, brought there stays as it is. Images that left the
    library since stay too: parts are only added. Raises NothingIndexedError, StorageError, and
    EncoderMismatchError where another encoder made what is there.
    """
    chosen, storage = library.space(space), Storage(url)
    info = chosen.info
    agree_on(storage, MadeBy(info.encoder, info.fingerprint, info.dim, info.precision))
    with library.catalog.snapshot() as now:
        numbers, paths = now.embedded_images(info)
        if not paths:
            raise NothingIndexedError(library.path)
        row_of = dict(zip(paths, numbers.tolist(), strict=True))
        shards, _ = plan(storage, Inputs(paths, [], []), shard_size)
        done = set(done_shards(storage))
        rows = chosen.images.read(now.rows(info))
        copied = 0
        for shard in shards:
            is_ours = shard.kind is Kind.FILES and all(name in row_of for name in shard.inputs)
            if shard.id in done or not is_ours:
                continue
            places = np.array([row_of[name] for name in shard.inputs], dtype=np.int64)
            entries = entries_of_rows(now, chosen, places.tolist())
            vectors = widened(rows[places])
            commit(storage, shard.id, entries, vectors, [], info.fingerprint, EXPORTED_BY)
            copied += len(entries)
        captions = now.captions_from(OF_FILES)
    if captions:
        told = {"path": [path for path, _ in captions], "text": [said.text for _, said in captions]}
        storage.write(CAPTIONS, to_parquet(told))
    parts = receipts(storage)
    snapshot = publish_parts(storage, [parts[shard.id] for shard in shards if shard.id in parts])
    after = index_snapshot(storage, snapshot, info.dim)
    return ExportReport(storage.url, copied, after.rows, len(captions), after.number)


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What a library of one machine has now."""

    library: str
    """Its directory."""
    snapshot: int
    """That it was brought up to."""
    images: int
    captions: int
    """That are new."""


def import_library(url: str, library: Library) -> ImportReport:
    """Copy the newest snapshot of a library in parts into one of this machine, which is its own.

    Later imports add the parts that are new since. Captions get their vectors by the next index
    run. Raises StorageError, NothingIndexedError, LibraryLockedError, and EncoderMismatchError
    where the library is of another encoder.
    """
    storage = Storage(url)
    made = made_by(storage)
    for space in library.spaces():
        ours = (space.info.encoder, space.info.fingerprint)  # two encoders may share their weights
        if made is not None and ours != (made.encoder, made.fingerprint):
            raise EncoderMismatchError(space.info.name, space.info.encoder, made.encoder)
    number = update(library, url, with_index=False)
    data, added = storage.find(CAPTIONS), 0
    with library.writing() as writer:
        if data is not None:
            try:
                columns = from_parquet(data, ("path", "text"))
            except ValueError as error:
                raise not_ours(f"{storage.url}/{CAPTIONS}") from error
            pairs = list(zip(columns["path"], columns["text"], strict=True))
            added, _ = library.catalog.add_captions(pairs)
        library.space().refresh_index()
        writer.measure_relevance(library.space())
    return ImportReport(str(library.path), number, len(library), added)
