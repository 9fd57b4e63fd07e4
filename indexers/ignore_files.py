"""Files in a folder that say what to leave out of it: marks for the whole folder, and rules."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from searchengine.errors import FileTooLargeError, reason_of
from searchengine.files import read_whole

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

MARKS = frozenset((".nomedia", ".noimage", ".noimages"))
"""The folder that holds one is left out, whatever is in the file: Android's and Nextcloud's."""

RULES = frozenset((".clipseekignore", ".ppignore"))
"""Files of rules as in .gitignore, ours and PhotoPrism's. An empty one leaves the folder out."""

MAX_RULES = 10_000_000
"""Bytes of a file of rules that is read."""

_NAMES = MARKS | RULES
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Ignoring:
    """The rules of one file, for what is in its folder and below."""

    directory: str
    file: str
    rules: GitIgnoreSpec

    def decides(self, path: str, is_dir: bool) -> bool | None:
        """True where a path below the directory is left out, False where it is taken again."""
        relative = path[len(self.directory.rstrip(os.sep)) + 1 :]
        return self.rules.check_file(relative + "/" if is_dir else relative).include


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


def _parsed(text: str, name: str) -> GitIgnoreSpec:
    # Most folders have no such file, and a run without them does not wait for the import.
    from pathspec import GitIgnoreSpec

    lines = text.splitlines()
    try:
        return GitIgnoreSpec.from_lines(lines)
    except ValueError as error:
        number = next(at for at in range(1, len(lines) + 1) if not _is_rule(lines[at - 1]))
        reason = f"{name}: line {number:,} is no pattern of .gitignore"
        raise UnusableRulesError(reason) from error


def _is_rule(line: str) -> bool:
    from pathspec import GitIgnoreSpec

    try:
        GitIgnoreSpec.from_lines([line])
    except ValueError:
        return False
    return True
