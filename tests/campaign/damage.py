"""Every file of a library damaged in nine ways: found, or harmless; never wrong in silence.

    python -m tests.campaign.damage --trials 5

The library has a file of every kind that there is (`whole.py`). After each damage a search and
other questions either answer as before, or say what is wrong, or `clipseek check` finds it; and
after `check --repair` and an index run they answer as before, or `check` still says what is left.
No command ends in a traceback or is ended by the system. The suite does so on a few
(`tests/test_campaign.py`). Needs a system that forks.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.campaign.forked import Done, is_restarted, restarted
from tests.campaign.whole import Whole

SCORE_MOVED = 2e-4
"""By which a score may differ: a search through another way to the same answer."""


def _bits(path: Path, chance: random.Random, count: int) -> None:
    data = bytearray(path.read_bytes())
    for _ in range(count):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)


def _zeros(path: Path, chance: random.Random) -> None:
    data = bytearray(path.read_bytes())
    start = chance.randrange(max(1, len(data) // 512)) * 512
    data[start : start + 4096] = bytes(len(data[start : start + 4096]))
    path.write_bytes(data)


def _a_directory(path: Path, _: random.Random) -> None:
    path.unlink()
    path.mkdir()


WAYS: dict[str, Callable[[Path, random.Random], object]] = {
    "one bit": lambda path, chance: _bits(path, chance, 1),
    "20 bits": lambda path, chance: _bits(path, chance, 20),
    "a page of zeros": _zeros,
    "garbage, same size": lambda path, chance: path.write_bytes(
        chance.randbytes(path.stat().st_size)
    ),
    "truncated": lambda path, chance: path.write_bytes(
        path.read_bytes()[: chance.randrange(path.stat().st_size)]
    ),
    "gone": lambda path, _: path.unlink(),
    "empty": lambda path, _: path.write_bytes(b""),
    "a directory": _a_directory,
    "longer": lambda path, chance: path.write_bytes(path.read_bytes() + chance.randbytes(5_000)),
}


class Campaign:
    """Trials over the files of one library."""

    def __init__(self, directory: Path) -> None:
        self.whole = Whole(directory / "whole")
        self._work = directory / "library"
        shutil.copytree(self.whole.library, self._work)
        self._expected = self._ask()
        assert all(done.code == 0 for done in self._expected), self._expected
        self.counts: Counter[str] = Counter()

    def files(self) -> list[Path]:
        """Every file of the library, below it."""
        found = [path for path in self.whole.library.rglob("*") if path.is_file()]
        return sorted(path.relative_to(self.whole.library) for path in found if path.stat().st_size)

    def trials(self, count: int, seed: int) -> Iterator[tuple[Path, str, int]]:
        """Each file in each way, so many times, with a seed."""
        for number in range(count):
            for file in self.files():
                for way in WAYS:
                    yield file, way, seed + number

    def run(self, file: Path, way: str, seed: int) -> list[str]:
        """One trial; what was wrong, in words."""
        shutil.rmtree(self._work)
        shutil.copytree(self.whole.library, self._work)
        WAYS[way](self._work / file, random.Random(f"{file}{way}{seed}"))
        asked = self._ask()
        checked = self.whole.run(self._work, "check")
        said = _said(asked) != _said(self._expected)
        same = _alike(asked, self._expected)
        wrong = []
        if not (same or said or checked.code):
            wrong.append("other answers in silence, and check finds nothing")
        repaired = self.whole.run(self._work, "check", "--repair")
        indexed = self.whole.run(self._work, "index", str(self.whole.photos))
        checked_again = self.whole.run(self._work, "check")
        asked_again = self._ask()
        is_mended = _alike(asked_again, self._expected)
        if not (is_mended or checked_again.code or _said(asked_again) != _said(self._expected)):
            wrong.append("other answers in silence after check --repair and index")
        for done in (*asked, checked, repaired, indexed, checked_again, *asked_again):
            if done.code not in (0, 1) or "Traceback" in done.err or "bug in clipseek" in done.err:
                wrong.append(f"exit {done.code}: {done.err[-400:]}")
        outcome = "answers right" if same else "told when asked" if said else "found by check"
        self.counts["wrong" if wrong else outcome] += 1
        self.counts["mended by check --repair and index"] += is_mended and not checked_again.code
        return [f"{file}, {way}, seed {seed}: {what}" for what in wrong]

    def _ask(self) -> list[Done]:
        """Two at a time."""
        asked = self.whole.asked
        done: list[Done] = []
        for first in range(0, len(asked), 2):
            pair = [
                self.whole.start(self._work, *arguments, number=number)
                for number, arguments in enumerate(asked[first : first + 2])
            ]
            done += [each.wait() for each in pair]
        return done


def _said(asked: Sequence[Done]) -> list[tuple[int, str]]:
    return [(done.code, done.err) for done in asked]


def _alike(found: Sequence[Done], expected: Sequence[Done]) -> bool:
    return all(
        len(a := done.out.splitlines()) == len(b := wanted.out.splitlines())
        and all(map(_same_line, a, b))
        for done, wanted in zip(found, expected, strict=True)
    )


def _same_line(found: str, expected: str) -> bool:
    """Equal but for what differs in the last places of numbers."""
    if found == expected:
        return True
    try:
        ours, theirs = json.loads(found), json.loads(expected)
    except ValueError:
        return False
    if not isinstance(ours, dict) or not isinstance(theirs, dict) or ours.keys() != theirs.keys():
        return False
    return all(
        abs(ours[key] - value) <= SCORE_MOVED * (10 if key == "relevance" else 1)
        if isinstance(value, float) and isinstance(ours[key], float)
        else ours[key] == value
        for key, value in theirs.items()
    )


def main() -> None:
    """Run the campaign; exit status 1 where anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=5, help="of each file in each way")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sample", type=int, metavar="N", help="so many of these trials")
    parser.add_argument("--files", nargs="+", help="those with such a name alone")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        if not is_restarted():
            sys.exit(restarted("tests.campaign.damage", Path(directory)))
        began = time.monotonic()
        campaign = Campaign(Path(directory))
        print(*(path.name for path in campaign.files()), flush=True)
        trials = [
            trial
            for trial in campaign.trials(arguments.trials, arguments.seed)
            if not arguments.files or any(each in trial[0].name for each in arguments.files)
        ]
        if arguments.sample:
            trials = random.Random(arguments.seed).sample(trials, arguments.sample)
        try:
            for trial in trials:
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
