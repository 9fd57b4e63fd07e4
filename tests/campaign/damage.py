"""Every file of a library damaged in seven ways: found, or harmless; never wrong in silence.

    python -m tests.campaign.damage --trials 5

After each damage a search either answers as before, or says what is wrong, or `clipseek check`
finds it. No command ends in a traceback. The suite does so on a few (`tests/test_campaign.py`).
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.campaign.scene import PATIENCE_S, Scene

QUERIES = ("red", "blue", "yellow green", "black")
SCORE_MOVED = 1e-4
"""By which the score of a hit may differ: a search through another way to the same answer."""


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


def _gone(path: Path, chance: random.Random) -> None:
    path.unlink()
    kind = chance.randrange(3)
    if kind == 0:
        path.mkdir()
    elif kind == 1:
        path.touch()


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
    "gone, empty, a directory": _gone,
    "longer": lambda path, chance: path.write_bytes(path.read_bytes() + chance.randbytes(5_000)),
}


class Campaign:
    """Trials over the files of one library."""

    def __init__(self, directory: Path) -> None:
        self.scene = Scene(directory / "scene")
        self._whole = self.scene.template("indexed")
        self.scene.must(self._whole, "captions", "add", str(self.scene.captions))
        self._work = directory / "library"
        self._answers, self._said = self._ask(self._whole)
        self.counts: Counter[str] = Counter()

    def files(self) -> list[Path]:
        """Every file of the library, below it."""
        found = [path for path in self._whole.rglob("*") if path.is_file()]
        return sorted(path.relative_to(self._whole) for path in found if path.stat().st_size)

    def trials(self, count: int, seed: int) -> Iterator[tuple[Path, str, int]]:
        """Each file in each way, so many times, with a seed."""
        for number in range(count):
            for file in self.files():
                for way in WAYS:
                    yield file, way, seed + number

    def run(self, file: Path, way: str, seed: int) -> list[str]:
        """One trial; what was wrong, in words."""
        shutil.rmtree(self._work, ignore_errors=True)
        shutil.copytree(self._whole, self._work)
        WAYS[way](self._work / file, random.Random(f"{file}{way}{seed}"))
        answers, said = self._ask(self._work)
        checked = self.scene.run(self._work, "check")
        indexed = self.scene.run(self._work, "index", str(self.scene.photos))
        wrong = [
            f"a traceback of {name}"
            for name, err in (("search", said), ("check", checked.err), ("index", indexed.err))
            if "Traceback" in err
        ]
        same = _alike(answers, self._answers)
        told = said != self._said
        if not same and checked.code == 0 and not told:
            wrong.append("other answers in silence, and check finds nothing")
        outcome = "answers right" if same else "told by the search" if told else "found by check"
        self.counts["wrong" if wrong else outcome] += 1
        return [f"{file}, {way}, seed {seed}: {what}" for what in wrong]

    def _ask(self, library: Path) -> tuple[list[object], str]:
        """The hits of some queries by path and score, and what was said beside them."""
        hits: list[object] = []
        said = ""
        for query in QUERIES:
            process = self.scene.start(library, "search", query, "--json", "-k", "20")
            out, err = process.communicate(timeout=PATIENCE_S)
            said += err
            hits.append([(hit["path"], hit["score"]) for hit in map(json.loads, out.splitlines())])
        return hits, said


def _alike(found: list[object], expected: list[object]) -> bool:
    for hits, wanted in zip(found, expected, strict=True):
        assert isinstance(hits, list)
        assert isinstance(wanted, list)
        if [path for path, _ in hits] != [path for path, _ in wanted]:
            return False
        if any(abs(a - b) > SCORE_MOVED for (_, a), (_, b) in zip(hits, wanted, strict=True)):
            return False
    return True


def main() -> None:
    """Run the campaign; exit status 1 where anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=5, help="of each file in each way")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        campaign = Campaign(Path(directory))
        for trial in campaign.trials(arguments.trials, arguments.seed):
            for wrong in campaign.run(*trial):
                print(wrong, flush=True)
    for what, number in sorted(campaign.counts.items()):
        print(f"{number:6} {what}")
    sys.exit(campaign.counts["wrong"] > 0)


if __name__ == "__main__":
    main()
