"""Whether a library is what was written: the catalog, every row, what is derived, and the files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from searchengine.alignment.kept import fault_of_alignment
from searchengine.alignment.ranking import FILE as ALIGNMENT_FILE
from searchengine.columns.head import HEAD
from searchengine.embedding.outcomes import Observer
from searchengine.encoders.text.encoder import TOWER_FILE, fault_of_tower
from searchengine.errors import LibraryDamagedError, LibraryError, MissingExtraError, reason_of
from searchengine.files import content_hash_of, file_state
from searchengine.library.layout import CATALOG
from searchengine.library.learned.derived import lost
from searchengine.library.places import LINKS, MOUNTS, ROOTS
from searchengine.library.status import EXCLUDES
from searchengine.looks.kept import LOOKS_FILE
from searchengine.relevance.kept import FILE as STATISTICS_FILE
from searchengine.relevance.kept import fault_of_statistics
from searchengine.spaces.following import fault_of_columns
from searchengine.spaces.space import Space
from searchengine.spaces.stacked import STACKS_FILE
from searchengine.types import BlockChecksum, FileState
from searchengine.vectors.checksums import blocks_of
from searchengine.vectors.damage import BadBlock, bad_blocks
from searchengine.vectors.file import VectorFile

if TYPE_CHECKING:
    from searchengine.library.library import Library


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is not as it was written."""

    where: str
    """The file: inside the library, or of an image."""
    why: str

    def __str__(self) -> str:
        return f"{self.where}: {self.why}"


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a check found."""

    path: Path
    images: int
    vectors: int
    """Of images and captions, dead ones left out."""
    files: int
    """Files of images that were read and held against what was indexed."""
    without_checksum: int
    """Blocks of vectors that a version wrote which kept none: the next index run does."""
    without_vector: int
    """Images that no search finds, as the space that answers has no vector of them: a repair that
    found no picture to encode again, or an index run that was cut short."""
    repaired: int
    """Vectors that were encoded again before."""
    faults: tuple[Fault, ...]
    unchecked: tuple[str, ...]
    """What could not be looked at on this machine, and why."""

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults


@dataclass(frozen=True, slots=True, eq=False)
class StoredRows:
    """The rows of one vector file of a space, as of one moment."""

    file: VectorFile
    rows: int
    """That count."""
    living: NDArray[np.int64]
    """Those that are an image's or a caption's, ascending."""
    known: dict[int, BlockChecksum]

    def bad_blocks(self) -> Iterator[BadBlock]:
        """As `searchengine.vectors.damage.bad_blocks`."""
        return bad_blocks(self.file, self.rows, self.living, self.known)

    @property
    def without_checksum(self) -> int:
        """Blocks that have none."""
        return sum(block not in self.known for block, _ in blocks_of(self.rows))


def stored_rows(space: Space) -> list[StoredRows]:
    """The vectors of images and those of captions. Raises LibraryDamagedError."""
    with space.catalog.snapshot() as now:
        images, captions = now.rows(space.info), now.caption_rows(space.info)
        of_images, _ = now.embedded_images(space.info)
        of_captions, _ = now.caption_texts(space.info)
        return [
            StoredRows(file, rows, living, now.checksums(space.info, file.path.name))
            for file, rows, living in (
                (space.images, images, of_images),
                (space.captions, captions, of_captions),
            )
        ]


def check(
    library: Library, *, read_data: bool, repair: bool, observer: Observer | None
) -> CheckReport:
    """Look at everything; `read_data` also at the file of every image, of which `observer` is told.

    Nothing is written, but for what `repair` mends before.
    """
    from searchengine.library.repair import repair as mend

    repaired = 0
    if repair:
        with library.writing() as writer:
            repaired = mend(library, writer, observer)
    faults = [Fault(CATALOG, why) for why in library.catalog.faults()]
    faults += _setting_faults(library)
    unchecked: list[str] = []
    images = vectors = without_checksum = without_vector = 0
    contents: Sequence[tuple[FileState, bytes]] = ()
    try:
        images = len(library)
        contents = library.catalog.contents() if read_data else ()
        spaces = library.spaces()
        for space in spaces[:1]:
            without_vector = images - library.catalog.vector_counts(space.info)[0]
        for space in spaces:
            for stored in stored_rows(space):
                vectors += len(stored.living)
                without_checksum += stored.without_checksum
                faults += _row_faults(library.path, stored)
            derived, missing = _derived_faults(space)
            faults += derived
            unchecked += missing
    except LibraryDamagedError as error:
        faults.append(Fault(CATALOG, error.why))
    if read_data and observer is not None:
        observer.planned(len(contents))
        observer.started()
    for file, content_hash in contents:
        why = _file_fault(file, content_hash)
        if why is not None:
            faults.append(Fault(file.path, why))
        if observer is not None:
            observer.advanced()
    return CheckReport(
        path=library.path,
        images=images,
        vectors=vectors,
        files=len(contents),
        without_checksum=without_checksum,
        without_vector=without_vector,
        repaired=repaired,
        faults=tuple(dict.fromkeys(faults)),
        unchecked=tuple(unchecked),
    )


def _setting_faults(library: Library) -> list[Fault]:
    catalog = library.catalog
    faults = []
    for name in (EXCLUDES, ROOTS, MOUNTS, LINKS):
        try:
            catalog.text_by_text(name) if name == LINKS else catalog.texts(name)
        except LibraryDamagedError as error:
            faults.append(Fault(CATALOG, error.why))
    return faults


def _row_faults(library: Path, stored: StoredRows) -> list[Fault]:
    where = str(stored.file.path.relative_to(library))
    try:
        return [Fault(where, str(bad)) for bad in stored.bad_blocks()]
    except LibraryDamagedError as error:
        return [Fault(where, error.why)]
    except LibraryError as error:
        return [Fault(where, str(error))]


def _derived_faults(space: Space) -> tuple[list[Fault], list[str]]:
    """Of all that is derived; and what could not be looked at."""
    place = space.directory.relative_to(space.library)
    faults = [Fault(str(place / file), why) for file, why in lost(space)]
    tower = fault_of_tower(space.info, space.directory)
    if tower is not None:
        faults.append(Fault(str(place / TOWER_FILE), tower))
    statistics = fault_of_statistics(space.info, space.directory, space.tied)
    if statistics is not None:
        faults.append(Fault(str(place / STATISTICS_FILE), statistics))
    alignment = fault_of_alignment(space.info, space.directory, space.tied)
    if alignment is not None:
        faults.append(Fault(str(place / ALIGNMENT_FILE), alignment))
    rows = space.catalog.rows(space.info)
    stacks = space.stacks.fault(rows)
    if stacks is not None:
        faults.append(Fault(str(place / STACKS_FILE), stacks))
    columns = fault_of_columns(space)
    if columns is not None:
        faults.append(Fault(str(place / HEAD), columns))
    if space.looks.is_damaged(rows):
        faults.append(Fault(str(place / LOOKS_FILE), "some of it is not as it was written"))
    try:
        for file, why in space.index_faults(rows, space.catalog.caption_rows(space.info)):
            where = str(file.relative_to(space.library))
            faults.append(Fault(where, f"the index is damaged: {why}"))
    except MissingExtraError as error:
        return faults, [f"the index of space {space.info.name}: {error}"]
    return faults, []


def _file_fault(file: FileState, content_hash: bytes) -> str | None:
    """What is wrong with the file of an image; None where it is as it was indexed."""
    try:
        status = os.stat(file.path)
        if content_hash_of(Path(file.path)) == content_hash:
            return None
    except OSError as error:
        return reason_of(error)
    now = file_state(file.path, status)
    if now != file or file.ctime_ns not in (None, now.ctime_ns):
        return "changed since it was indexed; bring the library up to date with: clipseek index"
    return (
        "its content is another than was indexed, though its size and times are not: restore it, "
        "or touch it and index it again"
    )
