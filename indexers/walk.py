"""The walk: which image files lie below the roots. One stat a file, no symlink circles."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from operator import attrgetter
from pathlib import Path

from indexers.left_out.ignore_files import (
    Ignoring,
    UnusableRulesError,
    ignore_files_among,
    ignored_by,
    read_ignore_files,
)
from indexers.left_out.names import is_package
from indexers.left_out.rules import EXCLUDE, Directory, WalkRules, rules_below, why_skipped
from indexers.passing import NOT_UTF8, Tally, Unreadable
from searchengine.catalog.gathered.kept_out import REMOVED
from searchengine.errors import PathNotFoundError, reason_of
from searchengine.files import file_state
from searchengine.images.formats import is_image_name
from searchengine.paths import Places, is_text, parents
from searchengine.types import FileState


def _nothing(_paths: Collection[str]) -> Collection[str]:
    return ()


class Walk:
    """One pass over the roots. Iterate it once; the counts are complete when it ends.

    Roots are taken under their one spelling (`searchengine.paths.Places`). Below them real
    directories come before symlinked ones, each in order of name, and links to files at the end; a
    directory is entered once, by whichever path comes first, and a linked file that was seen under
    its real path, or that `listed` knows under it, is passed by. What is named as a root is walked
    whatever its name and its marks; a root that is a file is taken. With `is_wanted` other entries
    of directories are as if they were not there.

    Raises PathNotFoundError at once for a root that does not exist or cannot be read.
    """

    roots: list[str]
    excluded: int
    """Image files seen and left out by the rules. Those in pruned directories are not seen."""
    left_out: dict[str, str]
    """Those files, and the directories that were pruned: the rule that did it, by path."""
    ruled: set[str]
    """The roots in which image files were left out, or directories by rules of the user's."""
    passed_over: Tally
    """The other files that were seen."""
    unreadable: list[Unreadable]
    empty: set[str]
    """Directories below a root in which there is nothing at all."""
    mounts: set[str]
    """Directories below a root that are on another device than the one above them."""
    links: dict[str, str]
    """Links to directories that were entered, and the real path of each."""

    def __init__(
        self,
        roots: Sequence[Path],
        rules: WalkRules | None = None,
        listed: Callable[[Collection[str]], Collection[str]] = _nothing,
        kept_out: Collection[str] = (),
        is_wanted: Callable[[os.DirEntry[str]], bool] | None = None,
    ) -> None:
        """`listed` says which of some paths the library lists; `kept_out` was removed for good."""
        self.excluded = 0
        self.left_out = {}
        self.ruled = set()
        self.passed_over = Tally()
        self.unreadable = []
        self.empty = set()
        self.mounts = set()
        self.links = {}
        self._listed, self._is_wanted = listed, is_wanted
        self._kept_out = frozenset(kept_out)
        self._entered: set[tuple[int, int]] = set()
        self._links: list[Directory] = []
        self._file_links: list[str] = []
        self._files: dict[str, FileState] = {}
        self._directories: list[Directory] = []
        places = Places()
        self.roots = list(dict.fromkeys(places.real(root) for root in roots))
        self._named = frozenset(self.roots)
        for root in self.roots:
            self._add_root(root, rules or WalkRules())

    def __iter__(self) -> Iterator[FileState]:
        """Yield every image file once. Raises nothing for what is on the disk."""
        yield from self._files.values()
        pending = self._directories[::-1]
        while pending or self._links:
            if not pending:
                # Links wait, so that a file is known by its real path wherever it has one.
                pending, self._links = self._links[::-1], []
            directory = pending.pop()
            below: list[Directory] = []
            if directory.real is None:
                yield from self._scan(directory, below)
            else:
                yield from self._not_listed(directory.real, self._scan(directory, below))
            pending.extend(reversed(below))
        yield from self._linked_files()

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
        elif self._is_kept_out(path):
            self._leave_out_for_good(path, path, is_dir)
        elif is_dir:
            self._directories.append(Directory(path, path, rules_below(path, rules)))
        else:
            self._files[path] = file_state(path, facts)

    def _scan(self, directory: Directory, below: list[Directory]) -> Iterator[FileState]:
        entries, device = self._entries(directory)
        ignoring = self._ignoring(directory, entries)
        if ignoring is None:
            return
        root, rules = directory.root, directory.rules
        inside = replace(directory, ignoring=ignoring, device=device)
        has_rules = bool(rules.exclude or ignoring or is_package(os.path.basename(directory.path)))
        for entry in entries:
            name, path = entry.name, entry.path
            is_image, is_dir = is_image_name(name), False
            try:
                is_dir = entry.is_dir()
                if not (is_dir or is_image or entry.is_symlink()):
                    self.passed_over.note(root, name, entry)
                    continue
                # A picture's name is hidden or junk only with a leading dot: most need no calls.
                is_plain = name.isascii() and not (is_dir or has_rules or name[0] == ".")
                is_plain = is_plain and not self._kept_out
                if not is_plain and self._is_refused(entry, inside, is_image, is_dir):
                    continue
                if is_dir:
                    self._enter_later(entry, inside, below)
                elif is_image and path not in self._files:
                    facts = entry.stat()
                    if not stat.S_ISREG(facts.st_mode):
                        self.passed_over.note_special(root, name)
                    elif entry.is_symlink():
                        self._file_links.append(path)
                    else:
                        yield file_state(path, facts)
                else:
                    entry.stat()  # a link that leads nowhere is told of
            except OSError as error:
                # A broken link without an image's name may have led to a directory of images.
                why = "broken link" if entry.is_symlink() else reason_of(error)
                self._report(path, why, is_dir or not is_image)

    def _is_refused(
        self, entry: os.DirEntry[str], directory: Directory, is_image: bool, is_dir: bool
    ) -> bool:
        """Whether an entry is left out, or its name is none that can be kept."""
        if self._leaves_out(entry, directory, is_image, is_dir):
            return True
        if is_text(entry.name):
            return False
        self._report(entry.path, NOT_UTF8, is_dir)
        return True

    def _leaves_out(
        self, entry: os.DirEntry[str], directory: Directory, is_image: bool, is_dir: bool
    ) -> bool:
        """Whether a rule leaves out an entry; then it is noted."""
        if (
            self._kept_out
            and os.path.join(directory.real or directory.path, entry.name) in self._kept_out
        ):
            self._leave_out_for_good(entry.path, directory.root, is_dir)
            return True
        start = len(directory.root.rstrip("/")) + 1
        parent = os.path.basename(directory.path)
        why = why_skipped(entry.name, entry.path[start:], is_dir, directory.rules, parent)
        by_rule = why is not None and why.startswith(EXCLUDE)
        if why is None and (file := ignored_by(entry.path, is_dir, directory.ignoring)):
            why, by_rule = f"rules in {file}", True
        if why is None or entry.path in self._named:
            return why is not None
        if is_dir:
            self.left_out[entry.path] = why
        elif is_image and entry.is_file():
            self.left_out[entry.path] = why
            self.excluded += 1
            by_rule = True
        if by_rule:
            self.ruled.add(directory.root)
        return True

    def _is_kept_out(self, path: str) -> bool:
        """Whether a real path, or a folder above it, was removed for good."""
        return bool(self._kept_out) and not self._kept_out.isdisjoint((path, *parents(path)))

    def _leave_out_for_good(self, path: str, root: str, is_dir: bool) -> None:
        self.left_out[path] = REMOVED
        self.ruled.add(root)
        self.excluded += not is_dir

    def _ignoring(
        self, directory: Directory, entries: Sequence[os.DirEntry[str]]
    ) -> tuple[Ignoring, ...] | None:
        """The rules that hold in a directory; None where it is left out as a whole."""
        names = ignore_files_among(entry.name for entry in entries)
        if not names:
            return directory.ignoring
        try:
            whole, found = read_ignore_files(directory.path, names)
        except UnusableRulesError as error:
            self._report(directory.path, str(error), is_dir=True)
            return None
        if whole is not None and directory.path not in self._named:
            self.left_out[directory.path] = f"holds {whole}"
            self.ruled.add(directory.root)
            return None
        return directory.ignoring + found

    def _enter_later(
        self, entry: os.DirEntry[str], inside: Directory, below: list[Directory]
    ) -> None:
        if entry.is_symlink():
            real = os.path.realpath(entry.path)
            if self._is_kept_out(real):
                self._leave_out_for_good(entry.path, inside.root, is_dir=True)
                return
            self._links.append(replace(inside, path=entry.path, real=real))
            return
        real_here = None if inside.real is None else os.path.join(inside.real, entry.name)
        below.append(replace(inside, path=entry.path, real=real_here))

    def _not_listed(self, real: str, files: Iterator[FileState]) -> Iterator[FileState]:
        """The files of a directory that a link leads to, less those listed by their real path."""
        found = {os.path.join(real, os.path.basename(file.path)): file for file in files}
        known = self._listed(found.keys())
        return (file for path, file in found.items() if path not in known)

    def _linked_files(self) -> Iterator[FileState]:
        """The links to files that were seen under no other path."""
        targets: dict[str, str] = {}
        for path in self._file_links:
            targets.setdefault(os.path.realpath(path), path)
        known = self._listed(targets.keys())
        for target, path in targets.items():
            try:
                if target in known or self._is_kept_out(target) or self._was_seen(target):
                    continue
                facts = os.stat(path)
            except OSError as error:
                self._report(path, reason_of(error), is_dir=False)
                continue
            yield file_state(path, facts)

    def _was_seen(self, file: str) -> bool:
        if file in self._files:
            return True
        facts = os.stat(os.path.dirname(file))
        was_entered = (facts.st_dev, facts.st_ino) in self._entered
        return was_entered and is_image_name(file) and file not in self.left_out

    def _entries(self, directory: Directory) -> tuple[list[os.DirEntry[str]], int | None]:
        """The directory, in order of name, and its device.

        Empty where it was entered before or cannot be read.
        """
        path = directory.path
        try:
            facts = os.stat(path)
            key = (facts.st_dev, facts.st_ino)
            if key in self._entered:
                return [], None
            self._entered.add(key)
            device = device_of(path, facts)
            if directory.device not in (None, device):
                self.mounts.add(path)
            if directory.real is not None and os.path.islink(path):
                self.links[path] = directory.real
            with os.scandir(path) as entries:
                found = sorted(filter(self._is_wanted, entries), key=attrgetter("name"))
        except OSError as error:
            self._report(path, reason_of(error), is_dir=True)
            return [], None
        if not found and directory.device is not None:
            self.empty.add(path)
        return found, device

    def _report(self, path: str, reason: str, is_dir: bool) -> None:
        readable = os.fsencode(path).decode("utf-8", "backslashreplace")
        self.unreadable.append(Unreadable(readable, reason, is_dir))


def require_roots(roots: Sequence[Path]) -> None:
    """Raise PathNotFoundError unless every root can be walked: a check before slow work."""
    Walk(roots)


def device_of(_path: str, facts: os.stat_result) -> int:
    """The device that a directory is on."""
    return facts.st_dev
