"""What benchmarks say of whole commands is of those alone."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from benchmarks.processes import spent_by
from benchmarks.trees import tree_of

TAKES = "import sys; b = bytearray(int(sys.argv[1])); b[::4096] = bytes(len(b[::4096]))"


@pytest.mark.skipif(sys.platform != "linux", reason="wait4 counts in another unit elsewhere")
def test_the_memory_of_a_command_is_its_own() -> None:
    """And not that of the process which starts it."""
    ours = np.ones(300_000_000, np.uint8)
    small, large = (
        spent_by([sys.executable, "-c", TAKES, str(size)], {}).peak for size in (0, 100_000_000)
    )
    assert small < 50_000_000
    assert 100_000_000 < large < 150_000_000
    assert ours.any()


def test_a_command_that_fails_is_no_figure() -> None:
    with pytest.raises(AssertionError, match="failed"):
        spent_by([sys.executable, "-c", "exit(3)"], {})


BUSY = "import time\nwhile time.process_time() < {}: pass\ntime.sleep(2)"
"""It stays long enough to be looked at by who looks five times a second, on a busy machine too."""
LEAVES = f"""
import subprocess, sys
subprocess.Popen([sys.executable, "-c", {BUSY.format(0.4)!r}, "orphan"], start_new_session=True)
subprocess.run([sys.executable, "-c", {BUSY.format(0.3)!r}, "child"], check=True)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_what_a_command_leaves_behind_is_counted() -> None:
    tree = tree_of([sys.executable, "-c", LEAVES], {})
    taken = {title.split()[-1]: seconds for title, seconds in tree.others}
    assert taken["orphan"] == pytest.approx(0.45, abs=0.1)
    assert taken["child"] == pytest.approx(0.35, abs=0.1)
    assert tree.processor == tree.command + sum(taken.values())
    assert tree.seconds > 0.8
    assert 15e6 < tree.peak < 90e6


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_tree_that_fails_is_no_figure() -> None:
    with pytest.raises(subprocess.CalledProcessError):
        tree_of([sys.executable, "-c", "exit(3)"], {})
