"""The flags of `clipseek index` that only a library in parts has."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated

import typer

ShardSizeOption = Annotated[
    int | None,
    typer.Option(
        "--shard-size",
        metavar="N",
        min=1,
        help="In parts: images of a folder or rows of a table that become one part, 20000 unless "
        "said.",
    ),
]
TaskOption = Annotated[
    str | None,
    typer.Option(
        "--task",
        metavar="R/N",
        help="In parts: be task R of N, from 0 to N - 1, of a Slurm array, an indexed job of "
        "Kubernetes or torchrun, and publish nothing.",
    ),
]
FinishOption = Annotated[
    bool,
    typer.Option("--finish", help="In parts: publish what the tasks have done; needs no PATH."),
]
AllowMissingOption = Annotated[
    bool,
    typer.Option(
        "--allow-missing", help="In parts: publish although some of what was planned is not done."
    ),
]

ExecutorOption = Annotated[
    str,
    typer.Option(
        "--executor",
        metavar="local|ray",
        help="In parts: who does the shards. ray (extra cluster) takes the cluster at "
        "$RAY_ADDRESS, else this machine; --workers is then how many processes.",
    ),
]
GpusOption = Annotated[
    float,
    typer.Option(
        "--gpus-per-worker", metavar="N", min=0, help="In parts, with ray: GPUs of each worker."
    ),
]


@dataclass(frozen=True, slots=True)
class ShardedOptions:
    """What was asked for of a library in parts."""

    shard_size: int | None
    task: str | None
    finish: bool
    allow_missing: bool
    executor: str = "local"
    gpus_per_worker: float = 0

    def require_none(self) -> None:
        """Raises wrong usage where a library of one machine is given what only parts have."""
        for field in fields(self):
            if getattr(self, field.name) not in (None, False, field.default):
                flag = field.name.replace("_", "-")
                raise typer.BadParameter(
                    f"--{flag} is for a library in parts: give --library a URL, as "
                    "file:///mnt/team/library or s3://bucket/library"
                )
