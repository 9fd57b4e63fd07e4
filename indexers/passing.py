"""Counting what a walk passes over: pictures of kinds that are not read, and what is no picture."""

from __future__ import annotations

import errno
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from searchengine.catalog.records import PassedOver
from searchengine.errors import reason_of
from searchengine.images.formats import IMAGE_SUFFIXES, PASSED_OVER_SUFFIXES

NOT_READ = "not read"
"""Pictures of a kind, or under a name, that this program does not read."""
NO_SUFFIX = "without a suffix"
"""Files that may be pictures: nothing in the name says so."""
NO_PICTURE = "no picture"
NO_FILE = "no ordinary file"
"""Pipes, sockets and devices under the name of a picture."""

MOST_SUFFIXES = 30
"""Suffixes of files that are no pictures that are kept for a root; the others are added up."""

NOT_UTF8 = "the name is not valid UTF-8; rename it"
GONE = reason_of(FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)))

_PLAIN = re.compile(r"\.[a-z0-9_~-]{1,12}")


@dataclass(frozen=True, slots=True)
class Unreadable:
    r"""A directory or file the walk could not look at. What lies below it is unknown, not gone.

    `path` is absolute; bytes that are not UTF-8 are escaped, as in "caf\xe9.jpg".
    """

    path: str
    reason: str
    is_dir: bool

    @property
    def went(self) -> bool:
        """Whether it is a file that was listed a moment before.

        The next run knows what became of it, and whether a whole drive went.
        """
        return not self.is_dir and self.reason == GONE


class Tally:
    """How many files of each suffix were passed over, by root."""

    def __init__(self) -> None:
        """Nothing was passed over yet."""
        self._counts: Counter[tuple[str, str]] = Counter()
        self._special: Counter[tuple[str, str]] = Counter()

    def note(self, root: str, name: str, entry: os.DirEntry[str]) -> None:
        """Count one entry of a directory, if it is a file and not hidden."""
        if name[0] != "." and entry.is_file(follow_symlinks=False):
            self._counts[root, _suffix(name)] += 1

    def note_special(self, root: str, name: str) -> None:
        """Count what has the name of a picture and is no ordinary file."""
        self._special[root, _suffix(name)] += 1

    def counts(self) -> Iterator[PassedOver]:
        """The counts of each root. Of what is no picture only the most frequent suffixes are kept.

        The others of those are added up under the suffix "...".
        """
        for (root, suffix), files in self._special.items():
            yield PassedOver(root, suffix, NO_FILE, files)
        others: Counter[tuple[str, str]] = Counter()
        rest: Counter[str] = Counter()
        for (root, suffix), files in self._counts.items():
            if not suffix:
                yield PassedOver(root, suffix, NO_SUFFIX, files)
            elif _is_of_picture(suffix):
                yield PassedOver(root, suffix, NOT_READ, files)
            else:
                others[root, suffix] = files
        kept: Counter[str] = Counter()
        for (root, suffix), files in others.most_common():
            kept[root] += 1
            if kept[root] <= MOST_SUFFIXES:
                yield PassedOver(root, suffix, NO_PICTURE, files)
            else:
                rest[root] += files
        for root, files in rest.items():
            yield PassedOver(root, "...", NO_PICTURE, files)


def _suffix(name: str) -> str:
    suffix = name[name.rfind(".") :].lower() if "." in name else ""
    return suffix if _PLAIN.fullmatch(suffix) else ""


def _is_of_picture(suffix: str) -> bool:
    """Whether a suffix is one of pictures, or one with something behind it, as .jpg_large."""
    return re.split(r"[_~-]", suffix, maxsplit=1)[0] in PASSED_OVER_SUFFIXES | IMAGE_SUFFIXES
