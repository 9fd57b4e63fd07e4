"""The first run of a new library, which may end before anything is in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def none_left_empty(path: str | None) -> Iterator[None]:
    """Where the first run of a new library ends before anything is in it, there is none.

    However it ends: by an error of any kind, or by Ctrl-C. One that another run writes stays.
    """
    from searchengine import open_library
    from searchengine.errors import ClipseekError
    from searchengine.library.layout import CATALOG, default_library_path, discard_empty
    from searchengine.paths import at_home

    directory = at_home(path or default_library_path())
    was_there = (directory / CATALOG).exists()
    try:
        yield
    except BaseException:
        if not was_there and (directory / CATALOG).exists():
            with suppress(ClipseekError, OSError), open_library(directory) as made:
                discard_empty(made)
        raise
