"""The library in numbers, as people read them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from searchengine.library.reasons import Reason, count_reasons
from searchengine.library.status import LibraryInfo, SpaceStatus
from searchengine.types import Failure
from serving.pages.facts import bytes_said

MOST_FAILED = 50
"""Files that are named; `clipseek failures` lists all."""


@dataclass(frozen=True, slots=True)
class Root:
    """A folder that was indexed."""

    path: str
    images: int
    href: str
    """The pictures in it."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a library holds."""

    facts: list[tuple[str, str]]
    """Names, and what they are."""
    roots: list[Root]
    reasons: Sequence[Reason]
    """Why files failed, most files first."""
    failed: list[Failure]
    """The first MOST_FAILED of them."""
    failures: int


def numbers_of(info: LibraryInfo, failures: Iterable[Failure]) -> Numbers:
    """The numbers of a library, and which of its files failed and why."""
    failed = list(failures)
    facts = [
        ("Pictures", f"{info.images:,}"),
        ("Captions", f"{info.captions:,}"),
        ("On disk", bytes_said(info.bytes)),
        ("Lies in", str(info.path)),
        *((f"Space {space.name}", _space(space)) for space in info.spaces),
    ]
    excluded = sum(number for _, number in info.excluded)
    if excluded:
        what = "picture or folder" if excluded == 1 else "pictures and folders"
        facts.append(("Left out", f"{excluded:,} {what}"))
    roots = [Root(root, n, f"/?{urlencode({'under': root})}") for root, n in info.roots]
    reasons = count_reasons((failure.kind, failure.reason) for failure in failed)
    return Numbers(facts, roots, reasons, failed[:MOST_FAILED], len(failed))


def _space(space: SpaceStatus) -> str:
    index = f"index over {space.indexed_rows:,}" if space.indexed_rows else "every one compared"
    return (
        f"{space.images:,} pictures and {space.captions:,} captions in {space.dim} dimensions, "
        f"{index}, {bytes_said(space.bytes)}"
    )
