"""A process beside the server: begun with all threads of the machine, and ended."""

from __future__ import annotations

import os
import subprocess

THREAD_COUNTS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Where the libraries that multiply read how many threads to take, when they are imported."""

END_SECONDS = 10
"""How long a process may take to save what it is at."""

_set_here: set[str] = set()


def one_thread_a_question() -> None:
    """Have each multiplication done on one thread, unless somebody has chosen otherwise.

    Questions that come together share the cores better than by each taking all of them: at 10,000
    images a text query costs 16 ms of the processors' time so, and 53 ms on two cores that wait
    for each other. No effect where numpy is imported already.
    """
    for name in THREAD_COUNTS:
        if name not in os.environ:
            os.environ[name] = "1"
            _set_here.add(name)


def environment(**more: str) -> dict[str, str]:
    """The variables of a process that does one thing, with as many threads as it likes."""
    kept = {name: value for name, value in os.environ.items() if name not in _set_here}
    return {**kept, **more}


def end(process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> None:
    """Ask a process to end, and see that it does."""
    process.terminate()  # Ctrl-C is ignored by what a script has in the background
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
