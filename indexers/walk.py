"""The walk: which image files lie below the roots. One stat a file, no symlink circles."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from operator import attrgetter
from pathlib import Path

from searchengine.errors import PathNotFoundError, reason_of
from searchengine.images.formats import is_image_name
from searchengine.paths import is_text
from searchengine.types import FileState

# fmt: off
_JUNK_NAMES = frozenset((
    "@eadir", "#recycle", "node_modules", ".git", "__macosx", "$recycle.bin", "thumbs.db",
    ".thumbnails", ".spotlight-v100", ".fseventsd", "system volume information",
))
# fmt: on
NOT_UTF8 = "the name is not valid UTF-8; rename it"
_JUNK_PREFIXES = ("._", ".trash")  # AppleDouble files; .Trash, .Trashes, .Trash-1000


@dataclass(frozen=True, slots=True)
class WalkRules:
    """What the walk leaves out."""

    exclude: tuple[str, ...] = ()
    """Globs, matched against the base name and the path below the root; also absolute paths.

    `*` and `?` stop at a slash, `**` does not, a slash at the end means directories only.
    """
    include_hidden: bool = False
    """Take names with a leading dot. Junk (`._*`, `.git`, `.Trash*`, ...) stays out."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    r"""A directory or file the walk could not look at. What lies below it is unknown, not gone.

    `path` is absolute; bytes that are not UTF-8 are escaped, as in "caf\xe9.jpg".
    """

    path: str
    reason: str
    is_dir: bool


def is_skipped(name: str, relative: str, is_dir: bool, rules: WalkRules) -> bool:
    """Whether the rules leave out this base name, at this path below its root (with `/`).

    Parents are not looked at: the walk has pruned them already.
    """
    if name.startswith(".") and not rules.include_hidden:
        return True
    if _is_junk(name.lower()):
        return True
    return any(
        (is_dir or not only_dirs) and (pattern.fullmatch(name) or pattern.fullmatch(relative))
        for pattern, only_dirs in _compiled(rules.exclude)
    )


def _is_junk(lower: str) -> bool:
    return lower in _JUNK_NAMES or lower.startswith(_JUNK_PREFIXES)


@lru_cache(maxsize=32)
def _compiled(globs: tuple[str, ...]) -> tuple[tuple[re.Pattern[str], bool], ...]:
    return tuple((re.compile(_glob_regex(glob.rstrip("/"))), glob.endswith("/")) for glob in globs)


def _glob_regex(glob: str) -> str:
    special = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts = []
    for token in re.split(r"(\*\*/|\*\*|\*|\?|\[!?\]?[^\]]+\])", glob.removeprefix("./")):
        if token.startswith("[") and token.endswith("]"):
            inside = token[1:-1].replace("\\", "\\\\").replace("[", "\\[")
            parts.append("[" + ("^" + inside[1:] if inside.startswith("!") else inside) + "]")
        else:
            parts.append(special.get(token) or re.escape(token))
    return "(?s:" + "".join(parts) + ")"


@dataclass(frozen=True, slots=True)
class _Directory:
    path: str
    root: str
    rules: WalkRules


class Walk:
    """One pass over the roots. Iterate it once; the counts are complete when it ends.

    Real directories come before symlinked ones, each in order of name; a directory is entered
    once, by whichever path comes first. A root that is a file is taken whatever its name.

    Raises PathNotFoundError at once for a root that does not exist or cannot be read.
    """

    excluded: int
    """Image files seen and left out by the rules. Those in pruned directories are not seen."""
    unreadable: list[Unreadable]

    def __init__(self, roots: Sequence[Path], rules: WalkRules | None = None) -> None:
        self.excluded = 0
        self.unreadable = []
        self._entered: set[tuple[int, int]] = set()
        self._links: list[_Directory] = []
        self._files: dict[str, FileState] = {}
        self._directories: list[_Directory] = []
        for root in roots:
            self._add_root(os.path.abspath(root), rules or WalkRules())

    def __iter__(self) -> Iterator[FileState]:
        """Yield every image file once. Raises nothing for what is on the disk."""
        yield from self._files.values()
        pending = self._directories[::-1]
        while pending or self._links:
            if not pending:
                # Links wait, so that a file is known by its real path wherever it has one.
                pending, self._links = self._links[::-1], []
            directory = pending.pop()
            below: list[_Directory] = []
            yield from self._scan(directory, below)
            pending.extend(reversed(below))

    def _add_root(self, path: str, rules: WalkRules) -> None:
        try:
            facts = os.stat(path)
            is_dir = stat.S_ISDIR(facts.st_mode)
            if is_dir:
                os.scandir(path).close()
        except OSError as error:
            raise PathNotFoundError(path, reason_of(error)) from error
        if not is_dir and not stat.S_ISREG(facts.st_mode):
            raise PathNotFoundError(path, "neither a file nor a directory")
        if not is_text(path):
            self._report(path, NOT_UTF8, is_dir)
        elif is_dir:
            prefix = path.rstrip("/") + "/"
            below = tuple(glob.removeprefix(prefix) for glob in rules.exclude)
            self._directories.append(_Directory(path, path, replace(rules, exclude=below)))
        else:
            self._files[path] = FileState(path, facts.st_size, facts.st_mtime_ns)

    def _scan(self, directory: _Directory, below: list[_Directory]) -> Iterator[FileState]:
        root, rules = directory.root, directory.rules
        start = len(root.rstrip("/")) + 1
        for entry in self._entries(directory.path):
            name, path = entry.name, entry.path
            is_image, is_dir = is_image_name(name), False
            try:
                is_dir = entry.is_dir()
                if not (is_dir or is_image or entry.is_symlink()):
                    continue
                # A picture's name is hidden or junk only with a leading dot: most need no calls.
                is_plain = not (is_dir or rules.exclude or name[0] == ".")
                if not is_plain and is_skipped(name, path[start:], is_dir, rules):
                    self.excluded += is_image and entry.is_file()
                elif not name.isascii() and not is_text(name):
                    self._report(path, NOT_UTF8, is_dir)
                elif is_dir:
                    found = self._links if entry.is_symlink() else below
                    found.append(_Directory(path, root, rules))
                elif path not in self._files:
                    facts = entry.stat()
                    if is_image and stat.S_ISREG(facts.st_mode):
                        yield FileState(path, facts.st_size, facts.st_mtime_ns)
            except OSError as error:
                # A broken link without an image's name may have led to a directory of images.
                why = "broken link" if entry.is_symlink() else reason_of(error)
                self._report(path, why, is_dir or not is_image)

    def _entries(self, path: str) -> list[os.DirEntry[str]]:
        """The directory, in order of name; empty where it was entered before or cannot be read."""
        try:
            facts = os.stat(path)
            key = (facts.st_dev, facts.st_ino)
            if key in self._entered:
                return []
            self._entered.add(key)
            with os.scandir(path) as entries:
                return sorted(entries, key=attrgetter("name"))
        except OSError as error:
            self._report(path, reason_of(error), is_dir=True)
            return []

    def _report(self, path: str, reason: str, is_dir: bool) -> None:
        readable = os.fsencode(path).decode("utf-8", "backslashreplace")
        self.unreadable.append(Unreadable(readable, reason, is_dir))


def require_roots(roots: Sequence[Path]) -> None:
    """Raise PathNotFoundError unless every root can be walked: a check before slow work."""
    Walk(roots)
