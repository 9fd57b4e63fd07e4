"""Writing to a library: one at a time, vectors first and then the facts about them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from searchengine.catalog.records import Batch
from searchengine.encoders.interface import Encoder
from searchengine.errors import (
    LibraryLockedError,
    LibraryUnusableError,
    StorageFullError,
    reason_of,
)
from searchengine.library.layout import LOCK, PID, SPACES
from searchengine.library.places import listed_images, listed_place
from searchengine.spaces.names import space_name
from searchengine.spaces.space import Space
from searchengine.types import Vectors

if TYPE_CHECKING:
    from searchengine.library.library import Library

CAPTION_BATCH = 256
"""Captions encoded and recorded at a time."""


@contextmanager
def lock(directory: Path) -> Iterator[None]:
    """Hold the write lock of the library in `directory`.

    Raises LibraryLockedError at once while another process holds it.
    """
    import filelock

    held = filelock.FileLock(directory / LOCK, timeout=0)
    pid = directory / PID
    try:
        held.acquire()
    except filelock.Timeout as error:
        holder = pid.read_text(encoding="ascii") if pid.exists() else "unknown"
        raise LibraryLockedError(directory, holder) from error
    except OSError as error:
        raise LibraryUnusableError(directory, reason_of(error)) from error
    try:
        _write_pid(pid, directory)
        yield
    finally:
        pid.unlink(missing_ok=True)
        held.release()


def _write_pid(pid: Path, library: Path) -> None:
    try:
        pid.write_text(str(os.getpid()), encoding="ascii")
    except OSError as error:
        raise StorageFullError(library) from error


class Writer:
    """What may be done while the library's lock is held."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._catalog = library.catalog

    def space_for(self, encoder: Encoder) -> Space:
        """The space of an encoder, made where there is none.

        Raises EncoderMismatchError when it was made with other weights.
        """
        if all(info.encoder != encoder.name for info in self._catalog.spaces()):
            name = space_name(encoder.name)
            (self._library.path / SPACES / name).mkdir(parents=True, exist_ok=True)
            self._catalog.add_space(
                name=name,
                encoder=encoder.name,
                dim=encoder.dim,
                precision=encoder.precision,
                fingerprint=encoder.fingerprint,
            )
        self._library.use_encoder(encoder)
        return self._library.space(encoder.name)

    def commit(self, space: Space | None, batch: Batch, vectors: Vectors | None = None) -> None:
        """Make a batch last: first its vectors, shape (len(batch.added), d), then its facts."""
        first_row = 0
        if len(batch.added) != (0 if vectors is None else len(vectors)):
            raise ValueError(
                f"{len(batch.added)} images, {0 if vectors is None else len(vectors)} vectors"
            )
        if space is not None and vectors is not None:
            first_row = self._catalog.rows(space.info)
            space.images.append(vectors, rows=first_row)
        self._catalog.record(None if space is None else space.info, batch, first_row)

    def remove(self, paths: Iterable[str | os.PathLike[str]]) -> int:
        """Take images at or under `paths` out; returns how many.

        Raises NothingListedError, and removes nothing, where a path holds no image.
        """
        ids: set[int] = set()
        places: list[str] = []
        for path in paths:
            place = listed_place(self._catalog, path)
            places.append(place)
            ids.update(self._catalog.image_ids(place))
        self._catalog.record(None, Batch(removed=sorted(ids)), first_row=0)
        self._catalog.forget_survey(places)
        return len(ids)

    def add_captions(self, space: Space, pairs: Sequence[tuple[str, str]]) -> tuple[int, list[str]]:
        """Store and embed (image path, caption) pairs; how many are new, and paths not listed."""
        places = listed_images(self._catalog, list(dict.fromkeys(path for path, _ in pairs)))
        added, strangers = self._catalog.add_captions(
            [(places.get(path, path), text) for path, text in pairs]
        )
        self.embed_captions(space)
        return added, strangers

    def embed_captions(self, space: Space) -> None:
        """Encode every caption the space has no vector of."""
        while missing := self._catalog.captions_without_vector(space.info, CAPTION_BATCH):
            encoder = self._library.encoders.for_texts(space)
            first_row = self._catalog.caption_rows(space.info)
            space.captions.append(
                encoder.encode_texts([caption.text for caption in missing]), rows=first_row
            )
            self._catalog.record_caption_vectors(
                space.info, [caption.id for caption in missing], first_row
            )
