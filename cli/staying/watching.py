"""Index runs that go on: in this process, and beside a server in one of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cli import output

if TYPE_CHECKING:
    from indexers.arrivals import Told
    from indexers.pipeline import IndexReport
    from indexers.watching.watch import Run

PAUSE, LONGEST_PAUSE = 1.0, 300.0
"""Seconds before a watch beside a server begins again: the first time, and at most."""

TICK = 0.2
"""Seconds after which its end is noticed."""

PARENT = "CLIPSEEK_WATCHES_FOR"
"""The environment variable with the number of the process that a watch ends with."""


def keep_up(
    roots: Sequence[Path],
    library: Path,
    first: Run,
    run: Run,
    *,
    as_json: bool,
) -> None:
    """Run whenever `roots` change and say what came of it, until Ctrl-C or the parent's end.

    The `first` run says itself what came of it.
    """
    from indexers.watching.watch import watch

    def run_and_tell(there: list[Path], told: Told) -> IndexReport:
        report = run(there, told)
        _tell(report, as_json=as_json)
        return report

    def begin(there: list[Path], told: Told) -> IndexReport:
        report = first(there, told)
        output.finish()
        output.note(f"watching {', '.join(map(str, roots))}; Ctrl-C stops it")
        return report

    parent = os.environ.get(PARENT)

    def is_wanted() -> bool:
        return parent is None or str(os.getppid()) == parent

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # services are ended by it
    try:
        watch(roots, library, run_and_tell, first=begin, is_wanted=is_wanted)
    except KeyboardInterrupt:
        output.note("stopped; what was done is saved")


@contextmanager
def beside(library: Path, roots: Sequence[Path]) -> Iterator[None]:
    """Watch in a process of its own meanwhile: an encoder at work would hold up who searches."""
    from searchengine.library.layout import CATALOG

    command = [sys.executable, "-m", "cli", "index", "--watch", "--library", str(library)]
    places = [str(root.absolute()) for root in roots]
    with kept_going([*command, "--", *places], library / CATALOG):
        yield


@contextmanager
def kept_going(command: Sequence[str], needed: Path) -> Iterator[None]:
    """Have a process beside, begun again whenever it ends, later each time it did not last.

    It is begun only while the file that it needs is there: no library is made where one was.
    """
    from serving.apart.process import end, environment

    over = threading.Event()

    def go_on() -> None:
        pause = PAUSE
        while not over.is_set():
            if not needed.exists():
                over.wait(TICK)
                continue
            began = time.monotonic()
            process = subprocess.Popen(
                command,
                env=environment(**{PARENT: str(os.getpid())}),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the server, which ends it
            )
            while process.poll() is None and not over.wait(TICK):
                pass
            if over.is_set():
                end(process)
                return
            if time.monotonic() - began > LONGEST_PAUSE:
                pause = PAUSE
            output.note(
                f"the watch has ended ({process.returncode}): it begins again in {pause:.0f} s"
            )
            over.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    thread = threading.Thread(target=go_on, name="watch")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _tell(report: IndexReport, *, as_json: bool) -> None:
    """What a run did; nothing where it had nothing to do."""
    counts = {
        "indexed": report.indexed,
        "moved": report.moved,
        "copies": report.copies,
        "removed": report.removed,
    }
    done = [f"{number:,} {name}" for name, number in counts.items() if number]
    if not done:
        return
    if as_json:
        output.print_json(report)
        output.finish()
    else:
        output.note(f"{', '.join(done)}; {report.found:,} in all, {report.seconds:.1f} s")
