"""The values that only the catalog takes and hands out. Those of other rooms are in `types.py`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeAlias

from searchengine.types import (
    BlockChecksum,
    FailureKind,
    FileState,
    ImageEntry,
    ImageFacts,
    Orientation,
    Written,
)

METADATA = "metadata"
"""The reader of what is written in picture files and beside them."""


class Known(NamedTuple):
    """An image the catalog lists, as the plan needs it."""

    id: int
    size: int
    mtime_ns: int
    has_vector: bool
    """Whether the space asked about holds its vector."""
    ctime_ns: int | None = None
    """None where it was listed before schema 3 and no run has come by since."""
    metadata: str | None = None
    """The state of its sidecar when its metadata was read; None where it never was."""


@dataclass(frozen=True, slots=True)
class SameContent:
    """An image with the same content whose vector is in the space already."""

    image_id: int
    path: str
    row: int
    facts: ImageFacts


@dataclass(frozen=True, slots=True)
class FailedFile:
    """A file that could not be indexed: as it was then, and why."""

    file: FileState
    kind: FailureKind
    reason: str
    """One line."""
    tried_with: str = ""
    """What the outcome depended on beside the file, in a form that can be compared."""


@dataclass(frozen=True, slots=True)
class PassedOver:
    """How many files of one suffix an index run passed over below a root, and why."""

    root: str
    suffix: str
    """In lower case, with the dot; empty for names without one and for those too odd to tell."""
    reason: str
    files: int


@dataclass(frozen=True, slots=True)
class Reading:
    """The metadata of an image, as it was read."""

    path: str
    state: str
    """Of the sidecar."""
    written: Written


@dataclass(frozen=True, slots=True)
class Found:
    """What a reader found in an image, or why it could not be read."""

    image_id: int
    texts: tuple[str, ...]
    failure: str | None = None
    """One line."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction of an index run records."""

    added: Sequence[ImageEntry] = ()
    moved: Sequence[tuple[int, FileState]] = ()
    """Image ids and the files that hold them now: same content at another path or time."""
    failed: Sequence[FailedFile] = ()
    removed: Sequence[int] = ()
    """Ids of images whose files are gone."""
    read: Sequence[Reading] = ()
    """The metadata of images that are listed then."""

    def __bool__(self) -> bool:
        return bool(self.added or self.moved or self.failed or self.removed or self.read)


@dataclass(frozen=True, slots=True)
class Freed:
    """Rows of a vector file that become dead, and checksums of its blocks from then on."""

    file: str
    rows: Sequence[int]
    blocks: Sequence[BlockChecksum]


Append: TypeAlias = Callable[[int, BlockChecksum | None], Sequence[BlockChecksum]]
"""Writes the vectors of a batch behind so many rows, of which the checksum of the last block is
given where it is known, and returns the checksums of the blocks they lie in."""


@dataclass(frozen=True, slots=True)
class CaptionedText:
    """A stored caption."""

    id: int
    text: str


@dataclass(frozen=True, slots=True)
class Facets:
    """Counts of images for the choices of a filter. Choices without an image are left out."""

    total: int
    """Images that pass the whole filter."""
    root: Path | None
    """The deepest folder above all images, whatever the filter; None in an empty library."""
    folders: list[tuple[Path, int]]
    """The folders right below the filter's folder, or below `root`, by name."""
    years: list[tuple[int, int]]
    """Latest first; of the file where EXIF has no date."""
    undated: int
    """Images where EXIF has no date, whatever the filter asks of dates."""
    cameras: list[tuple[str, int]]
    """Most images first."""
    orientations: list[tuple[Orientation, int]]
    labels: list[tuple[str, int]]
    """By all label sets together, most images first; of the most frequent ones."""
    places: list[tuple[str, int]]
    """Where they were taken, by the whole name of the place; most images first."""
    albums: list[tuple[str, int]] = field(default_factory=list)
    """Of images that were picked by hand, by name."""
    above: list[tuple[Path, int]] = field(default_factory=list)
    """From `root` down to the filter's folder, with the images that each would leave; none where
    the filter names no folder below `root`."""
