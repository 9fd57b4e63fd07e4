"""Index runs that go on: in this process, and beside a server in one of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cli import output

if TYPE_CHECKING:
    from indexers.arrivals import Told
    from indexers.pipeline import IndexReport
    from indexers.watching.watch import Run

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
    from serving.apart.process import end, environment

    command = [sys.executable, "-m", "cli", "index", "--watch", "--library", str(library)]
    watching = subprocess.Popen(
        [*command, "--", *(str(root.absolute()) for root in roots)],
        env=environment(**{PARENT: str(os.getpid())}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for the server, which ends it
    )
    try:
        yield
    finally:
        end(watching)


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
