"""Writing to a library: one at a time, vectors first and then the facts about them."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from searchengine.catalog.captions import OF_FILES
from searchengine.catalog.records import Append, Batch, Found, Freed
from searchengine.catalog.sqlite.opening import identity_of
from searchengine.catalog.sqlite.words import COMPLETE, READING
from searchengine.embedding.crops import crops_of
from searchengine.encoders.interface import Encoder
from searchengine.errors import (
    EncoderError,
    LibraryLockedError,
    LibraryReplacedError,
    LibraryUnusableError,
    MissingExtraError,
    reason_of,
)
from searchengine.files import read_small, unwritable
from searchengine.library.layout import LOCK, PID, space_directory
from searchengine.library.places import listed_images, listed_place, named, place_to_keep_out
from searchengine.looks.look import LOOK, Looks
from searchengine.spaces.following import Following
from searchengine.spaces.names import space_name
from searchengine.spaces.space import Space, crops_setting
from searchengine.texts.matching import measure_matching
from searchengine.types import BlockChecksum, Vectors
from searchengine.vectors.checksums import blocks_of
from searchengine.vectors.file import VectorFile

if TYPE_CHECKING:
    from searchengine.library.library import Library

log = logging.getLogger("clipseek")

CAPTION_BATCH = 256
"""Captions encoded and recorded at a time."""


class HeldLock:
    """The write lock of a library, held by this process."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._file = identity_of(directory / LOCK)

    def require(self) -> None:
        """Raises LibraryUnusableError where another process may hold a lock of that name by now.

        Who locks the file that lies there locks another one, once somebody has removed ours.
        """
        if identity_of(self._directory / LOCK) != self._file:
            raise LibraryUnusableError(
                self._directory,
                f"{LOCK} was removed or replaced while this process was writing, so that another "
                "may write too; what it has saved stays: run the same command again",
            )


@contextmanager
def lock(directory: Path) -> Iterator[HeldLock]:
    """Hold the write lock of the library in `directory`.

    Raises LibraryLockedError at once while another process holds it, LibraryReplacedError where
    there is no such directory, and LibraryUnusableError where it cannot be held.
    """
    import filelock

    if not directory.is_dir():  # the lock would make it
        raise LibraryReplacedError(directory)
    held = filelock.FileLock(directory / LOCK, timeout=0)
    pid = directory / PID
    try:
        held.acquire()
    except filelock.Timeout as error:
        raise LibraryLockedError(directory, _holder(pid)) from error
    except OSError as error:
        raise LibraryUnusableError(directory, reason_of(error)) from error
    try:
        _write_pid(pid, directory)
        yield HeldLock(directory)
    finally:
        with suppress(OSError):  # a full or pulled disk must not hide why the block ended
            pid.unlink(missing_ok=True)
        held.release()


def _holder(pid: Path) -> str:
    try:
        found = read_small(pid, most=32).decode("ascii")
    except (OSError, ValueError):
        return "unknown"
    return found if found.isdecimal() else "unknown"


