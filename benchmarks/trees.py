"""What a command takes together with everything it starts, looked at five times a second. Linux.

A process stands between, which takes over orphans, so that daemons stay in sight until they end,
and nothing else that we have started. Each counts as it was last seen: of those that are waited for
here that is all of it, of others at most a fifth of a second is lost.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

PAUSE = 0.2
PATIENCE = 30.0
"""Seconds that daemons have to end after the command."""

_PR_SET_CHILD_SUBREAPER = 36
_TICKS, _PAGE = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Tree:
    """A command and its descendants, which have all ended."""

    seconds: float
    """From the start of the command to its end, by the clock."""
    command: float
    """Seconds of processor time of the command itself, user and system."""
    others: Sequence[tuple[str, float]]
    """Those of each other process, by its command line, which it may have rewritten."""
    peak: int
    """Bytes resident at most, of all together: pages that several share count for each."""

    @property
    def processor(self) -> float:
        """Of all together, in seconds."""
        return self.command + sum(seconds for _, seconds in self.others)


def tree_of(command: Sequence[str], environment: Mapping[str, str]) -> Tree:
    """Run a command, which must end well, with what `environment` adds to ours.

    Raises CalledProcessError, also where what it started goes on without it.
    """
    done = subprocess.run(
        [sys.executable, __file__, *command],
        check=True,
        stdout=subprocess.PIPE,
        env={**os.environ, **environment},
    )
    return Tree(**json.loads(done.stdout))


def _looked_at(command: Sequence[str]) -> Tree:
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    started = time.perf_counter()
    root = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seen, ended = _Seen(), os.pidfd_open(root.pid)
    while not select.select([ended], [], [], PAUSE)[0]:
        seen.look()
    seconds = time.perf_counter() - started
    os.close(ended)
    seen.look()
    root.wait()
    while seen.look():
        if time.perf_counter() - started > seconds + PATIENCE:
            raise TimeoutError(f"processes of {' '.join(command)} go on without it")
        _wait_for_orphans()
        time.sleep(PAUSE)
    if root.returncode:
        raise subprocess.CalledProcessError(root.returncode, command)
    mine = next(key for key in seen.processor if key[0] == root.pid)
    others = [(seen.titles[key], spent) for key, spent in seen.processor.items() if key != mine]
    return Tree(seconds, seen.processor[mine], others, seen.peak)


@dataclass(frozen=True, slots=True)
class _Process:
    key: tuple[int, int]
    """Its number and when it started: numbers are given again."""
    parent: int
    processor: float
    resident: int


class _Seen:
    """The descendants of this process, as far as they were met."""

    def __init__(self) -> None:
        self.processor: dict[tuple[int, int], float] = {}
        self.titles: dict[tuple[int, int], str] = {}
        self.peak = 0

    def look(self) -> int:
        """Note what those that are there have taken; returns how many there are."""
        there = list(_descendants())
        self.peak = max(self.peak, sum(process.resident for process in there))
        for process in there:
            self.processor[process.key] = process.processor
            title = _read(process.key[0], "cmdline").replace("\0", " ").strip()
            self.titles[process.key] = title or self.titles.get(process.key, "")
        return len(there)


def _descendants() -> Iterator[_Process]:
    numbers = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    there = [found for number in numbers if (found := _process(number)) is not None]
    below = {os.getpid()}
    while more := {each.key[0] for each in there if each.parent in below} - below:
        below |= more
    return (each for each in there if each.parent in below)


def _process(number: int) -> _Process | None:
    """See proc_pid_stat(5); None where it has gone."""
    said = _read(number, "stat").rpartition(")")[2].split()
    if not said:
        return None
    parent, user, system, started, pages = (int(said[place]) for place in (1, 11, 12, 19, 21))
    return _Process((number, started), parent, (user + system) / _TICKS, pages * _PAGE)


def _read(number: int, name: str) -> str:
    try:
        return Path(f"/proc/{number}/{name}").read_text(errors="replace")
    except OSError:
        return ""


def _wait_for_orphans() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


if __name__ == "__main__":
    print(json.dumps(asdict(_looked_at(sys.argv[1:]))))
