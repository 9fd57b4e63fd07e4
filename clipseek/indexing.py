"""Indexing from Python."""

from __future__ import annotations

import os

from indexers import pipeline
from indexers.reading import IndexOptions
from indexers.sharded import run
from indexers.sharded.executors import Executor
from indexers.sharded.plan import SHARD_SIZE
from indexers.sharded.run import ShardedReport
from indexers.sharded.work import Work
from searchengine.embedding.outcomes import Observer
from searchengine.encoders.choice import AUTO, choose_encoder
from searchengine.encoders.loading import load_encoder
from searchengine.library.library import Library
from searchengine.paths import at_home
from searchengine.shards.layout import made_by
from searchengine.shards.storage import Storage


class Silent:
    """A `searchengine.embedding.stream.Observer` that tells nobody."""

    def planned(self, total: int) -> None:
        """See `Observer`."""

    def started(self) -> None:
        """See `Observer`."""

    def advanced(self) -> None:
        """See `Observer`."""

    def skipped(self, path: str, reason: str) -> None:
        """See `Observer`."""


def index_folder(
    library: Library,
    *paths: str | os.PathLike[str],
    encoder: str = AUTO,
    device: str = "auto",
    precision: str = "auto",
    options: IndexOptions | None = None,
    observer: Observer | None = None,
) -> pipeline.IndexReport:
    """Bring a library up to date with folders and image files; returns the ledger of the run.

    `encoder` is a name that `load_encoder` takes; "auto" means the library's own, and for a new
    library the recommended one where it can be had, else "starter-256". Files that cannot be used
    are in `library.failures()`; `observer` is told of progress. Raises PathNotFoundError,
    LibraryLockedError, StorageFullError and the encoder's errors.
    """
    known = [space.info.encoder for space in library.spaces()]
    choice = choose_encoder(encoder, known, device=device)
    return pipeline.index(
        library,
        [at_home(path) for path in paths],
        encoder=choice.name,
        load=lambda: load_encoder(choice.name, device=device, precision=precision),
        observer=observer or Silent(),
        options=options,
    )


def index_sharded(
    url: str,
    *sources: str | os.PathLike[str],
    encoder: str = AUTO,
    executor: Executor | None = None,
    shard_size: int = SHARD_SIZE,
    observer: Observer | None = None,
) -> ShardedReport:
    """Bring the library in parts at `url` up to date with sources, and publish it.

    Sources are those of `clipseek index`: folders, URLs, tars and parquet files. `encoder` is as in
    `index_folder`; `executor` does the shards, a `RayExecutor` on a cluster, without one this
    process. Ask the library with `open_library(url)`. Raises as `indexers.sharded.run` says.
    """
    made = made_by(Storage(url))
    choice = choose_encoder(encoder, [made.encoder] if made else [])
    return run.index_sharded(
        [os.fspath(source) for source in sources],
        Work(url, choice.name),
        observer=observer or Silent(),
        executor=executor,
        shard_size=shard_size,
    )
