"""What a whole command takes: time, processor time and memory, of its process and no other.

Linux counts to a process what its parent had when it was started: a command that a benchmark of
500 MB starts would never have taken less. So a small process stands between.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_BETWEEN = """
import json, os, subprocess, sys, time
started = time.perf_counter()
running = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
_, status, used = os.wait4(running.pid, 0)
seconds = time.perf_counter() - started
print(json.dumps([status, seconds, used.ru_utime + used.ru_stime, 1024 * used.ru_maxrss]))
"""


@dataclass(frozen=True, slots=True)
class Spent:
    """By one process."""

    seconds: float
    """From start to end, by the clock."""
    processor: float
    """User and system time, in seconds."""
    peak: int
    """Memory at most, in bytes, with what it maps of files."""


def spent_by(
    command: Sequence[str], environment: Mapping[str, str], folder: Path | None = None
) -> Spent:
    """Run a command, which must end well, with what `environment` adds to ours. Linux alone."""
    done = subprocess.run(
        [sys.executable, "-c", _BETWEEN, *command],
        check=True,
        stdout=subprocess.PIPE,
        cwd=folder,
        env={**os.environ, **environment},
    )
    status, *spent = json.loads(done.stdout)
    assert status == 0, f"{' '.join(command)} failed"
    return Spent(*spent)
