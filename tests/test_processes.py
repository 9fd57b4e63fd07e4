"""What benchmarks say of whole commands is of those alone."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from benchmarks.processes import spent_by

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
