"""What the outcome of reading a file depends on beside the file, and who is tried again."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from searchengine.catalog.records import FailedFile
from searchengine.images.packages import package_versions
from searchengine.types import FailureKind, FileState

_PASSING = frozenset((FailureKind.FILE_SYSTEM, FailureKind.MEMORY, FailureKind.UNKNOWN))
"""Kinds that say nothing of the next time."""


@dataclass(frozen=True)
class Trial:
    """The limits and the encoder of a run, and the versions of what reads pictures.

    Those are looked up once, when they are first needed.
    """

    max_megapixels: float
    max_file_size: int
    """Bytes."""
    encoder: str

    @cached_property
    def _reading(self) -> str:
        versions = [f"{name} {version}" for name, version in package_versions().items()]
        limits = f"{self.max_megapixels:g} megapixels, {self.max_file_size} bytes"
        return ", ".join((*versions, limits))

    def tried_with(self, kind: FailureKind) -> str:
        """What a failure of this kind depended on: the encoder only where it came so far."""
        if kind is FailureKind.ENCODER:
            return f"{self._reading}, {self.encoder}"
        return self._reading

    def is_due(self, failed: FailedFile, now: FileState) -> bool:
        """Whether a file that failed may do better now.

        It may where it has changed, or what it was tried with, or where the fault was not its own.
        """
        changed = failed.file != now or failed.file.ctime_ns != now.ctime_ns
        return changed or self.may_differ(failed.kind, failed.tried_with)

    def may_differ(self, kind: FailureKind, tried_with: str) -> bool:
        """Whether the same file may do better: `tried_with` is of the time when it failed."""
        return kind in _PASSING or tried_with != self.tried_with(kind)
