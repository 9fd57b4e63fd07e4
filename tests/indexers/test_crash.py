"""kill -9 at random moments: invariant 1. In full: python -m tests.support.crash --runs 50."""

from __future__ import annotations

from pathlib import Path

from tests.support.crash import campaign

RUNS = 8


def test_killed_runs_leave_a_valid_library(tmp_path: Path) -> None:
    assert campaign(tmp_path, RUNS, seed=5) >= RUNS // 2, "the kills must fall into the runs"
