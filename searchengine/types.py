"""Values that cross module borders: frozen, plain, without behaviour."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from searchengine.geography import Near

Vectors: TypeAlias = NDArray[np.float32]
"""Unit rows, shape (n, d), float32, C-contiguous."""

Pixels: TypeAlias = NDArray[np.uint8]
"""One picture at the encoder's input size, shape (h, w, 3), RGB, 0 to 255."""


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What a file says about the picture in it. Sizes are in pixels, as displayed upright."""

    width: int
    height: int
    format: str
    """Pillow's name of the format: "JPEG", "PNG", ..."""
    taken_at: datetime | None = None
    """Local time of exposure, without a time zone, as cameras write it."""
    camera: str | None = None
    """Maker and model in one string, for example "Canon EOS 5D"."""
    latitude: float | None = None
    """Degrees north, in [-90, 90]."""
    longitude: float | None = None
    """Degrees east, in [-180, 180]."""
    taken_from: str | None = None
    """Where the date is from: "exif", one of `ORIGINS`, or "name" (of the file); None where there
    is none."""


ORIGINS = ("sidecar", "xmp", "iptc", "exif", "png")
"""What metadata is read from: the XMP file beside a picture, and kinds of it in the file."""

KEYWORDS = " keywords"
"""Behind an origin in the source of a text that is a list of keywords."""

READ = "ocr"
"""The source of what was read in a picture."""

PLACE = "place"
"""The source of the name of the place where a picture was taken."""

MODEL = "model "
"""In front of a model's name: the source of what it said of a picture."""


@dataclass(frozen=True, slots=True)
class SourcedText:
    """What is written about an image, and where it is from."""

    text: str
    source: str
    """`file` (of `captions add`), one of `ORIGINS`, also with `KEYWORDS` behind it, `READ`,
    `PLACE`, or `model NAME`."""


@dataclass(frozen=True, slots=True)
class Written:
    """What the metadata of a picture says."""

    texts: tuple[SourcedText, ...] = ()
    taken_at: datetime | None = None
    """Local time, without a time zone. What EXIF says comes before it."""
    taken_from: str | None = None
    """One of `ORIGINS`, or "name"."""
    position: tuple[float, float] | None = None
    """Degrees north and east. What EXIF says of this and of the camera comes before it too."""
    camera: str | None = None
    """As in `ImageFacts`."""


@dataclass(frozen=True, slots=True)
class TextHit:
    """One ranked text for an image. `score` is the cosine, in [-1, 1]; `rank` counts from 1."""

    rank: int
    score: float
    text: str


@dataclass(frozen=True, slots=True)
class Matched:
    """What found an image beside its picture."""

    kind: str
    """"caption", "text" (read in the picture), "place" (where it was taken) or "name" (of the file
    and its folders)."""
    text: str
    """The piece of text, as it is stored; of a name the whole path."""
    by_words: bool = False
    """Whether words of the query stand in it, and not only its meaning is near."""


class Likeness(Enum):
    """What two images of one stack have in common; the nearest first."""

    EXACT = "exact"
    """Every byte of their files."""
    NEAR = "near"
    """They are one picture: saved anew, scaled, in other tones, lightly cropped."""
    MOMENT = "moment"
    """They are other pictures of one moment: a burst, RAW and JPEG, an edit; or one is a copy of a
    copy of the other, and none of the other itself."""


@dataclass(frozen=True, slots=True)
class Stacked:
    """An image that another one stands for."""

    id: int
    path: str
    likeness: Likeness
    """To the one that stands for it."""


class Orientation(Enum):
    """The shape of a picture as displayed upright."""

    LANDSCAPE = "landscape"
    PORTRAIT = "portrait"
    SQUARE = "square"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which images may be hits. Every condition that is set must hold."""

    under: Path | None = None
    """Only images in this directory or below it."""
    after: datetime | None = None
    """Only images taken at or after this local time (file time where EXIF has none)."""
    before: datetime | None = None
    """Only images taken before this local time (file time where EXIF has none)."""
    camera: str | None = None
    """Only images whose camera contains this text, ignoring case."""
    orientation: Orientation | None = None
    """Only images of this shape."""
    dated: bool | None = None
    """Only images that a camera dated, or only those without such a date."""
    label: str | None = None
    """Only images that have this label, by any label set, ignoring the case of ASCII letters."""
    near: Near | None = None
    """Only images that were taken there, as their files say."""
    place: str | None = None
    """Only images taken at a place of this name, as "Lisbon" or "Portugal", or the whole of it, as
    "Paris, Texas, United States"; ignoring the case of ASCII letters."""
    album: str | None = None
    """Only images in the album of this name."""


@dataclass(frozen=True, slots=True)
class SpaceInfo:
    """One encoder's part of a library, as the catalog records it."""

    id: int
    name: str
    """Directory-safe name, unique in the library."""
    encoder: str
    """The name `load_encoder` takes."""
    dim: int
    precision: str
    fingerprint: str
    """Short hash of the weights that made the vectors."""


