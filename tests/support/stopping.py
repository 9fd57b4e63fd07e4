"""A writer that stops itself (SIGSTOP) at a chosen place inside one commit.

python -m tests.support.stopping LIBRARY PLACE
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from searchengine.catalog.records import Batch
from searchengine.errors import ClipseekError
from searchengine.library.library import open_library
from searchengine.vectors.file import VectorFile
from tests.support.damage import DIM, entries, unit_rows

PLACES = ("before the transaction", "before the rows", "in the rows", "after the rows")
FIRST, ROWS = 1_000, 40


def stop_at(place: str) -> None:
    """Have this process stop where it comes to `place`, once."""

    def stop() -> None:
        os.kill(os.getpid(), signal.SIGSTOP)

    append = VectorFile.append
    if place == "before the rows":
        VectorFile.append = _after(stop, append)  # type: ignore[method-assign]
    elif place == "in the rows":
        fsync = os.fsync
        os.fsync = _after(stop, fsync)
    elif place == "after the rows":

        def appended(*given: Any, **named: Any) -> Any:
            found = append(*given, **named)
            stop()
            return found

        VectorFile.append = appended  # type: ignore[method-assign]
    else:
        stop()


def _after(first: Callable[[], None], then: Callable[..., Any]) -> Callable[..., Any]:
    def both(*given: Any, **named: Any) -> Any:
        first()
        return then(*given, **named)

    return both


def main() -> None:
    """Add images to a library, stopping on the way; a known error is printed and ends with 1."""
    path, place = Path(sys.argv[1]), sys.argv[2]
    rows = unit_rows(ROWS, DIM, seed=5)
    try:
        with open_library(path) as library, library.writing() as writer:
            space = library.space()
            stop_at(place)
            writer.commit(space, Batch(added=entries(FIRST, FIRST + ROWS)), rows)
    except ClipseekError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
