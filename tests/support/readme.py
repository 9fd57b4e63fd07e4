"""The console blocks of README.md and the guide, run: what is shown is what the program prints.

    python -m tests.support.readme --write

Every line `$ clipseek ...` in a ```console block is run, in order, in a directory that holds the
sample photos as Photos, queries.txt, pairs.json and by-folder.csv, with an empty library for each
page. `--write` puts the output into the pages; the suite (`test_readme.py`) compares it, with
numbers that depend on the machine masked.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.places import ROOT

README, GUIDE = ROOT / "README.md", ROOT / "docs" / "guide.md"
PAGES = (README, GUIDE)
BLOCK = re.compile(r"(```console\n)(.*?)(```)", re.DOTALL)
HOME = "/home/grace/pics"
"""Stands in the README for the directory the commands ran in; of the same length where that is a
temporary one of Linux, so that columns stay straight."""


IN_FLOAT32 = (
    "from searchengine.encoders.openvino.precision import prefer; "
    "from searchengine.encoders.openvino.towers import StarterTowers; "
    "prefer(StarterTowers('starter-256'), 'float32')"
)
"""What every machine computes in, as if it had been measured: the figures are then the same."""


PAIRS = [
    {"kind": kind, "image": image, "captions": captions}
    for kind, image, captions in (
        ("swap", "moose.jpg", ["a moose in a meadow", "a meadow in a moose"]),
        ("swap", "baseball.jpg", ["a ball on white ground", "white ground on a ball"]),
        ("replace", "pencil.jpg", ["a pencil on red paper", "a pencil on blue paper"]),
        ("replace", "gone.jpg", ["a cup", "a plate"]),
    )
]
"""A selection task of one's own, one of whose pictures is not there."""

FOLDERS = ("animals", "people", "places")
"""Folders of the sample photos whose captions are grouped by them."""


def run_blocks(text: str) -> str:
    """The text with the output of every command in it replaced by what the command prints now."""
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory).resolve()
        shutil.copytree(ROOT / "sample_data" / "photos", home / "Photos")
        shutil.copy(ROOT / "sample_data" / "captions.csv", home / "captions.csv")
        (home / "queries.txt").write_text("a dog on the beach\nsomething to eat\n")
        (home / "pairs.json").write_text(json.dumps(PAIRS))
        _group_captions(home / "captions.csv", home / "by-folder.csv")
        (home / "Photos" / "broken.jpg").write_bytes(b"\xff\xd8 no more of this file")
        assert _run([sys.executable, "-c", IN_FLOAT32], home) == ""

        def fill(block: re.Match[str]) -> str:
            commands = [line for line in block[2].splitlines() if line.startswith("$ ")]
            shown = "".join(f"{command}\n{_output(command, home)}" for command in commands)
            return block[1] + shown + block[3]

        return BLOCK.sub(fill, text)


def _group_captions(captions: Path, grouped: Path) -> None:
    """Write the captions of photos in `FOLDERS` again, with the folder as a further column."""
    with (
        captions.open(encoding="utf-8", newline="") as source,
        grouped.open("w", encoding="utf-8", newline="") as target,
    ):
        writer = csv.DictWriter(target, ["image", "caption", "folder"])
        writer.writeheader()
        for row in csv.DictReader(source):
            folder = row["image"].partition("/")[0]
            if folder in FOLDERS:
                writer.writerow({**row, "folder": folder})


def _output(command: str, home: Path) -> str:
    words = shlex.split(command.removeprefix("$ "))
    assert words[0] == "clipseek", command
    return _run([sys.executable, "-m", "cli", *words[1:]], home).replace(str(home), HOME)


def _run(command: list[str], home: Path) -> str:
    environment = {
        **os.environ,
        "CLIPSEEK_LIBRARY": str(home / "library"),
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(home / "cache"),
        "XDG_CACHE_HOME": str(home / "cache"),
        "PYTHONPATH": str(ROOT),
        "COLUMNS": "100",
    }
    done = subprocess.run(
        command,
        cwd=home,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout


def masked(text: str) -> str:
    """The text without what differs between machines: decimals, dates and widths of columns."""
    text = re.sub(r"-?\d+\.\d+|\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2})?", "#", text)
    return re.sub(r"(limited by )\w+", r"\1#", re.sub(r"[ ]+", " ", text))


def main() -> None:
    """Check the pages, or write them anew."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true")
    write = parser.parse_args().write
    for page in PAGES:
        now = page.read_text(encoding="utf-8")
        fresh = run_blocks(now)
        if write:
            page.write_text(fresh, encoding="utf-8")
        elif masked(fresh) != masked(now):
            sys.exit(f"{page.name} shows other output than the program prints: make readme")


if __name__ == "__main__":
    main()
