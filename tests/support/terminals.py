"""A program in a terminal of its own, which a test types into and reads."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path

IN_ITS_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""
"""A shell wants a terminal of its own. No fork here: a process that has threads may not live on."""

LINES, COLUMNS, WIDE, HIGH = 40, 100, 1000, 800
"""The last two in pixels."""


def started(
    command: Sequence[object],
    *,
    typed: str = "",
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> tuple[subprocess.Popen[bytes], int]:
    """The program and its terminal, which is to be closed; `typed` waits there for it."""
    terminal, other_end = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, WIDE, HIGH))
    os.write(terminal, typed.encode())
    process = subprocess.Popen(
        [sys.executable, "-c", IN_ITS_TERMINAL, *map(str, command)],
        cwd=cwd,
        env=env,
        stdin=other_end,
        stdout=other_end,
        stderr=other_end,
        start_new_session=True,
    )
    os.close(other_end)
    return process, terminal
