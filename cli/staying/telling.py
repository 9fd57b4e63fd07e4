"""Index runs that a server began: how far they are, in lines of JSON (`serving.indexing.run`)."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cli import output

if TYPE_CHECKING:
    from cli.progress import TqdmObserver

EVERY = 0.2
"""Seconds between lines, at least: a run reads hundreds of files a second."""


def index_command(library: str | None) -> list[str]:
    """The command of an index run that tells of itself; none for a library in parts."""
    from searchengine.library.layout import url_of

    if url_of(library) is not None:
        return []
    where = ["--library", library] if library else []
    return [sys.executable, "-m", "cli", "index", "--json", *where]


@contextmanager
def observer_of_run() -> Iterator[TqdmObserver | LineObserver]:
    """Who is told how an index run goes: a person, or the server that began it."""
    from serving.indexing.run import TELLS

    if os.environ.get(TELLS):
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # how the server stops it
        yield LineObserver()
        return
    from cli.progress import TqdmObserver

    with TqdmObserver("indexing") as observer:
        yield observer


class LineObserver:
    """A run as lines of JSON on stdout."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._total = self._done = 0
        self._stage = "looking"
        self._said_at = 0.0

    def planned(self, total: int) -> None:
        """So many files will be read."""
        self._total = total
        self._now("reading")

    def loading(self) -> None:
        """The first picture waits for the encoder."""
        self._now("loading")

    def started(self) -> None:
        """The encoder is loaded."""
        self._now("encoding")

    def advanced(self) -> None:
        """One more file is done with."""
        self._done += 1
        if self._done == self._total or time.monotonic() - self._said_at >= EVERY:
            self._now(self._stage)

    def skipped(self, path: str, reason: str) -> None:
        """A file that cannot be used."""
        self._say({"skipped": path, "reason": reason})

    def close(self) -> None:
        """The report follows."""

    def _now(self, stage: str) -> None:
        self._stage, self._said_at = stage, time.monotonic()
        self._say({"stage": stage, "done": self._done, "total": self._total})

    def _say(self, told: dict[str, object]) -> None:
        try:
            with self._lock:
                output.print_json(told)
                output.finish()
        except output.ReaderGone:  # the server is gone: what was done is saved
            raise KeyboardInterrupt from None
