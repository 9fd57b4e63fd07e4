"""What a person can do next: shown by `clipseek` alone, and at the end of the demo."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

from cli.notation import plural

PICTURES, WORDS = "~/Pictures", "a dog on the beach"


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
