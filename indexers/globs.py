"""Globs of `--exclude`: as they are written, stored and matched."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from searchengine.paths import composed, real


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
    return tuple((glob, re.compile(_glob_regex(composed(glob).rstrip("/")))) for glob in globs)


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
