"""What an index run with nothing to do holds of a large library: seconds and peak memory.

    python -m benchmarks.rerun [--files 100000] [--keep DIR]

Makes that many empty files in folders of 1,000 and a library that lists them, in DIR where they are
not there yet, and lets one run do what is done once. Then the files are gone through and held
against the catalog, each time in a process of its own. 1,000,000 files take a quarter of an hour to
make. Peaks are read as Linux tells them.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.photos import empty_files
from indexers import pipeline
from indexers.walk import Walk
from searchengine import open_library
from tests.conftest import Watcher
from tests.support.fake import FakeEncoder
from tests.support.libraries import list_files

TIMES = 3
SURVEY = """
import sys, time
from pathlib import Path
from indexers.survey import take_survey
from indexers.trial import Trial
from indexers.walk import Walk
from searchengine import open_library

with open_library(sys.argv[2]) as library:
    wall, cpu = time.perf_counter(), time.process_time()
    trial = Trial(64.0, 2**30, "fake")
    plan = take_survey(library.catalog, Walk([Path(sys.argv[1])]), trial, retry_failed=False).plan
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
status = Path("/proc/self/status").read_text()  # that of getrusage is the parent's too
peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
print(f"{plan.unchanged:,} unchanged, {len(plan.jobs)} to do, {len(plan.missing)} missing: "
      f"{wall:.1f} s, processor {cpu:.1f} s, peak {peak:,.0f} MB")
"""


def main() -> None:
    """Measure, print as it goes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--keep", type=Path, help="where files and library stay, or are already")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        measure(asked.keep or Path(scratch), asked.files)


def measure(directory: Path, count: int) -> None:
    """Make what is not there yet, and print a line for each time."""
    files, library = directory / "files", directory / "library"
    if not library.exists():
        empty_files(files, count)
        list_files(library, FakeEncoder(), list(Walk([files])))
        with open_library(library) as made:
            pipeline.index(made, [files], encoder="fake", load=FakeEncoder, observer=Watcher())
    for _ in range(TIMES):
        subprocess.run([sys.executable, "-c", SURVEY, str(files), str(library)], check=True)


if __name__ == "__main__":
    main()
