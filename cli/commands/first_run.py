"""The first run of a new library, which may fail before anything is in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def none_left_empty(path: str | None) -> Iterator[None]:
    """Where the first run of a new library fails before anything is in it, there is none."""
    from searchengine import open_library
    from searchengine.errors import ClipseekError, LibraryLockedError
    from searchengine.library.layout import CATALOG, default_library_path, discard_empty

    directory = Path(path or default_library_path()).expanduser()
    was_there = (directory / CATALOG).exists()
    try:
        yield
    except LibraryLockedError:
        raise  # it is another run's
    except ClipseekError:
        if not was_there and (directory / CATALOG).exists():
            with open_library(directory) as made:
                is_empty = not any(made.catalog.counts().values()) and not made.spaces()
            if is_empty:
                discard_empty(directory)
        raise
