"""`columns.json`: which state of the catalog the columns of a space are, and where they lie."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from searchengine.files import read_small

HEAD = "columns.json"

FORMAT = 2
"""Of the columns. Those of another format are as none, and made anew."""

_PLACE = re.compile(r"columns-[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of the columns; nothing else says how much of their files counts."""

    state: str
    """Of the catalog: its setting `filtered`."""
    place: str
    """The directory of their files, in that of the space."""
    rows: int
    folders: int
    """Bytes of the names of folders."""
    cameras: int
    labelled: int
    """Bytes of what labels images have together."""
    crcs: tuple[int, int, int]
    """CRC-32 of the three files of names."""


def read_head(directory: Path) -> Head | None:
    """Of the columns in the directory of a space; None where there are none."""
    try:
        said = json.loads(read_small(directory / HEAD, most=1_000))
        if said.pop("format") != FORMAT:
            return None
        head = Head(**{**said, "crcs": tuple(said["crcs"])})
        numbers = (head.rows, head.folders, head.cameras, head.labelled, *head.crcs)
        is_right = (
            all(type(number) is int and 0 <= number < 2**62 for number in numbers)
            and len(head.crcs) == 3
            and type(head.state) is str
            and _PLACE.fullmatch(head.place) is not None
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return head if is_right else None


def head_bytes(head: Head) -> bytes:
    """The bytes of a `columns.json`."""
    return json.dumps({"format": FORMAT, **asdict(head)}).encode()


def places(directory: Path) -> list[Path]:
    """The directories of columns in that of a space."""
    return [path for path in directory.glob("columns-*") if _PLACE.fullmatch(path.name)]
