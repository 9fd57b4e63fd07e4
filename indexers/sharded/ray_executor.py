"""Ray as the engine: shard names go out to actors, which read, encode and commit. Its one home.

No picture and no vector goes through Ray, and nothing that it remembers is needed: receipts say
what is done. So actors, and the driver, may be killed at any time.
"""

from __future__ import annotations

import logging
import os
import random
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass, replace
from typing import Any

from indexers.sharded.executors import Outcome
from indexers.sharded.plan import FailedShard, Shard, planned
from indexers.sharded.work import Work, Worker, cores
from searchengine.errors import ClipseekError, EncoderError, MissingExtraError, first_line
from searchengine.shards.layout import receipt_of
from searchengine.shards.storage import Storage

SETTINGS = {
    "RAY_worker_niceness": "0",  # else workers starve beside anything else that computes
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is reported to Ray's makers
    "RAY_BACKEND_LOG_LEVEL": "fatal",
}
"""Of Ray, where the user has not set them otherwise."""

STARTS = 3
"""Times that starting Ray on this machine is tried: it gives itself 30 s, which is little on a busy
machine, and there is no setting for it."""

STORE_BYTES = 200_000_000
"""Of Ray's shared memory on this machine: it carries names."""

CORES_A_WORKER = 2
"""Where the user gives neither workers nor GPUs. Processes of few threads encode more together than
one of many; each holds the encoder."""

LOOK_SECONDS = 1.0
"""Between looks of an actor whether its node is there."""


@dataclass(frozen=True, slots=True)
class RayExecutor:
    """Actors of the cluster at $RAY_ADDRESS, or of one that is started here and stopped again."""

    workers: int | None = None
    """None takes as many as the GPUs or cores are enough for."""
    gpus: float = 0
    """A worker; a fraction shares a GPU."""

    def run(self, work: Work, shards: Sequence[Shard]) -> Iterator[Outcome]:
        """See `Executor`. Raises MissingExtraError without ray, and the encoder's errors."""
        with redirect_stdout(sys.stderr):  # where Ray prints what becomes of its processes
            ray = started()
            try:
                yield from self._run(ray, work, shards)
            finally:
                ray.shutdown()

    def _run(self, ray: Any, work: Work, shards: Sequence[Shard]) -> Iterator[Outcome]:  # noqa: ANN401
        workers, cpus = self._sizes(ray.cluster_resources(), len(shards))
        work = replace(work, threads=work.threads or cpus, cores=cpus)
        kind = ray.remote(
            num_cpus=cpus, num_gpus=self.gpus or None, max_restarts=-1, max_task_retries=-1
        )(_RayWorker)  # started again, and asked again, without end: receipts allow that
        asked: dict[Any, tuple[Any, Shard | None]] = {}
        for worker in [kind.remote(asdict(work)) for _ in range(workers)]:
            asked[worker.ready.remote()] = worker, None
        # Another driver may be at work here: in one order both would do every shard.
        left = random.sample(shards, len(shards))
        storage = Storage(work.library)
        while left or any(shard for _, shard in asked.values()):
            [said], _ = ray.wait([*asked])
            worker, shard = asked.pop(said)
            if left:
                following = left.pop()
                asked[worker.do.remote(following.id)] = worker, following
            if shard is not None:
                yield _outcome(storage, shard, *ray.get(said))

    def _sizes(self, there: dict[str, float], shards: int) -> tuple[int, int]:
        """How many workers, and how many cores each has, with what the cluster has."""
        cpus = int(there.get("CPU", 1))
        if self.workers is not None:
            workers = self.workers
        elif self.gpus:
            workers = int(there.get("GPU", 0) / self.gpus)
        else:
            workers = cpus // CORES_A_WORKER
        workers = max(1, min(workers, shards))
        return workers, max(1, cpus // workers)


class _RayWorker:
    """A `Worker` in an actor: it is given names, and looks up the rest in the library."""

    def __init__(self, work: dict[str, Any]) -> None:
        threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
        self._worker = Worker(Work(**work))
        self._shards: dict[str, Shard] = {}

    def ready(self) -> None:
        """Answers once there is a place for it, which no shard should wait for."""

    def do(self, shard_id: str) -> tuple[str, str]:
        """Do a shard; why it failed, and why all would, each empty where that is not so."""
        if shard_id not in self._shards:
            plans = planned(Storage(self._worker.work.library))
            self._shards = {shard.id: shard for shard in plans}
        try:
            outcome = self._worker(self._shards[shard_id])
        except ClipseekError as error:
            return "", first_line(error)
        return (outcome.reason if isinstance(outcome, FailedShard) else ""), ""


def end_with(parent: int) -> None:
    """End this process once `parent`, which started it, has ended.

    Ray's own workers stay for a minute or more when their node has gone, as it does with a driver
    that is killed: with the encoder in memory that the next run wants.
    """
    while os.getppid() == parent:
        time.sleep(LOOK_SECONDS)
    os._exit(1)


def _outcome(storage: Storage, shard: Shard, reason: str, fatal: str) -> Outcome:
    if fatal:
        raise EncoderError(fatal)
    return FailedShard(shard, reason) if reason else receipt_of(storage, shard.id)


def started() -> Any:  # noqa: ANN401 - a module that is imported late
    """Ray, connected to the user's cluster or to one of this machine."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError("--executor ray needs ray", "cluster") from error
    logging.getLogger("ray").setLevel(logging.ERROR)
    if os.environ.get("RAY_ADDRESS"):
        ray.init(log_to_driver=False, logging_level=logging.ERROR)
        return ray
    for start in range(1, STARTS + 1):
        try:
            ray.init(
                num_cpus=cores(),
                include_dashboard=False,
                object_store_memory=STORE_BYTES,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
            break
        except Exception:  # it raises no other kind when it has not started in time
            ray.shutdown()
            if start == STARTS:
                raise
    return ray
