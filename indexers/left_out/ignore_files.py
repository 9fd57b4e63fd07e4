"""Files in a folder that say what to leave out of it: marks for the whole folder, and rules."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from indexers.left_out.globs import git_glob
from searchengine.errors import FileTooLargeError, reason_of
from searchengine.files import read_whole
from searchengine.paths import composed

MARKS = frozenset((".nomedia", ".noimage", ".noimages"))
"""The folder that holds one is left out, whatever is in the file: Android's and Nextcloud's."""

RULES = frozenset((".clipseekignore", ".ppignore"))
"""Files of rules as in .gitignore, ours and PhotoPrism's. An empty one leaves the folder out."""

MAX_RULES = 10_000_000
"""Bytes of a file of rules that is read."""

_NAMES = MARKS | RULES
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a file of rules."""

    glob: re.Pattern[str]
    takes: bool
    """It begins with `!`: what it matches is taken again."""
    is_name: bool
    """It has no slash: the base name is matched, and not the path below the file's folder."""
    of_folders: bool


@dataclass(frozen=True, slots=True)
class Ignoring:
    """The rules of one file, for what is in its folder and below."""

    directory: str
    file: str
    rules: tuple[Rule, ...]

    def decides(self, path: str, is_dir: bool) -> bool | None:
        """True where a path below the directory is left out, False where it is taken again."""
        relative = composed(path[len(self.directory.rstrip(os.sep)) + 1 :])
        name = relative.rpartition("/")[2]
        for rule in reversed(self.rules):
            if rule.of_folders and not is_dir:
                continue
            if rule.glob.fullmatch(name if rule.is_name else relative):
                return not rule.takes
        return None


class UnusableRulesError(Exception):
    """A file of rules that cannot be read as such, and why: what it leaves out is unknown."""


def ignore_files_among(names: Iterable[str]) -> list[str]:
    """The names of ignore files among those of a directory."""
    return [name for name in names if name[0] == "." and name.lower() in _NAMES]


def read_ignore_files(
    directory: str, names: Iterable[str]
) -> tuple[str | None, tuple[Ignoring, ...]]:
    """What the ignore files among `names`, in a directory, say.

    The first is the name of one that leaves out the whole folder, or None; then come the others'
    rules. Raises UnusableRulesError.
    """
    found: list[Ignoring] = []
    whole = None
    for name in names:
        path = os.path.join(directory, name)
        try:
            if not stat.S_ISREG(os.stat(path).st_mode):
                continue
            if name.lower() in MARKS:
                whole = whole or name
                continue
            text = _text(read_whole(Path(path), MAX_RULES))
        except FileTooLargeError as error:
            raise UnusableRulesError(f"{name}: {error}") from error
        except OSError as error:
            raise UnusableRulesError(f"{name}: {reason_of(error)}") from error
        if not text.strip():
            whole = whole or name
        else:
            found.append(Ignoring(directory, name, _parsed(text, name)))
    return whole, tuple(found)


def ignored_by(path: str, is_dir: bool, ignoring: tuple[Ignoring, ...]) -> str | None:
    """The path of the file whose rules leave this out; the innermost that decides counts.

    `ignoring` is in order from the outermost folder to the innermost.
    """
    for one in reversed(ignoring):
        decision = one.decides(path, is_dir)
        if decision is not None:
            return os.path.join(one.directory, one.file) if decision else None
    return None


def _text(data: bytes) -> str:
    """UTF-8, or what Windows' PowerShell makes of `echo`."""
    if data.startswith(_UTF16):
        return data.decode("utf-16", "replace")
    return data.decode("utf-8-sig", "surrogateescape")


def _parsed(text: str, name: str) -> tuple[Rule, ...]:
    rules = []
    for number, line in enumerate(text.split("\n"), start=1):
        try:
            rule = _rule(line.removesuffix("\r"))
        except ValueError as error:
            reason = f"{name}: line {number:,} is no pattern of .gitignore"
            raise UnusableRulesError(reason) from error
        if rule is not None:
            rules.append(rule)
    return tuple(rules)


def _rule(line: str) -> Rule | None:
    """What a line says, as git reads it; None for a comment and an empty one.

    Raises ValueError where nothing is behind a `!`, or behind a backslash at the end.
    """
    if line.startswith("#"):
        return None
    pattern = line.rstrip(" ")
    is_escaped = (len(pattern) - len(pattern.rstrip("\\"))) % 2 == 1
    if is_escaped and pattern == line:
        raise ValueError(line)
    pattern += " " * is_escaped
    takes = pattern.startswith("!")
    if pattern == "!":
        raise ValueError(line)
    pattern = pattern.removeprefix("!")
    of_folders = pattern.endswith("/")
    pattern = composed(pattern.removesuffix("/"))
    if not pattern:
        return None
    is_name = "/" not in pattern
    return Rule(git_glob(pattern.removeprefix("/")), takes, is_name, of_folders)
