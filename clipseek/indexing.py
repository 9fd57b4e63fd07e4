"""Indexing from Python."""

from __future__ import annotations

import os
from pathlib import Path

from indexers import pipeline
from indexers.reading import IndexOptions
from searchengine.embedding.stream import Observer
from searchengine.encoders.choice import AUTO, choose_encoder
from searchengine.encoders.loading import load_encoder
from searchengine.library.library import Library


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
        [Path(path).expanduser() for path in paths],
        encoder=choice.name,
        load=lambda: load_encoder(choice.name, device=device, precision=precision),
        observer=observer or Silent(),
        options=options,
    )
