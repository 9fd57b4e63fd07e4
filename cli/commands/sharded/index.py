"""`clipseek index` into a library in parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from cli import output
from cli.commands.sharded.options import ShardedOptions
from cli.notation import plural
from searchengine.errors import InputError

if TYPE_CHECKING:
    from indexers.reading import IndexOptions
    from indexers.sharded.executors import Executor, Task
    from indexers.sharded.run import ShardedReport

INCOMPLETE = 3
"""The exit code where all was done but some shards, which are named."""


def index_into_parts(
    library: str,
    paths: Sequence[str],
    sharded: ShardedOptions,
    options: IndexOptions,
    *,
    model: str,
    device: str,
    precision: str,
    as_json: bool,
) -> None:
    """Do the shards of a library at a URL, or one task's, and publish where all are done."""
    from cli.progress import TqdmObserver
    from indexers.sharded.plan import SHARD_SIZE
    from indexers.sharded.run import index_sharded
    from indexers.sharded.work import Work
    from searchengine.encoders.choice import choose_encoder
    from searchengine.shards.layout import made_by
    from searchengine.shards.storage import Storage

    _require_sense(paths, sharded, options)
    task = _task_of(sharded)
    known = made_by(Storage(library))
    if paths:
        choice = choose_encoder(model, [known.encoder] if known else [], device=device)
        model = choice.name
        if choice.note is not None:
            output.note(f"clipseek: {choice.note}")
    work = Work(
        library,
        model,
        device=device,
        precision=precision,
        threads=None if sharded.executor == "ray" else options.workers,
        batch_size=options.batch_size,
        max_megapixels=options.max_megapixels,
        max_file_size=options.max_file_size,
    )
    with TqdmObserver("indexing", unit="shards") as observer:
        try:
            report = index_sharded(
                paths,
                work,
                observer=observer,
                executor=_executor_of(sharded, options.workers),
                rules=options.rules,
                shard_size=sharded.shard_size or SHARD_SIZE,
                task=task,
                allow_missing=sharded.allow_missing,
                memory=options.memory,
                factory=options.factory,
            )
        except KeyboardInterrupt:
            observer.close()
            output.note("stopped; parts that were done are saved. Run it again to go on.")
            raise typer.Exit(output.INTERRUPTED) from None
    _print(report, is_task=sharded.task is not None, as_json=as_json)
    if report.failed_shards or (report.missing and sharded.task is None):
        raise typer.Exit(INCOMPLETE)


def _require_sense(paths: Sequence[str], sharded: ShardedOptions, options: IndexOptions) -> None:
    if options.retry_failed:
        raise typer.BadParameter(
            "--retry-failed: parts are never changed; remove a receipt instead"
        )
    if sharded.executor not in ("local", "ray"):
        raise typer.BadParameter(f"--executor {sharded.executor}: choose local or ray")
    if sharded.finish and (sharded.task or paths):
        raise typer.BadParameter("--finish publishes what was planned; give no PATH and no --task")


def _executor_of(sharded: ShardedOptions, workers: int | None) -> Executor:
    from indexers.sharded.executors import LocalExecutor
    from indexers.sharded.ray_executor import RayExecutor

    if sharded.executor == "local":
        return LocalExecutor()
    return RayExecutor(workers, sharded.gpus_per_worker)


def _task_of(sharded: ShardedOptions) -> Task | None:
    from indexers.sharded.executors import parse_task

    try:
        return parse_task(sharded.task) if sharded.task else None
    except InputError as error:
        raise typer.BadParameter(str(error)) from error


def _print(report: ShardedReport, *, is_task: bool, as_json: bool) -> None:
    if as_json:
        output.print_json(report)
        return
    output.note(
        f"{plural(report.planned, 'shard')} planned, {report.done:,} done in this run, "
        f"{report.missing:,} missing; {plural(report.images, 'image')} with a vector, "
        f"{report.failed:,} failed"
    )
    for reason in report.reasons:
        output.note(str(reason))
    if report.snapshot is not None:
        output.note(f"snapshot {report.snapshot} of {report.library}")
    elif is_task:
        output.note(
            f"once every task has ended: clipseek index --finish --library {report.library}"
        )
    elif report.missing:
        output.note(
            "nothing was published: run it again to do what is missing, or publish without it by "
            f"clipseek index --finish --allow-missing --library {report.library}"
        )
