"""Values in JSON's own types: how the command line and the web answer programs."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from searchengine.types import SearchHit

HIT_FIELDS = ("rank", "score", "id", "path", "width", "height", "taken_at")
"""What a program is told of a hit, in this order."""


def hit_record(hit: SearchHit) -> dict[str, Any]:
    """A hit as a JSON object with the keys of `HIT_FIELDS`."""
    return {name: plain(getattr(hit, name)) for name in HIT_FIELDS}


def plain(value: Any) -> Any:  # noqa: ANN401 - a dataclass, or plain values
    """The value in JSON's types: dataclasses to objects, paths and times to text."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value
