"""Why files failed, counted, and what a person can do about it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from searchengine.errors import pip_install
from searchengine.images.packages import EXTRAS
from searchengine.types import FailureKind

_LIMIT = re.compile(r"over the limit of (?P<limit>.+); raise it with (?P<flag>--\S+) (?P<to>\S+)$")
_PACKAGE = re.compile(r"needs (?P<package>[\w-]+)")
_UNITS = {"K": 10**3, "M": 10**6, "G": 10**9}

_PLAIN = {
    FailureKind.UNREADABLE: ("unreadable", None),
    FailureKind.TOO_MANY_PIXELS: ("with too many pixels", None),
    FailureKind.TOO_LARGE: ("too large", None),
    FailureKind.NEEDS_PACKAGE: ("need a package", None),
    FailureKind.FILE_SYSTEM: ("not read from the disk", "tried again by the next run"),
    FailureKind.MEMORY: ("too large for the memory", "tried again by the next run"),
    FailureKind.NAME: ("with a name that is not valid UTF-8", "rename them"),
    FailureKind.ENCODER: ("refused by the encoder", None),
    FailureKind.CATALOG: ("that the catalog cannot hold", None),
    FailureKind.UNKNOWN: ("from before reasons were sorted", "tried again by the next run"),
}


@dataclass(frozen=True, slots=True)
class Reason:
    """How many files failed for one reason."""

    kind: FailureKind
    files: int
    what: str
    """Goes after the number: "need pillow-heif"."""
    way_out: str | None
    """A command, flags for the next run, or what happens by itself; None where nothing helps."""

    def __str__(self) -> str:
        return f"{self.files:,} {self.what}" + (f": {self.way_out}" if self.way_out else "")


def count_reasons(failures: Iterable[tuple[FailureKind, str]]) -> tuple[Reason, ...]:
    """Failures by what is to be done about them, most files first.

    Limits are told in the reasons, of which the one that needs most is taken.
    """
    counts: dict[tuple[FailureKind, str], int] = {}
    ways_out: dict[tuple[FailureKind, str], str | None] = {}
    for kind, reason in failures:
        what, way_out = _sorted(kind, reason)
        key = kind, what
        counts[key] = counts.get(key, 0) + 1
        ways_out[key] = max(way_out, ways_out.get(key), key=_needed)
    return tuple(
        Reason(kind, files, what, ways_out[kind, what])
        for (kind, what), files in sorted(counts.items(), key=lambda item: -item[1])
    )


def _sorted(kind: FailureKind, reason: str) -> tuple[str, str | None]:
    """What a failure is counted as, and the way out."""
    limit = _LIMIT.search(reason)
    if kind is FailureKind.TOO_MANY_PIXELS and limit:
        return f"over {limit['limit']} megapixels", f"{limit['flag']} {limit['to']}"
    if kind is FailureKind.TOO_LARGE and limit:
        return f"over {limit['limit']}", f"{limit['flag']} {limit['to']}"
    package = _PACKAGE.search(reason)
    if kind is FailureKind.NEEDS_PACKAGE and package and package["package"] in EXTRAS:
        return f"need {package['package']}", pip_install(EXTRAS[package["package"]])
    return _PLAIN[kind]


def _needed(way_out: str | None) -> float:
    """The number that a way out ends in."""
    number = re.search(r" ([\d.]+)([KMG]?)$", way_out or "")
    return float(number[1]) * _UNITS.get(number[2], 1) if number else 0.0
