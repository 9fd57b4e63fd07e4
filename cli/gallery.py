"""Hits as one HTML page that needs nothing else: no network, no script, no file beside it."""

from __future__ import annotations

import base64
import io
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from PIL import Image

from searchengine.decode import MAX_MEGAPIXELS, read_image
from searchengine.errors import ClipseekError, InputError
from searchengine.suffixes import is_image_name
from searchengine.types import SearchHit

THUMBNAIL_SIDE = 360
"""Pixels of the longer side: about what a tile takes on a screen, at 15 to 30 KB."""

THUMBNAIL_QUALITY = 80
"""Of JPEG: every browser shows it and every build of Pillow writes it."""

NARROWEST, WIDEST = 0.56, 2.5
"""Width over height of a tile: a caption fits the narrowest (9:16), a row of a phone the widest.
Pictures beyond are shown whole inside the tile."""

THREADS = min(4, os.cpu_count() or 1)
"""Decoders at work: more gain little, and each may hold a full-size picture."""

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
    if is_image_name(path.name):
        raise InputError(f"{path}: a page does not replace an image; name a file like hits.html")
    lines = _page(query, hits)
    try:
        if path.exists() and not path.is_file():  # such as /dev/stdout: never renamed over
            _write(path, lines)
            return
        target = path.resolve()  # a link stays a link
        part = target.with_name(f".clipseek-{os.getpid()}.part")
        try:
            _write(part, lines)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        why = error.strerror or str(error)
        raise InputError(f"cannot write the page {path}: {why}; choose another FILE") from error


def _write(path: Path, lines: Iterable[str]) -> None:
    # File names that are not UTF-8 come as lone surrogates, which cannot be written.
    with path.open("w", encoding="utf-8", errors="replace", newline="\n") as page:
        page.writelines(lines)


def _page(query: str, hits: Sequence[SearchHit]) -> Iterator[str]:
    template = files("cli").joinpath("gallery.html").read_text(encoding="utf-8")
    values = {
        "query": escape(" ".join(query.split())),
        "count": "1 hit" if len(hits) == 1 else f"{len(hits) or 'No'} hits",
        "kind": "some" if hits else "none",
        "today": date.today().isoformat(),
    }
    head, foot = (Template(half).substitute(values) for half in template.split("<!-- hits -->\n"))
    yield head
    if hits:
        yield from _tiles(hits)
    else:
        yield _NO_HITS
    yield foot


def _tiles(hits: Sequence[SearchHit]) -> Iterator[str]:
    yield '<ol role="list">\n'
    pool = ThreadPoolExecutor(THREADS, "thumbnail")
    try:
        for hit, preview in zip(hits, pool.map(_preview, hits), strict=True):
            yield _tile(hit, preview)
    finally:
        pool.shutdown(cancel_futures=True)  # the disk is full, or Ctrl-C: decode no more
    yield "</ol>\n"


def _tile(hit: SearchHit, preview: _Preview) -> str:
    moment = hit.taken_at or hit.modified_at
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
        moment_kind="taken" if hit.taken_at else "file last changed",
        day=moment.date().isoformat(),
        width=hit.width,
        height=hit.height,
    )


def _preview(hit: SearchHit) -> _Preview:
    # A picture that was indexed may be shown, whatever its size; what replaced it may not.
    allowed = max(MAX_MEGAPIXELS, hit.width * hit.height / 1e6)
    try:
        picture, _ = read_image(
            hit.path.read_bytes(),
            name=hit.path.name,
            input_size=THUMBNAIL_SIDE,
            max_megapixels=allowed,
        )
    except OSError as error:
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            return _placeholder(hit, "File is gone", "moved or deleted since it was indexed")
        return _placeholder(hit, "Cannot be opened", error.strerror or str(error))
    except ClipseekError as error:
        return _placeholder(hit, "Cannot be read", str(error), is_there=True)
    picture.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS, reducing_gap=3)
    width, height = picture.size
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=THUMBNAIL_QUALITY, optimize=True)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    image = (
        f'<img src="data:image/jpeg;base64,{data}" width="{width}" height="{height}" '
        f'alt="{escape(hit.path.name)}">'
    )
    return _Preview(width / height, image, is_there=True)


def _placeholder(hit: SearchHit, what: str, why: str, *, is_there: bool = False) -> _Preview:
    picture = f'<span class="missing"><b>{what}</b> <bdi>{escape(why)}</bdi></span>'
    return _Preview(hit.width / max(hit.height, 1), picture, is_there)
