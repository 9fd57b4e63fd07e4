"""Faults inside the writes of every command: killed, torn, out of space, stopped at the n-th.

    python -m tests.campaign.writes --trials 600

After each the library must keep its invariants and answer a search, what went wrong must be said in
one line, and the same command run again must end where it ends without the fault: the same images,
captions and vectors. The suite does so with fewer trials (`tests/test_campaign.py`). Needs Linux
and a C compiler.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.campaign.forked import Fork, is_restarted, restarted
from tests.campaign.scene import Command, Scene, facts_of, version_of
from tests.support.libraries import check_library

FAULTS = ("kill", "tear", "fail", "stop", "unlock")
"""What `faults.c` does; "unlock" is a stop in which somebody deletes `write.lock`."""
SOURCE = Path(__file__).with_name("faults.c")


def compiled(directory: Path) -> Path:
    """The preload library, made in `directory`."""
    library = directory / "faults.so"
    compiler = shutil.which("cc") or shutil.which("gcc") or "cc"
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", library, SOURCE, "-ldl"], check=True)
    return library


class Campaign:
    """Trials of commands under faults; what was wrong is counted, and said at once."""

    def __init__(
        self,
        directory: Path,
        commands: int | None = None,
        faults: Sequence[str] = FAULTS,
    ) -> None:
        """Of these faults, over all commands or over the first so many."""
        self.faults = faults
        self.scene = Scene(directory / "scene")
        self.counts: Counter[str] = Counter()
        self._work = directory / "library"
        self._log = directory / "calls"
        self.commands = self.scene.commands()[:commands]
        self._expected = {command.name: self._expect(command) for command in self.commands}
        self._calls = {command.name: self._count(command) for command in self.commands}

    def _faults(self, fault: str = "", at: int = 0) -> dict[str, str]:
        return {
            "FAULTS_DIR": str(self._work),
            "FAULTS_DO": fault,
            "FAULTS_AT": str(at),
            "FAULTS_LOG": str(self._log),
        }

    def _count(self, command: Command) -> int:
        """How many calls the command makes that a fault can hit."""
        library = self.scene.copy(command.begins_with, self._work)
        done = self.scene.run(library, *command.arguments, faults=self._faults())
        assert done.code == command.code, done.err
        return int(self._log.read_text())

    def _expect(self, command: Command) -> dict[str, object]:
        library = self.scene.copy(command.begins_with, self._work)
        self.scene.must(library, *command.arguments, code=command.code)
        return facts_of(library)

    def trials(self, count: int, seed: int) -> Iterator[tuple[Command, str, int]]:
        """Commands and faults in turns, each at a place drawn among the command's calls."""
        chance = random.Random(seed)
        for number in range(count):
            command = self.commands[number % len(self.commands)]
            fault = self.faults[number // len(self.commands) % len(self.faults)]
            yield command, fault, chance.randint(1, self._calls[command.name])

    def run(self, command: Command, fault: str, at: int) -> list[str]:
        """One trial; what was wrong, in words."""
        library = self.scene.copy(command.begins_with, self._work)
        if fault in ("stop", "unlock"):
            wrong = self._stopped(command, at, fault)
        else:
            done = self.scene.run(library, *command.arguments, faults=self._faults(fault, at))
            self.counts[f"{fault}: hit while it worked"] += done.code != 0
            wrong = ["a traceback"] if "Traceback" in done.err else []
            if fault == "fail" and done.code not in (0, 1):
                wrong.append(f"exit code {done.code}")
        self.counts[fault] += 1
        wrong += self._afterwards(command, library)
        self.counts["wrong"] += bool(wrong)
        return [f"{command.name}, {fault} at {at}: {what}" for what in wrong]

    def _stopped(self, command: Command, at: int, fault: str) -> list[str]:
        """While a writer stands still others read, and a second writer is told that it writes.

        Without the lock file the second may write, and the first may then not go on: what both
        leave is looked at afterwards.
        """
        wrong = []
        process = self.scene.start(self._work, *command.arguments, faults=self._faults("stop", at))
        try:
            if _stands_still(process):
                self.counts[f"{fault}: hit while it worked"] += 1
                is_locked = _holds(process, self._work / "write.lock")
                if fault == "unlock":
                    (self._work / "write.lock").unlink(missing_ok=True)
                reader = self.scene.run(self._work, "search", "red", "--paths")
                began = time.monotonic()
                second = self.scene.run(self._work, *command.beside)
                self.counts[f"{fault}: a second writer waited"] += time.monotonic() - began > 5
                self.counts[f"{fault}: a second writer wrote"] += second.code == 0
                if fault == "stop" and is_locked and second.code == 0:
                    wrong.append("a second writer wrote beside one that stands still")
                if "Traceback" in second.err + reader.err:
                    wrong.append("a traceback of a second writer or of a reader")
                if reader.code != 0 and command.begins_with != "none":
                    wrong.append(f"no search while it stands still: {reader.err[-300:]}")
        finally:
            process.signal(signal.SIGCONT)
        done = process.wait()
        may_end = (0, 1) if fault == "unlock" else (command.code,)
        if done.code not in may_end or "Traceback" in done.err:
            wrong.append(f"it did not go on: exit {done.code}, {done.err[-300:]}")
        return wrong

    def _afterwards(self, command: Command, library: Path) -> list[str]:
        wrong = []
        try:
            if (library / "catalog.sqlite").exists():
                if version_of(library) and command.begins_with != "rotten":  # 0 before the tables
                    check_library(library)
                found = self.scene.run(library, "search", "red", "--paths")
                if "Traceback" in found.err:
                    wrong.append("a search ends in a traceback")
            again = self.scene.run(library, *command.arguments)
            removed_already = command.name == "remove" and "lists no image" in again.err
            if again.code != command.code and not removed_already:
                wrong.append(f"the same again: exit {again.code}, {again.err[-300:]}")
            elif facts_of(library) != self._expected[command.name]:
                wrong.append("the same again ends elsewhere")
        except AssertionError as error:
            wrong.append(f"an invariant is broken: {error}")
        return wrong


def _stands_still(process: Fork) -> bool:
    """Whether the process was stopped, rather than came to its end."""
    while not process.ended():
        state = Path(f"/proc/{process.pid}/stat").read_text().rpartition(") ")[2][0]
        if state == "T":
            return True
        time.sleep(0.002)
    return False


def _holds(process: Fork, file: Path) -> bool:
    """Whether the process has this file open: the lock, taken and not yet let go."""
    return any(
        os.path.realpath(handle) == str(file)
        for handle in Path(f"/proc/{process.pid}/fd").iterdir()
    )


def main() -> None:
    """Run the campaign; exit status 1 where anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--commands", type=int, help="the first so many of them alone")
    parser.add_argument("--faults", nargs="+", choices=FAULTS, default=FAULTS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        if not is_restarted():
            preload = compiled(Path(directory))
            sys.exit(restarted("tests.campaign.writes", Path(directory), preload))
        began = time.monotonic()
        campaign = Campaign(Path(directory), arguments.commands, arguments.faults)
        try:
            for trial in campaign.trials(arguments.trials, arguments.seed):
                for wrong in campaign.run(*trial):
                    print(wrong, flush=True)
        except KeyboardInterrupt:
            print("stopped: what follows is of the trials before")
    campaign.counts["wrong"] += 0
    for what, number in sorted(campaign.counts.items()):
        print(f"{number:6} {what}")
    print(f"{time.monotonic() - began:6.0f} seconds")
    sys.exit(campaign.counts["wrong"] > 0)


if __name__ == "__main__":
    main()
