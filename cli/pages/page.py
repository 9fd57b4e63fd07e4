"""What the pages have in common: one look, pictures inside, written whole or not at all."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from PIL import Image

from searchengine.errors import ClipseekError, InputError
from searchengine.images.decode import MAX_MEGAPIXELS, read_image
from searchengine.images.formats import is_image_name

THUMBNAIL_QUALITY = 80
"""Of JPEG: every browser shows it and every build of Pillow writes it."""

THREADS = min(4, os.cpu_count() or 1)
"""Decoders at work: more gain little, and each may hold a full-size picture."""


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small picture that travels inside the page."""

    data: str
    """A data: URI of JPEG."""
    width: int
    height: int

    def html(self, alt: str) -> str:
        """The picture as an element; `alt` is plain text."""
        return (
            f'<img src="{self.data}" width="{self.width}" height="{self.height}" '
            f'alt="{escape(alt)}">'
        )


@dataclass(frozen=True, slots=True)
class NoThumbnail:
    """Why a file cannot be shown."""

    what: str
    why: str
    is_there: bool
    """Whether there is a file to link to."""

    def html(self, alt: str = "") -> str:
        """A tile in place of the picture; `alt` is plain text that it carries as its title."""
        title = f' title="{escape(alt)}"' if alt else ""
        return (
            f'<span class="missing"{title}><b>{self.what}</b> <bdi>{escape(self.why)}</bdi></span>'
        )


def write_page(path: Path, lines: Iterable[str], example: str) -> None:
    """Write `lines` as a page at `path`, over what was there, beside it first and then renamed.

    So `path` is never half a page. A device such as /dev/stdout is written to as it is. Nothing
    is asked of `lines` before it is known that there is a place for them.

    Raises InputError where `path` cannot be written, or has the name of an image; the message
    gives `example` as a better name.
    """
    require_page_name(path, example)
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


def require_page_name(path: Path, example: str) -> None:
    """Raises InputError where `path` has the name of an image."""
    if is_image_name(path.name):
        raise InputError(f"{path}: a page does not replace an image; name a file like {example}")


def _write(path: Path, lines: Iterable[str]) -> None:
    # File names that are not UTF-8 come as lone surrogates, which cannot be written.
    with path.open("w", encoding="utf-8", errors="replace", newline="\n") as page:
        page.writelines(lines)


def start_page(title: str) -> str:
    """The shared head, with the palette, up to where a page adds its own; `title` is plain text."""
    return Template(read_html("page.html")).substitute(title=escape(title))


def read_html(name: str) -> str:
    """The text of a file of this package."""
    return files("cli.pages").joinpath(name).read_text(encoding="utf-8")


@contextmanager
def decoders() -> Iterator[ThreadPoolExecutor]:
    """Threads for thumbnails; on leaving, by an error too, those not begun are dropped."""
    pool = ThreadPoolExecutor(THREADS, "thumbnail")
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def read_thumbnail(
    path: Path, side: int, *, max_megapixels: float = MAX_MEGAPIXELS
) -> Thumbnail | NoThumbnail:
    """The file as it is now, its longer side at most `side` pixels, upright and without EXIF.

    Raises nothing: a file that cannot be shown comes as the reason.
    """
    try:
        picture, _ = read_image(
            path.read_bytes(), name=path.name, input_size=side, max_megapixels=max_megapixels
        )
    except OSError as error:
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            return NoThumbnail("File is gone", "moved or deleted", False)
        return NoThumbnail("Cannot be opened", error.strerror or str(error), False)
    except ClipseekError as error:
        return NoThumbnail("Cannot be read", str(error), True)
    picture.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=3)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=THUMBNAIL_QUALITY, optimize=True)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return Thumbnail(f"data:image/jpeg;base64,{data}", picture.width, picture.height)
