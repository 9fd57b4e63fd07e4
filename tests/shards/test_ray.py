"""Ray as the engine: one cluster on this machine, killed workers, a killed driver."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from indexers import pipeline
from indexers.sharded.work import cores
from searchengine.encoders.loading import load_encoder
from searchengine.library.library import open_library
from searchengine.shards.layout import done_shards
from searchengine.shards.storage import Storage
from tests.conftest import Watcher
from tests.support.places import ROOT
from tests.support.ray_cluster import actors, cluster
from tests.support.shards import check_parts, cosine, stored, url_of

pytest.importorskip("ray", reason="ray is not installed: the extra cluster")

PHOTOS = ROOT / "sample_data" / "photos" / "animals"
SHARDS = 6

STOPPING = """
import os, signal
from cli.main import main
from indexers.sharded import ray_executor
outcome_of, ended = ray_executor._outcome, []
def outcome(*given):
    ended.append(given)
    if len(ended) in (1, 3):
        os.kill(os.getpid(), signal.SIGSTOP)
    return outcome_of(*given)
ray_executor._outcome = outcome
main()
"""
"""`clipseek` that stands still when the first shard has ended, and the third: two workers have one
each then, and one is left."""


@pytest.fixture(name="cluster")
def one_cluster() -> Iterator[str]:
    """The address of a cluster."""
    with cluster() as address:
        yield address


def driver_at(
    cluster: str, library: Path, size: int, workers: int, program: tuple[str, str] = ("-m", "cli")
) -> subprocess.Popen[str]:
    """`clipseek index --executor ray`."""
    command = [sys.executable, *program, "index", str(PHOTOS), "--library", url_of(library)]
    engine = ["--model", "starter", "--executor", "ray", "--workers", str(workers)]
    return subprocess.Popen(
        [*command, *engine, "--shard-size", str(size)],
        cwd=ROOT,
        env={**os.environ, "RAY_ADDRESS": cluster},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_until_it_stands_still(driver: subprocess.Popen[str]) -> None:
    _, status = os.waitpid(driver.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status), driver.communicate()


def test_workers_and_the_driver_may_be_killed(cluster: str, tmp_path: Path) -> None:
    with open_library(tmp_path / "local", create=True) as local:
        pipeline.index(
            local,
            [PHOTOS],
            encoder="starter-256",
            load=lambda: load_encoder("starter-256"),
            observer=Watcher(),
        )
        listed, rows = local.stored_vectors()
    library = tmp_path / "parts"
    size = -(-len(listed) // SHARDS)
    driver = driver_at(cluster, library, size, 2, ("-c", STOPPING))
    wait_until_it_stands_still(driver)
    os.kill(actors()[0], signal.SIGKILL)
    driver.send_signal(signal.SIGCONT)
    wait_until_it_stands_still(driver)
    driver.kill()
    driver.communicate()
    assert 3 <= len(done_shards(Storage(url_of(library)))) < SHARDS
    driver = driver_at(cluster, library, size, cores() + 1)  # one of which never gets a place
    said, told = driver.communicate(timeout=200)
    assert driver.returncode == 0, told
    assert said == ""
    assert f"{SHARDS} shards planned" in told
    assert "snapshot 1 of" in told
    check_parts(library, [str(path) for path in listed], orphans=True)
    found = stored(library)
    for path, row in zip(listed, rows, strict=True):
        assert cosine(found[str(path)][1], row) >= 0.9999


def test_an_actor_ends_with_the_process_that_started_it() -> None:
    actor = (
        "import os; from indexers.sharded.ray_executor import end_with; "
        "node = os.getppid(); print('here', flush=True); end_with(node)"
    )
    node = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {actor!r}])"
    with subprocess.Popen([sys.executable, "-c", node], cwd=ROOT, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"here\n"
        parent.kill()
        assert parent.stdout.read() == b""  # it has it open as long as it is there
