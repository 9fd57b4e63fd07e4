"""What is known of an approximate index: how it was chosen, what it covers, how it is searched."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

INDEX_FILE = "index.faiss"
"""The first name that the file of an index gets."""

DEAD_SHARE = 0.2
"""Share of the rows in the index that may be dead before it is built anew without them: they take
room, and as much of the time of a query."""


class Modality(Enum):
    """What a query is made of. Texts lie outside the cloud of the images, and lose more."""

    TEXT = "text"
    IMAGE = "image"


class Step(Enum):
    """What an index wants done to it."""

    NOTHING = "nothing"
    ADD = "add"
    BUILD = "build"


@dataclass(frozen=True, slots=True)
class IndexPlan:
    """What to build, and every figure it was chosen on."""

    factory: str
    """In FAISS's notation, as `IVF2048,PQ64np`."""
    cells: int
    training_rows: int
    rows: int
    """Rows it was chosen for and trained among."""
    dim: int
    bytes: int | None
    """What it should take; None for a factory that somebody else chose."""
    memory: int | None
    """The most bytes it might take, or None where nobody set a limit."""
    forced: bool
    """Whether somebody else chose the factory."""


@dataclass(frozen=True, slots=True)
class Setting:
    """How an index is searched."""

    nprobe: int
    """Cells that a query visits."""
    shortlist: int
    """Rows that are scored again exactly, at least; ten times k where that is more."""


@dataclass(frozen=True, slots=True)
class TunedSetting:
    """A setting, and what was measured of it on queries that it was not chosen on."""

    nprobe: int
    shortlist: int
    k: int
    target: float
    """The agreement@k asked for, in (0, 1]."""
    agreement: float
    """Mean share of the exact first k that the index finds, in [0, 1]."""
    p50_ms: float
    """Median time to rank one query, without encoding it and without reading the catalog."""
    p99_ms: float
    queries: int
    """Queries it was measured on; as many others chose it."""
    source: str
    """Where they are from, in words."""
    rows: int
    """Rows in the library at that time."""

    @property
    def setting(self) -> Setting:
        """The part that a search needs."""
        return Setting(self.nprobe, self.shortlist)

    @property
    def reached(self) -> bool:
        """Whether the agreement measured is the one asked for."""
        return self.agreement >= self.target


@dataclass(frozen=True, slots=True)
class IndexFacts:
    """What `index.json` says of the index beside it."""

    plan: IndexPlan
    covered: int
    """Rows 0 to `covered` - 1 are looked after; later ones are not in it."""
    listed: int
    """Rows in it: those that were alive when they were added."""
    bytes: int
    """Size of the file."""
    build_seconds: float
    text: TunedSetting | None = None
    image: TunedSetting | None = None
    file: str = INDEX_FILE
    """Its name in the directory of the space."""
    crc: int | None = None
    """CRC-32 of its bytes; None where a version that kept none wrote it."""
    made_of: str | None = None
    """A note of the rows it covers, of whoever keeps them; None where nobody noted any."""


@dataclass(frozen=True, slots=True)
class IndexInfo:
    """How a space is searched, for people and programs."""

    space: str
    rows: int
    """Rows with a vector, dead ones included."""
    dead: int
    """Rows whose images are gone; no search shows them."""
    uncovered: int
    """Rows outside the index, which every search scans."""
    index: IndexFacts | None
    """None where every row is scanned."""
    text: Setting | None
    """How it is searched for texts; for mixed queries the larger of each number."""
    image: Setting | None
    """How it is searched for images; None where every row is scanned."""
