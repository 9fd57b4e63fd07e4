"""What a person can do next: shown by `clipseek` alone, and at the end of the demo."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from cli.notation import plural

LIBRARY = "--library"
PICTURES, WORDS = "~/Pictures", "a dog on the beach"


_COMMAND = re.compile(
    r"(?<!^clipseek: )(?<!^Usage: )(?:(?<=: )|(?<=with ))"
    r"clipseek ((?:(?:album|captions|label|snapshots) )?[a-z-]+)(?=[ ,;)]|$)"
)
"""A command that a line says to give, up to where its own arguments begin."""

_WITHOUT_LIBRARY = ("compare", "export", "models")


def of_library(line: str, arguments: Sequence[str]) -> str:
    """The line, where the commands it says to give are for the library that this one is given.

    Else they would be for the default library.
    """
    given = [
        value.removeprefix(f"{LIBRARY}=")
        for flag, value in pairwise(arguments)
        if flag == LIBRARY or value.startswith(f"{LIBRARY}=")
    ]
    if not given or LIBRARY in line:
        return line

    def named(found: re.Match[str]) -> str:
        if found[1] in _WITHOUT_LIBRARY:
            return found[0]
        return f"{found[0]} {LIBRARY} {shlex.quote(given[-1])}"

    return _COMMAND.sub(named, line)


def next_steps(library: Path | None = None) -> list[str]:
    """Lines for the library at `library`, or the default one: what it holds, and what to type now.

    Raises LibraryError for a library that cannot be opened.
    """
    from searchengine import open_library
    from searchengine.errors import LibraryNotFoundError
    from searchengine.library.layout import default_library_path

    path = library or default_library_path()
    try:
        with open_library(path) as opened:
            images = opened.catalog.counts()["images"]
    except LibraryNotFoundError:
        return [f"There is no library at {path} yet. Index your photos:", *_first()]
    if not images:
        return [f"The library at {path} is empty. Index your photos:", *_first()]
    return [
        f"{plural(images, 'image')} in {path}. To search them:",
        f"  {program()} search {shlex.quote(WORDS)}",
        f"  {program()} serve --open",
        "To bring it up to date with your photos:",
        *_first(),
    ]


def _first() -> list[str]:
    return [f"  {program()} index {PICTURES}"]


def shorter() -> list[str]:
    """How to come to type `clipseek` alone, where it is in an environment that is not entered."""
    enter = Path(sys.executable).parent / "activate"
    if program() == "clipseek" or not enter.exists():
        return []
    return [f"To type just clipseek from now on: . {shlex.quote(_shortest(enter))}"]


def program() -> str:
    """How this program is called from where the person is."""
    ours = Path(sys.executable).parent / "clipseek"
    found = shutil.which("clipseek")
    if found and ours.exists() and Path(found).samefile(ours):  # pipx links to it
        return "clipseek"
    if not ours.exists():
        return f"{shlex.quote(sys.executable)} -m cli"
    return shlex.quote(_shortest(ours))


def _shortest(path: Path) -> str:
    return min(str(path), os.path.relpath(path), key=len)
