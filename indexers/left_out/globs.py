"""Globs as regular expressions whose time grows with a path's length, whatever the glob.

After `*` the earliest place where what follows it matches is as good as any later one, so that no
other is tried: what is between two wildcards is an atomic group.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_ANY_IN_NAME = "[^/]*?"
_ANY = ".*?"
_FOLDERS = "(?:[^/]*/)*?"
_ONE = "[^/]"
_NEVER = "(?!)"

_CLASSES = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "blank": r" \t",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r" \t\n\r\f\v",
    "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}
"""What `[[:alpha:]]` and its like mean to git."""

_WILDCARD = re.compile(r"\*\*+/|\*\*+|\*|\?|\[|\\(?=.)", re.DOTALL)
_CLASS = re.compile(r"\[:([^]]*?):]")


def plain_glob(glob: str) -> re.Pattern[str]:
    r"""A glob of `--exclude`, for `fullmatch`: `\` is a character, and `**` goes across slashes.

    A `[` that is not closed is a character too.
    """
    return _compiled(_atoms(glob, is_git=False))


def git_glob(glob: str) -> re.Pattern[str]:
    r"""A glob as git's wildmatch.c has them, for `fullmatch`: `\` takes what follows as it is.

    `**` goes across slashes where it is a whole name; a `[` that is not closed matches nothing.
    """
    return _compiled(_atoms(glob, is_git=True))


def _compiled(atoms: Iterator[str]) -> re.Pattern[str]:
    # Wide wildcards, which go across slashes, part the glob into groups, and `*` a group into runs.
    groups: list[tuple[str, list[str]]] = [("", [""])]
    for atom in atoms:
        if atom in (_ANY, _FOLDERS):
            groups.append((atom, [""]))
        elif atom == _ANY_IN_NAME:
            groups[-1][1].append("")
        else:
            groups[-1][1][-1] += atom
    *before, (wide, (first, *runs)) = groups
    regex = "".join(f"(?>{wide}{_earliest(*runs)})" for wide, runs in before)
    end = f"{_ANY_IN_NAME}{runs[-1]}" if runs else ""
    return re.compile(f"(?s:{regex}{wide}{_earliest(first, *runs[:-1])}{end})")


def _earliest(first: str, *runs: str) -> str:
    return first + "".join(f"(?>{_ANY_IN_NAME}{run})" for run in runs if run)


def _atoms(glob: str, is_git: bool) -> Iterator[str]:
    """The glob character by character, each as a regular expression, and its wildcards."""
    at = 0
    wildcard = _WILDCARD.search(glob)
    first = wildcard.start() if is_git and wildcard else 0
    while at < len(glob):
        token = _WILDCARD.match(glob, at)
        if token is None or (token[0] == "\\" and not is_git):
            yield re.escape(glob[at])
            at += 1
        elif token[0] == "\\":
            yield re.escape(glob[at + 1])
            at += 2
        elif token[0] == "[":
            atom, at = _bracket(glob, at, is_git)
            yield atom
        elif token[0] == "?":
            yield _ONE
            at += 1
        else:
            stars = token[0].rstrip("/")
            # git compares what is before all wildcards first; the rest is a glob of its own.
            starts_name = at == first or glob[at - 1] == "/"
            at += len(stars)
            if len(stars) == 1 or (is_git and not (starts_name and glob[at : at + 1] in ("", "/"))):
                yield _ANY_IN_NAME
            elif token[0].endswith("/") and starts_name:
                yield _FOLDERS
                at += 1
            else:
                yield _ANY


def _bracket(glob: str, start: int, is_git: bool) -> tuple[str, int]:
    """One character of those in brackets, and where the brackets end."""
    at = start + 1
    is_negated = glob[at : at + 1] in (("!", "^") if is_git else ("!",))
    first = at = at + is_negated
    ranges: list[str] = []
    while at < len(glob) and (glob[at] != "]" or at == first):
        named = _CLASS.match(glob, at) if is_git else None
        if named is not None:
            if named[1] not in _CLASSES:
                return _NEVER, len(glob)
            ranges.append(_CLASSES[named[1]])
            at = named.end()
            continue
        low, at = _character(glob, at, is_git)
        high = low
        if glob[at : at + 1] == "-" and glob[at + 1 : at + 2] not in ("", "]"):
            high, at = _character(glob, at + 1, is_git)
        # As in git a range that runs backwards is the character it begins with.
        ranges.append(f"{re.escape(low)}-{re.escape(high if low <= high else low)}")
    if at >= len(glob):
        return (_NEVER, len(glob)) if is_git else (re.escape("["), start + 1)
    return f"(?!/)[{'^' * is_negated}{''.join(ranges)}]", at + 1


def _character(glob: str, at: int, is_git: bool) -> tuple[str, int]:
    """A character inside brackets, and where the next one is."""
    if is_git and glob[at] == "\\" and at + 1 < len(glob):
        at += 1
    return glob[at], at + 1
