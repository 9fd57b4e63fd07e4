"""Hits as one HTML page that needs nothing else: no network, no script, no file beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from cli.pages.page import NoThumbnail, decoders, render, thumbnail_of, write_page
from searchengine.images.decode import MAX_MEGAPIXELS
from searchengine.images.thumbnails import Thumbnail
from searchengine.retrieval.hits import SearchHit
from searchengine.types import ImageRecord

THUMBNAIL_SIDE = 360
"""Pixels of the longer side: about what a tile takes on a screen, at 15 to 30 KB."""

NARROWEST, WIDEST = 0.56, 2.5
"""Width over height of a tile: a caption fits the narrowest (9:16), a row of a phone the widest.
Pictures beyond are shown whole inside the tile."""


@dataclass(frozen=True, slots=True)
class Tile:
    """What the page shows of a hit."""

    rank: int | None
    score: float | None
    """As a hit; None for what nothing ranks."""
    path: Path
    name: str
    name_parts: Sequence[str]
    """The name, in parts between which a line may break."""
    address: str
    """Of the file, for a link; empty where there is none to open."""
    thumbnail: Thumbnail | NoThumbnail
    ratio: float
    """Width over height of the tile."""
    width: int
    height: int
    """Of the image as it was indexed, in pixels."""
    moment: datetime
    moment_kind: str


def write_gallery(path: Path, query: str, shown: Sequence[SearchHit | ImageRecord]) -> None:
    """Write hits or images, in their order, as a self-contained page over what was at `path`.

    Thumbnails come from the files as they are now; a file that is gone or unreadable gets a tile
    that says so. An ordinary file is written beside and renamed, so `path` is never half a page.

    Raises InputError where `path` cannot be written or has the name of an image.
    """
    write_page(path, _page(query, shown), "hits.html")


def _page(query: str, shown: Sequence[SearchHit | ImageRecord]) -> Iterator[str]:
    said = " ".join(query.split())
    with decoders() as pool:
        yield from render(
            "gallery.html",
            title=said,
            query=said,
            count=len(shown),
            is_listed=any(isinstance(each, ImageRecord) for each in shown),
            tiles=map(_tile, shown, pool.map(_thumbnail, shown)),
            today=date.today().isoformat(),
        )


def _tile(of: SearchHit | ImageRecord, shown: Thumbnail | NoThumbnail) -> Tile:
    image = _image_of(of)
    facts, name = image.facts, image.path.name
    width, height, is_there = facts.width, facts.height, True
    if isinstance(shown, Thumbnail):
        width, height = shown.width, shown.height
    else:
        is_there = shown.is_there
    return Tile(
        rank=of.rank if isinstance(of, SearchHit) else None,
        score=of.score if isinstance(of, SearchHit) else None,
        path=image.path,
        name=name,
        name_parts=re.split(r"(?<=_)|(?=\.)", name),
        address=image.path.absolute().as_uri() if is_there else "",
        thumbnail=shown,
        ratio=min(max(width / max(height, 1), NARROWEST), WIDEST),
        width=facts.width,
        height=facts.height,
        moment=facts.taken_at or image.modified_at,
        moment_kind="taken" if facts.taken_at else "file last changed",
    )


def _image_of(shown: SearchHit | ImageRecord) -> ImageRecord:
    return shown.image if isinstance(shown, SearchHit) else shown


def _thumbnail(shown: SearchHit | ImageRecord) -> Thumbnail | NoThumbnail:
    image = _image_of(shown)
    # A picture that was indexed may be shown, whatever its size; what replaced it may not.
    facts = image.facts
    allowed = max(MAX_MEGAPIXELS, facts.width * facts.height / 1e6)
    return thumbnail_of(image.path, THUMBNAIL_SIDE, max_megapixels=allowed)