class FailureKind(Enum):
    """What kept a file from being indexed."""

    UNREADABLE = "unreadable"
    """Its bytes are no picture, or a broken one."""
    TOO_MANY_PIXELS = "too many pixels"
    TOO_LARGE = "too large"
    """More bytes than are read."""
    NEEDS_PACKAGE = "needs a package"
    """The package that reads its format is not installed."""
    FILE_SYSTEM = "file system"
    """The disk or the permissions: nothing that the file itself says."""
    MEMORY = "memory"
    """There was not enough of it."""
    NAME = "name"
    """It is not valid UTF-8."""
    ENCODER = "encoder"
    """The encoder makes no vector of it."""
    CATALOG = "catalog"
    """The catalog cannot hold what the file says of itself."""
    UNKNOWN = ""
    """It failed before kinds were kept."""


@dataclass(frozen=True, slots=True)
class BlockChecksum:
    """What a block of rows of a vector file held when it was written."""

    block: int
    """From 0."""
    rows: int
    """Rows of the block that count: all but the last block are full."""
    crc: int
    """CRC-32 of their bytes."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that could not be indexed, and why."""

    path: str
    kind: FailureKind
    reason: str
    tried_with: str
    """What the outcome depended on beside the file: limits, and versions of what reads pictures."""
    failed_at: datetime


LARGEST_INTEGER = 2**63 - 1
"""What the catalog can hold. As nanoseconds since 1970 that is in April 2262."""


@dataclass(frozen=True, slots=True)
class Excluded:
    """A picture, or a folder with all that is in it, that was left out of the library."""

    path: str
    reason: str
    """The rule that left it out."""


@dataclass(frozen=True, slots=True)
class FileState:
    """A file as the disk shows it: enough to tell whether it changed.

    Numbers are cut to what the catalog holds: file systems keep times from 1601 to after 2400.
    States are equal where path, size and modification time are.
    """

    path: str
    """Absolute."""
    size: int
    """Bytes."""
    mtime_ns: int
    """Modification time in nanoseconds since 1970, within 64 bits. Programs may set it."""
    ctime_ns: int | None = field(default=None, compare=False)
    """As that, when the system last saw the file or what is kept about it change: no program sets
    it, and a new name or other rights change it too. None where it is not known."""

    def __post_init__(self) -> None:
        for name in ("size", "mtime_ns", "ctime_ns"):
            value = getattr(self, name)
            if value is not None and not -LARGEST_INTEGER <= value <= LARGEST_INTEGER:
                cut = max(-LARGEST_INTEGER, min(value, LARGEST_INTEGER))
                object.__setattr__(self, name, cut)


@dataclass(frozen=True, slots=True)
class ImageEntry:
    """An image to record: its file, what is in it, and the record it replaces, if any."""

    file: FileState
    content_hash: bytes
    facts: ImageFacts
    image_id: int | None = None
    """The record of this path, where the catalog has one."""


class _UrlPath(type(Path())):  # type: ignore[misc]
    """A path that is written with both slashes behind the scheme, of which pathlib keeps one."""

    def __str__(self) -> str:
        return str(super().__str__()).replace(":/", "://", 1)


def listed_path(path: str) -> Path:
    """The path of an image as a library lists it: of a file, or written as a URL."""
    listed: Path = _UrlPath(path) if "://" in path else Path(path)
    return listed


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """What the catalog lists of an image: its file as it was indexed, and what is in it."""

    id: int
    file: FileState
    content_hash: bytes
    facts: ImageFacts

    @property
    def path(self) -> Path:
        """Where the file is: absolute, or a URL."""
        return listed_path(self.file.path)

    @property
    def modified_at(self) -> datetime:
        """Modification time of the file, local time."""
        return datetime.fromtimestamp(self.file.mtime_ns / 1e9)
