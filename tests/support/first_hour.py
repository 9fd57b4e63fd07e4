"""From a clone to the page over one's own photos, by the lines of README and of what they print.

    python3 -m tests.support.first_hour

does it in full, with nothing but Python: it clones this checkout's last commit into a temporary
home, runs README's lines, which install clipseek and all it stands on (minutes, and gigabytes),
runs the lines that `make demo` ends with over a folder of photos in that home, and asks the page
for them. The suite (`test_first_hour.py`) does the same with borrowed packages, and looks at the
page.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.places import ROOT

OWN = {"food/coffee-cup.jpg": "IMG_0001.jpg", "animals/penguin.jpg": "Trip to the south/DSC 7.JPG"}
"""Sample photos that are somebody's own, under the names that cameras and people give."""

BEFORE_OWN = "Now your own photos:"
"""Below it `make demo` prints what to type."""

PATIENCE = 60.0


def home_of_somebody(directory: Path) -> Path:
    """A home with a folder of pictures, and a browser that writes down what it is asked to open."""
    for name, own in OWN.items():
        photo = directory / "Pictures" / own
        photo.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "sample_data" / "photos" / name, photo)
    (directory / "Pictures" / "notes.txt").write_text("not a picture")
    browser = directory / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {directory}/opened\n')
    browser.chmod(0o755)
    return directory


def readme_lines() -> list[str]:
    """What README says to type first, after the clone."""
    block = re.search(r"^```\n(git clone .*?)^```", (ROOT / "README.md").read_text(), re.M | re.S)
    assert block is not None
    return [line for line in block[1].splitlines()[1:] if not line.startswith("make test")]


@contextmanager
def page_of(clone: Path, home: Path, environment: dict[str, str]) -> Iterator[str]:
    """Type the lines, in this order; yields the address that the browser was sent to.

    The page is on any free port, for others may serve on this machine.
    """
    environment = {**environment, "BROWSER": str(home / "browser")}
    said = "".join(_typed(line, clone, environment) for line in readme_lines())
    *lines, last = _lines_to_type(said)
    for line in lines:
        _typed(line, clone, environment)
    with subprocess.Popen(
        ["/bin/sh", "-c", f"exec {last} --port 0"], cwd=clone, env=environment
    ) as server:
        try:
            yield _opened(home / "opened")
        finally:
            server.terminate()


def _typed(line: str, clone: Path, environment: dict[str, str]) -> str:
    print(f"$ {line}", flush=True)
    done = subprocess.run(
        ["/bin/sh", "-c", line],
        cwd=clone,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    print(done.stdout, flush=True)
    assert done.returncode == 0, line
    return done.stdout


def _lines_to_type(said: str) -> list[str]:
    _, found, after = said.partition(f"{BEFORE_OWN}\n")
    assert found, f"make demo does not end with {BEFORE_OWN!r}"
    return [line.strip() for line in after.splitlines() if line.startswith("  ")]


def _opened(record: Path) -> str:
    end = time.monotonic() + PATIENCE
    while not record.exists() or not record.read_text().endswith("\n"):
        assert time.monotonic() < end, "no page was opened"
        time.sleep(0.1)
    return record.read_text().strip()


def main() -> None:
    """Do it in full; the exit code says whether the photos are found."""
    with tempfile.TemporaryDirectory() as directory:
        home = home_of_somebody(Path(directory).resolve())
        clone = home / "clipseek"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        environment = {**os.environ, "HOME": str(home), "HF_HUB_OFFLINE": "1"}
        for name in ("PYTHONPATH", "VIRTUAL_ENV", "CLIPSEEK_LIBRARY"):
            environment.pop(name, None)
        with page_of(clone, home, environment) as address:
            with urllib.request.urlopen(f"{address}api/search?q=coffee&k=1") as answer:
                (hit,) = json.load(answer)["hits"]
            with urllib.request.urlopen(address) as page:
                assert hit["name"] in page.read().decode()
        found = Path(hit["path"]).name == OWN["food/coffee-cup.jpg"]
        sys.exit(0 if found else f"found {hit['path']}")


if __name__ == "__main__":
    main()
