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

THUMBNAIL_SIDE = 360
"""Pixels of the longer side: about what a tile takes on a screen, at 15 to 30 KB."""

NARROWEST, WIDEST = 0.56, 2.5
"""Width over height of a tile: a caption fits the narrowest (9:16), a row of a phone the widest.
Pictures beyond are shown whole inside the tile."""


@dataclass(frozen=True, slots=True)
class Tile:
    """What the page shows of a hit."""

    rank: int
    score: float
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


def write_gallery(path: Path, query: str, hits: Sequence[SearchHit]) -> None:
    """Write `hits`, in their order, as a self-contained page at `path`, over what was there.

    Thumbnails come from the files as they are now; a file that is gone or unreadable gets a tile
    that says so. An ordinary file is written beside and renamed, so `path` is never half a page.

    Raises InputError where `path` cannot be written or has the name of an image.
    """
    write_page(path, _page(query, hits), "hits.html")


def _page(query: str, hits: Sequence[SearchHit]) -> Iterator[str]:
    shown = " ".join(query.split())
    with decoders() as pool:
        yield from render(
            "gallery.html",
            title=shown,
            query=shown,
            count=len(hits),
            tiles=map(_tile, hits, pool.map(_thumbnail, hits)),
            today=date.today().isoformat(),
        )


def _tile(hit: SearchHit, shown: Thumbnail | NoThumbnail) -> Tile:
    facts, name = hit.image.facts, hit.path.name
    width, height, is_there = facts.width, facts.height, True
    if isinstance(shown, Thumbnail):
        width, height = shown.width, shown.height
    else:
        is_there = shown.is_there
    return Tile(
        rank=hit.rank,
        score=hit.score,
        path=hit.path,
        name=name,
        name_parts=re.split(r"(?<=_)|(?=\.)", name),
        address=hit.path.absolute().as_uri() if is_there else "",
        thumbnail=shown,
        ratio=min(max(width / max(height, 1), NARROWEST), WIDEST),
        width=facts.width,
        height=facts.height,
        moment=facts.taken_at or hit.image.modified_at,
        moment_kind="taken" if facts.taken_at else "file last changed",
    )


def _thumbnail(hit: SearchHit) -> Thumbnail | NoThumbnail:
    # A picture that was indexed may be shown, whatever its size; what replaced it may not.
    facts = hit.image.facts
    allowed = max(MAX_MEGAPIXELS, facts.width * facts.height / 1e6)
    return thumbnail_of(hit.path, THUMBNAIL_SIDE, max_megapixels=allowed)
