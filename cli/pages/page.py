"""What the pages have in common: one look, pictures inside, written whole or not at all.

Pages are templates with autoescape; what is put into them is plain values.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import jinja2

from cli.output import ReaderGone
from searchengine.errors import ClipseekError, InputError
from searchengine.files import read_whole, written
from searchengine.images.decode import MAX_MEGAPIXELS
from searchengine.images.formats import is_image_name
from searchengine.images.thumbnails import Thumbnail, data_uri, read_thumbnail

THREADS = min(4, os.cpu_count() or 1)
"""Decoders at work: more gain little, and each may hold a full-size picture."""


@dataclass(frozen=True, slots=True)
class NoThumbnail:
    """Why a file cannot be shown."""

    what: str
    why: str
    is_there: bool
    """Whether there is a file to link to."""


def write_page(path: Path, lines: Iterable[str], example: str) -> None:
    """Write `lines` as a page at `path`, over what was there, beside it first and then renamed.

    So `path` is never half a page. A device such as /dev/stdout is written to as it is. Nothing
    is asked of `lines` before it is known that there is a place for them.

    Raises InputError where `path` cannot be written, or has the name of an image; the message
    gives `example` as a better name. Raises ReaderGone where it is a pipe that nobody reads.
    """
    if is_image_name(path.name):
        raise InputError(f"{path}: a page does not replace an image; name a file like {example}")
    try:
        with written(path) as place:
            _write(place, lines)
    except BrokenPipeError as error:
        raise ReaderGone from error
    except OSError as error:
        why = error.strerror or str(error)
        raise InputError(f"cannot write the page {path}: {why}; choose another FILE") from error


def _write(path: Path, lines: Iterable[str]) -> None:
    # File names that are not UTF-8 come as lone surrogates, which cannot be written.
    with path.open("w", encoding="utf-8", errors="replace", newline="\n") as page:
        page.writelines(lines)


def render(template: str, **values: object) -> Iterator[str]:
    """The page that a template makes of these values, piece by piece; iterators are not held."""
    return _templates().get_template(template).generate(values)


@cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader(
            [
                jinja2.PackageLoader("cli.pages"),
                jinja2.PackageLoader("serving.pages", "static"),  # the palette of all pages
            ]
        ),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(data_uri=data_uri, unit="{:.1f}".format, file_url=_file_url)
    return environment


def _file_url(path: Path) -> str:
    """The address of a file, for a link."""
    return path.absolute().as_uri()


@contextmanager
def decoders() -> Iterator[ThreadPoolExecutor]:
    """Threads for thumbnails; on leaving, by an error too, those not begun are dropped."""
    pool = ThreadPoolExecutor(THREADS, "thumbnail")
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def thumbnail_of(
    path: Path, side: int, *, max_megapixels: float = MAX_MEGAPIXELS
) -> Thumbnail | NoThumbnail:
    """The file as it is now, its longer side at most `side` pixels, upright and without EXIF.

    Raises nothing: a file that cannot be shown comes as the reason.
    """
    try:
        return read_thumbnail(read_whole(path), side, name=path.name, max_megapixels=max_megapixels)
    except OSError as error:
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            return NoThumbnail("File is gone", "moved or deleted", False)
        return NoThumbnail("Cannot be opened", error.strerror or str(error), False)
    except ClipseekError as error:
        return NoThumbnail("Cannot be read", str(error), True)