def _write_pid(pid: Path, library: Path) -> None:
    """A link or anything else in its place is taken away, and what it leads to left as it is."""
    try:
        pid.unlink(missing_ok=True)
        descriptor = os.open(pid, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(str(os.getpid()))
    except OSError as error:
        raise unwritable(library, pid.name, error) from error


@contextmanager
def writer_of(library: Library) -> Iterator[Writer]:
    """The one writer of a library; columns of its spaces are kept in step. Raises as `lock`."""
    catalog = library.catalog
    with (
        lock(library.path) as held,
        catalog.guarded_by(held.require),
        catalog.followed_by(Following(library.spaces)),
    ):
        yield Writer(library)


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
            directory = space_directory(self._library.path, name)
            if directory.exists():
                shutil.rmtree(directory)  # of a space that was forgotten, and was not removed whole
            directory.mkdir(parents=True)
            self._catalog.add_space(
                name=name,
                encoder=encoder.name,
                dim=encoder.dim,
                precision=encoder.precision,
                fingerprint=encoder.fingerprint,
            )
        space = self._library.space(encoder.name)
        if space.crops != crops_of(encoder):  # it is empty, or the run would have been refused
            self._catalog.set_setting(crops_setting(space.info.name), str(crops_of(encoder)))
        self._library.use_encoder(encoder)
        return space

    def commit(
        self,
        space: Space | None,
        batch: Batch,
        vectors: Vectors | None = None,
        looks: Sequence[Looks | None] = (),
        freed: Freed | None = None,
    ) -> None:
        """Make a batch last: its vectors, shape (len(batch.added), d), and its facts.

        `looks` are those of the pictures in `batch.added`, where they are known; the rows in
        `freed` become dead with it.
        Raises LibraryUnusableError, and saves nothing, where the lock is no longer ours.
        """
        if len(batch.added) != (0 if vectors is None else len(vectors)):
            raise ValueError(
                f"{len(batch.added)} images, {0 if vectors is None else len(vectors)} vectors"
            )
        if space is None or vectors is None:
            self._catalog.record(None if space is None else space.info, batch, freed=freed)
        else:
            append = _with_looks(space, looks, vectors)
            self._catalog.record(space.info, batch, append, freed)

    def remove(self, paths: Iterable[str | os.PathLike[str]], *, forever: bool = False) -> int:
        """Take images at or under `paths` out; returns how many.

        With `forever` index runs leave out what is there, listed or not. Raises
        NothingListedError, and removes nothing, where a path holds no image, or else nothing.
        """
        place_of = place_to_keep_out if forever else listed_place
        places = [place_of(self._catalog, path) for path in named(paths)]
        ids = {image for place in places for image in self._catalog.image_ids(place)}
        self._catalog.record(None, Batch(removed=sorted(ids)))
        self._catalog.forget_survey(places)
        if forever:
            self._catalog.keep_out(places)
        return len(ids)

    def add_captions(
        self, space: Space, pairs: Sequence[tuple[str, str]], source: str = OF_FILES
    ) -> tuple[int, list[str]]:
        """Store and embed (image path, caption) pairs; how many are new, and paths not listed."""
        places = listed_images(self._catalog, list(dict.fromkeys(path for path, _ in pairs)))
        added, strangers = self._catalog.add_captions(
            [(places.get(path, path), text) for path, text in pairs], source
        )
        self.embed_captions(space)
        return added, strangers

    def record_found(self, reader: str, state: str, found: Sequence[Found]) -> None:
        """Put what a reader found in images in place of what it found before."""
        self._catalog.record_found(reader, state, found)

    def remove_captions(self, source: str) -> int:
        """Take out the captions of a source and those under its name; returns how many."""
        removed = self._catalog.remove_captions(source)
        for space in self._library.spaces():
            self._index_captions(space)
        return removed

    def embed_captions(
        self, space: Space, encode: Callable[[Sequence[str]], Vectors] | None = None
    ) -> None:
        """Encode every caption the space has no vector of, and match them with the pictures.

        `encode` makes unit rows, shape (n, d), of texts in the place of the space's encoder. From
        100,000 on captions get an index, which is brought up to date.
        """
        while missing := self._catalog.captions_without_vector(space.info, CAPTION_BATCH):
            encoded = encode or self._library.encoders.for_texts(space).encode_texts
            vectors = encoded([caption.text for caption in missing])
            self._catalog.record_caption_vectors(
                space.info,
                [caption.id for caption in missing],
                _appending(space.captions, vectors),
            )
        measure_matching(
            space, lambda texts: self._library.encoders.for_texts(space).encode_texts(texts)
        )
        self._index_captions(space)

    def _index_captions(self, space: Space) -> None:
        try:
            space.refresh_caption_index()
        except MissingExtraError as error:
            log.warning("%s", error)

    def measure_relevance(self, space: Space) -> None:
        """Measure where the matches of texts end, once a space has changed by a tenth.

        Where the encoder that this takes is not to be had, that is said, and the next run tries
        again: the images are saved in any case.
        """
        encoders = self._library.encoders
        try:
            from searchengine.relevance.measuring import measure_statistics

            measure_statistics(space, lambda texts: encoders.for_texts(space).encode_texts(texts))
        except EncoderError as error:
            log.warning("searches cannot tell yet what matches: %s", error)

    def complete_words(self) -> None:
        """Keep the words of images where a version kept none, or read them otherwise; says so."""
        if self._catalog.setting(COMPLETE) != READING:
            log.warning("keeping the words of names and captions, which searches find from now on")
            self._catalog.rewrite_words()

    def complete_checksums(self, space: Space) -> None:
        """Record the checksums of rows that a version wrote which kept none; says so."""
        for file, rows in (
            (space.images, self._catalog.rows(space.info)),
            (space.captions, self._catalog.caption_rows(space.info)),
        ):
            known = self._catalog.checksums(space.info, file.path.name)
            lacking = [block for block, size in blocks_of(rows) if _rows_of(known, block) != size]
            if lacking:
                log.warning(
                    "keeping checksums of %s in space %s, which had none: clipseek check holds the "
                    "files against them from now on",
                    file.path.name,
                    space.info.name,
                )
                found = list(file.checksums(rows, lacking))
                self._catalog.keep_checksums(space.info, file.path.name, found)


def _rows_of(known: Mapping[int, BlockChecksum], block: int) -> int:
    return known[block].rows if block in known else 0


def _with_looks(space: Space, looks: Sequence[Looks | None], vectors: Vectors) -> Append:
    """Appends the vectors of images; their looks go to the same rows, those of none as unknown."""
    kept = np.zeros(len(vectors), dtype=LOOK)
    for place, look in enumerate(looks):
        if look is not None:
            kept[place] = look
    append_vectors = _appending(space.images, vectors)

    def append(rows: int, last: BlockChecksum | None) -> Sequence[BlockChecksum]:
        space.looks.write(rows, kept)
        return append_vectors(rows, last)

    return append


def _appending(file: VectorFile, vectors: Vectors) -> Append:
    def append(rows: int, last: BlockChecksum | None) -> list[BlockChecksum]:
        return file.append(vectors, rows=rows, last=last)

    return append
