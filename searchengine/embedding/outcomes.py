"""What becomes of each of many image files, and who is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from searchengine.looks.look import Looks
from searchengine.types import FailureKind, ImageFacts

Job = TypeVar("Job")
Key = TypeVar("Key")
Stored = TypeVar("Stored")


class Observer(Protocol):
    """Who is told how a run over many files goes."""

    def planned(self, total: int) -> None:
        """The number of files that will be read."""

    def started(self) -> None:
        """The encoder is loaded. Never called where nothing needs it."""

    def advanced(self) -> None:
        """One of them is done with."""

    def skipped(self, path: str, reason: str) -> None:
        """A file or directory that cannot be used."""


@dataclass(frozen=True, slots=True)
class Encoded(Generic[Job, Key]):
    """A file that was decoded and encoded, or another of the same content."""

    job: Job
    key: Key
    facts: ImageFacts
    vector: NDArray[np.float32]
    """Unit vector, shape (d,)."""
    look: Looks | None = None
    """Shape (), where it was asked for."""
    is_copy: bool = False
    """Whether another file of the same content came out before."""


@dataclass(frozen=True, slots=True)
class KnownContent(Generic[Job, Key, Stored]):
    """A file whose content is known: nothing was decoded."""

    job: Job
    key: Key
    stored: Stored


@dataclass(frozen=True, slots=True)
class Failed(Generic[Job]):
    """A file that cannot be read, decoded or encoded, and why."""

    job: Job
    kind: FailureKind
    reason: str
    """One line."""


Outcome: TypeAlias = Encoded[Job, Key] | KnownContent[Job, Key, Stored] | Failed[Job]
