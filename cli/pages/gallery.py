"""Hits as one HTML page that needs nothing else: no network, no script, no file beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from pathlib import Path
from string import Template

from cli.pages.page import Thumbnail, decoders, read_html, read_thumbnail, start_page, write_page
from searchengine.images.decode import MAX_MEGAPIXELS
from searchengine.retrieval.hits import SearchHit

THUMBNAIL_SIDE = 360
"""Pixels of the longer side: about what a tile takes on a screen, at 15 to 30 KB."""

NARROWEST, WIDEST = 0.56, 2.5
"""Width over height of a tile: a caption fits the narrowest (9:16), a row of a phone the widest.
Pictures beyond are shown whole inside the tile."""

_TILE = Template("""\
<li style="--ratio:$ratio"><$tag title="$path">
$picture
<span class="name"><b>$rank</b>&nbsp;<bdi>$name</bdi></span>
<span class="facts"><span title="cosine similarity">$score</span> \
<time datetime="$moment" title="$moment_kind">$day</time> \
<span>$width&nbsp;&times;&nbsp;$height</span></span>
</$end></li>
""")

_NO_HITS = """\
<p>Nothing in the library fits this search, or the filters leave nothing. What may help:</p>
<ul>
<li>Describe what the picture shows, in a few plain words: <q>a dog on the beach</q>.</li>
<li>Leave out some filters: <code>--under</code>, <code>--after</code>, <code>--before</code>,
<code>--camera</code>, or lower <code>--min-score</code>.</li>
<li>See what the library holds with <code>clipseek info</code>, and what it could not read with
<code>clipseek failures</code>.</li>
</ul>
"""


@dataclass(frozen=True, slots=True)
class _Preview:
    """What a tile shows of a file: a thumbnail, or the reason why there is none."""

    ratio: float
    """Width over height of the tile."""
    picture: str
    """HTML."""
    is_there: bool
    """Whether there is a file to link to."""


def write_gallery(path: Path, query: str, hits: Sequence[SearchHit]) -> None:
    """Write `hits`, in their order, as a self-contained page at `path`, over what was there.

    Thumbnails come from the files as they are now; a file that is gone or unreadable gets a tile
    that says so. An ordinary file is written beside and renamed, so `path` is never half a page.

    Raises InputError where `path` cannot be written or has the name of an image.
    """
    write_page(path, _page(query, hits), "hits.html")


def _page(query: str, hits: Sequence[SearchHit]) -> Iterator[str]:
    shown = " ".join(query.split())
    values = {
        "query": escape(shown),
        "count": "1 hit" if len(hits) == 1 else f"{len(hits) or 'No'} hits",
        "kind": "some" if hits else "none",
        "today": date.today().isoformat(),
    }
    halves = read_html("gallery.html").split("<!-- hits -->\n")
    top, foot = (Template(half).substitute(values) for half in halves)
    yield start_page(shown)
    yield top
    if hits:
        yield from _tiles(hits)
    else:
        yield _NO_HITS
    yield foot


def _tiles(hits: Sequence[SearchHit]) -> Iterator[str]:
    yield '<ol role="list">\n'
    with decoders() as pool:
        for hit, preview in zip(hits, pool.map(_preview, hits), strict=True):
            yield _tile(hit, preview)
    yield "</ol>\n"


def _tile(hit: SearchHit, preview: _Preview) -> str:
    moment = hit.image.facts.taken_at or hit.image.modified_at
    return _TILE.substitute(
        ratio=f"{min(max(preview.ratio, NARROWEST), WIDEST):.4f}",
        tag=f'a href="{escape(hit.path.absolute().as_uri())}"' if preview.is_there else "div",
        end="a" if preview.is_there else "div",
        path=escape(str(hit.path)),
        picture=preview.picture,
        rank=hit.rank,
        name=re.sub(r"(?<=_)|(?=\.)", "<wbr>", escape(hit.path.name)),  # where lines may break
        score=f"{hit.score:.3f}",
        moment=moment.isoformat(timespec="seconds"),
        moment_kind="taken" if hit.image.facts.taken_at else "file last changed",
        day=moment.date().isoformat(),
        width=hit.image.facts.width,
        height=hit.image.facts.height,
    )


def _preview(hit: SearchHit) -> _Preview:
    facts = hit.image.facts
    # A picture that was indexed may be shown, whatever its size; what replaced it may not.
    allowed = max(MAX_MEGAPIXELS, facts.width * facts.height / 1e6)
    shown = read_thumbnail(hit.path, THUMBNAIL_SIDE, max_megapixels=allowed)
    if isinstance(shown, Thumbnail):
        return _Preview(shown.width / shown.height, shown.html(hit.path.name), is_there=True)
    return _Preview(facts.width / max(facts.height, 1), shown.html(), shown.is_there)
