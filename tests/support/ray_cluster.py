"""A Ray cluster on this machine for tests, and the processes of its actors."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from indexers.sharded.ray_executor import started


@contextmanager
def apart() -> Iterator[None]:
    """Inside it Ray writes to a directory that goes away afterwards.

    It is no test's own: Ray's sockets lie in it, whose names may have 107 characters.
    """
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as directory:
        own = {"HOME": directory, "RAY_TMPDIR": directory, "RAY_AUTH_MODE": "disabled"}
        with patch.dict(os.environ, own):
            yield


@contextmanager
def cluster() -> Iterator[str]:
    """The address of a cluster that is started as a run without one starts it."""
    with apart():
        ray = started()
        try:
            yield ray.get_runtime_context().gcs_address
        finally:
            ray.shutdown()


def actors() -> list[int]:
    """The processes that hold an encoder, or are about to, of clusters that we have started."""
    lines = subprocess.run(
        ["ps", "-eo", "pid,ppid,args"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    known = [line.split(None, 2) for line in lines[1:]]
    below = {os.getpid()}
    for _ in range(4):
        below |= {int(pid) for pid, parent, _ in known if int(parent) in below}
    return [
        int(pid)
        for pid, _, said in known
        if int(pid) in below and "ray::_RayWorker" in said and "<defunct>" not in said
    ]
