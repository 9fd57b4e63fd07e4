"""The rules of a walk: what it leaves out of itself, hidden names, and globs of `--exclude`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from indexers.left_out.globs import plain_glob
from indexers.left_out.ignore_files import Ignoring
from indexers.left_out.names import HIDDEN, why_left_out
from searchengine.paths import below, composed, real

EXCLUDE = "--exclude "
"""How the reason begins where a glob of the user's left something out."""


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
class Directory:
    """A directory of a walk, and the rules that hold in it."""

    path: str
    root: str
    rules: WalkRules
    ignoring: tuple[Ignoring, ...] = ()
    device: int | None = None
    """Of the directory above; None for a root."""
    real: str | None = None
    """The real path, where a link below the root leads here."""


def why_skipped(
    name: str, relative: str, is_dir: bool, rules: WalkRules, parent: str = ""
) -> str | None:
    """The rule that leaves out this base name, at this path below its root (with `/`), or None.

    `parent` is the base name of its directory. Parents' own names are not looked at: the walk has
    pruned them already.
    """
    if why := why_left_out(name, parent, is_dir=is_dir):
        return why
    if name.startswith(".") and not rules.include_hidden:
        return HIDDEN
    glob = first_match(rules.exclude, name, relative, is_dir=is_dir)
    return None if glob is None else EXCLUDE + glob


def rules_below(root: str, rules: WalkRules) -> WalkRules:
    """The rules for what is below a root: globs that are paths below it are relative to it."""
    start = below(root)
    return replace(
        rules,
        exclude=tuple(
            "./" + glob.removeprefix(start) if glob.startswith(start) else glob
            for glob in rules.exclude
        ),
    )


def merged_globs(stored: Sequence[str], given: Iterable[str]) -> tuple[str, ...]:
    """The globs that hold from now on: those stored, and those given; "" drops what is before it.

    A glob that is a path on this machine, such as `~/Photos/out` or `/Photos/*.png`, is kept under
    the one spelling of its place.
    """
    merged = list(stored)
    for glob in given:
        if not glob.strip():
            merged.clear()
        else:
            merged.append(_placed(glob))
    return tuple(dict.fromkeys(merged))


def first_match(globs: tuple[str, ...], name: str, relative: str, *, is_dir: bool) -> str | None:
    """The first glob that matches a base name or the path below its root.

    One that begins with "./" is matched against that path alone.
    """
    if not globs:
        return None
    name, relative = composed(name), composed(relative)
    for glob, pattern in _compiled(globs):
        if glob.endswith("/") and not is_dir:
            continue
        is_anchored = glob.startswith("./")
        if pattern.fullmatch(relative) or (not is_anchored and pattern.fullmatch(name)):
            return glob
    return None


def _placed(glob: str) -> str:
    expanded = os.path.expanduser(glob)
    if not os.path.isabs(expanded):
        return glob
    literal = re.split(r"[*?\[]", expanded, maxsplit=1)[0]
    place, slash, _ = literal.rpartition("/") if literal != expanded else (literal, "", "")
    rest = expanded[len(place) :]
    end = "/" if not slash and expanded.endswith("/") else ""
    return real(place or "/").rstrip("/") + rest + end


@lru_cache(maxsize=32)
def _compiled(globs: tuple[str, ...]) -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple(
        (glob, plain_glob(composed(glob).rstrip("/").removeprefix("./"))) for glob in globs
    )
