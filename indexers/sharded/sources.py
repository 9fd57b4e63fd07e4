"""What somebody names as a source: folders, URLs, tars and tables, as the inputs that they hold."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import product
from pathlib import Path

from indexers.left_out.rules import WalkRules
from indexers.passing import NOT_UTF8
from indexers.walk import Walk, require_roots
from searchengine.errors import InputError
from searchengine.images.formats import is_image_name
from searchengine.paths import absolute, escaped, is_text, is_url
from searchengine.shards.storage import find_inputs

log = logging.getLogger("clipseek")

TARS = (".tar", ".tar.gz", ".tgz")
TABLES = (".parquet",)


class Kind(Enum):
    """What a shard is made of."""

    FILES = "files"
    TAR = "tar"
    """A WebDataset tar: one shard each, read as a stream."""
    TABLE = "table"
    """Row groups of a parquet file with a column `image` or `path`."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a source holds, by kind, each by its URL or absolute path."""

    files: Sequence[str]
    tars: Sequence[str]
    tables: Sequence[str]

    def __bool__(self) -> bool:
        return bool(self.files or self.tars or self.tables)


def find_sources(sources: Sequence[str], rules: WalkRules) -> Inputs:
    """All that the sources hold, each input once.

    A folder of this machine is walked as `clipseek index` walks it; below a URL every file with an
    image's name is taken, but for hidden ones. Tars and tables are taken where they are named, by
    `{00000..00999}` or `*` too. Raises PathNotFoundError and StorageError for what cannot be
    looked at, and InputError where there is nothing.
    """
    files: list[str] = []
    tars: list[str] = []
    tables: list[str] = []
    folders: list[Path] = []
    for name in (name for source in sources for name in expanded(source)):
        if name.endswith(TARS + TABLES) or "*" in name:
            if "*" not in name and not is_url(name):
                require_roots([Path(name)])  # before it is planned, which is for good
            for found in [name] if "*" not in name else find_inputs(_located(name)):
                kind = tars if found.endswith(TARS) else tables if found.endswith(TABLES) else files
                if kind is not files or is_image_name(found):
                    kind.append(_plain(found))
        elif is_url(name):
            files += _pictures_below(name)
        else:
            folders.append(Path(name))
    if folders:
        walk = Walk(folders, rules)
        files += (file.path for file in walk)
        for entry in walk.unreadable:
            log.warning("skipping %s: %s", entry.path, entry.reason)
    inputs = Inputs(*(list(_named_in_text(dict.fromkeys(kind))) for kind in (files, tars, tables)))
    if not inputs:
        raise InputError(
            f"{', '.join(sources)}: no picture, tar or parquet file there; name tars as "
            "'s3://bucket/{00000..00999}.tar' or 'folder/*.tar'"
        )
    return inputs


def _named_in_text(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        if is_text(name):
            yield name
        else:
            log.warning("skipping %s: %s", escaped(name), NOT_UTF8)


def expanded(source: str) -> Iterator[str]:
    """The names that a source with braces means: `{a,b}`, and `{000..999}` with its zeros."""
    pieces = re.split(r"(\{[^{}]+\})", source)
    for chosen in product(*(_choices(piece) for piece in pieces)):
        yield "".join(chosen)


def _choices(piece: str) -> Sequence[str]:
    if not (piece.startswith("{") and piece.endswith("}")):
        return [piece]
    inside = piece[1:-1]
    numbers = re.fullmatch(r"(\d+)\.\.(\d+)", inside)
    if numbers:
        first, last = numbers.groups()
        return [f"{number:0{len(first)}}" for number in range(int(first), int(last) + 1)]
    return inside.split(",") if "," in inside else [piece]


def _pictures_below(url: str) -> Iterator[str]:
    start = len(url.rstrip("/"))
    for found in find_inputs(url):
        is_hidden = any(part.startswith(".") for part in found[start:].split("/"))
        if is_image_name(found) and not is_hidden:
            yield _plain(found)


def _located(name: str) -> str:
    return name if is_url(name) else absolute(name)


def _plain(name: str) -> str:
    """The name under which an input is known: files of this machine by their absolute path."""
    local = name.removeprefix("file://")
    return absolute(local) if local != name or not is_url(name) else name
