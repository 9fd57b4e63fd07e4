"""Answers in JSON, and what several routes say of an image."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from starlette.responses import Response

from searchengine.jsonable import jsonable
from searchengine.types import ImageRecord

FOREVER = {"cache-control": "private, max-age=31536000, immutable"}
"""For what an address with a content hash in it gives: it never changes."""

VERSION_DIGITS = 16
"""Hexadecimal digits of the content hash in an address: enough that no two contents share them."""


class JsonResponse(Response):
    """JSON with every character outside ASCII escaped: file names may hold any bytes."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:  # noqa: ANN401 - what JSON takes
        """The value as it is sent."""
        return json.dumps(jsonable(content), allow_nan=False).encode("ascii")


def version_of(record: ImageRecord) -> str:
    """What the addresses of an image's pictures have in them, so that they may be kept forever."""
    return record.content_hash.hex()[:VERSION_DIGITS]


def thumbnail_url(record: ImageRecord, size: str = "small") -> str:
    """The address of a small picture of an image: of size "small" or "large"."""
    return f"/api/images/{record.id}/thumbnail?size={size}&v={version_of(record)}"


def file_url(record: ImageRecord) -> str:
    """The address of an image's file."""
    return f"/api/images/{record.id}/file?v={version_of(record)}"


def image_record(record: ImageRecord, base: str = "") -> dict[str, Any]:
    """What the API says of an image. Sizes in pixels, `bytes` of the file.

    `base` is what its addresses begin with.
    """
    facts = record.facts
    return {
        "id": record.id,
        "path": record.file.path,
        "name": Path(record.file.path).name,
        "bytes": record.file.size,
        "width": facts.width,
        "height": facts.height,
        "format": facts.format,
        "taken_at": jsonable(facts.taken_at),
        "modified_at": jsonable(record.modified_at.replace(microsecond=0)),
        "camera": facts.camera,
        "latitude": jsonable(facts.latitude),
        "longitude": jsonable(facts.longitude),
        "thumbnail": base + thumbnail_url(record),
        "file": base + file_url(record),
    }
