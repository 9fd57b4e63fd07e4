"""`clipseek index`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import output
from cli.commands.sharded.options import (
    AllowMissingOption,
    ExecutorOption,
    FinishOption,
    GpusOption,
    ShardedOptions,
    ShardSizeOption,
    TaskOption,
)
from cli.notation import plural
from cli.options import (
    MAX_FILE_SIZE,
    MAX_MEGAPIXELS,
    DeviceOption,
    FactoryOption,
    JsonOption,
    LibraryOption,
    MaxFileSizeOption,
    MaxMegapixelsOption,
    MemoryOption,
    PrecisionOption,
    WorkersOption,
    parse_size,
)

if TYPE_CHECKING:
    from cli.progress import TqdmObserver
    from cli.staying.telling import LineObserver
    from indexers.arrivals import Told
    from indexers.pipeline import IndexReport
    from searchengine import Library


def index(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATH...",
            help="Folders or image files to index; for a library in parts also URLs, tars and "
            "parquet files: s3://bucket/photos, 's3://bucket/{00000..00999}.tar'.",
        ),
    ] = None,
    library: LibraryOption = None,
    model: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Encoder: small, balanced or best, or starter, ARCH/TAG, hf-hub:ORG/NAME or "
            "ARCH/CHECKPOINT_FILE (see: clipseek models). Default: the library's; for a new "
            "library the recommended CLIP where it can be had, else starter.",
        ),
    ] = "auto",
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    batch_size: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Images encoded at a time.")
    ] = None,
    workers: WorkersOption = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(
            metavar="GLOB",
            help="Leave out files and folders, in this and all later runs of this library; may be "
            "repeated. An empty one, '', forgets those given before. clipseek info lists them.",
        ),
    ] = None,
    include_hidden: Annotated[
        bool, typer.Option("--include-hidden", help="Take names that begin with a dot too.")
    ] = False,
    max_megapixels: MaxMegapixelsOption = MAX_MEGAPIXELS,
    max_file_size: MaxFileSizeOption = MAX_FILE_SIZE,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try files again that failed before.")
    ] = False,
    crops: Annotated[
        int | None,
        typer.Option(
            metavar="1|4",
            help="4: see corners of each picture beside the whole, which finds small things and "
            "takes five times as long. A library keeps what it was begun with.",
        ),
    ] = None,
    memory: MemoryOption = None,
    factory: FactoryOption = None,
    watch: Annotated[
        bool,
        typer.Option(
            "--watch", help="Go on: index again whenever the folders change, until Ctrl-C."
        ),
    ] = False,
    json_output: JsonOption = False,
    shard_size: ShardSizeOption = None,
    task: TaskOption = None,
    finish: FinishOption = False,
    allow_missing: AllowMissingOption = False,
    executor: ExecutorOption = "local",
    gpus_per_worker: GpusOption = 0,
) -> None:
    """Bring a library up to date with photo folders.

    New and changed images are encoded, moved and copied ones keep their vectors, deleted ones
    leave. Stop it at any time: the next run goes on from there.

    Recycle bins, snapshots, previews of other programs, and folders that hold .nomedia, .noimage or
    .ppignore are left out, and what .clipseekignore files say, in the way of .gitignore.

    A library at a URL is made in parts, by any number of machines: see docs/scale.md.
    """
    from cli.commands.first_run import none_left_empty
    from cli.staying.runs import Runs
    from cli.staying.telling import observer_of_run
    from indexers.left_out.rules import WalkRules
    from indexers.reading import IndexOptions
    from indexers.survey import require_a_picture
    from indexers.walk import require_roots
    from searchengine import open_library
    from searchengine.index.plan import cells_of
    from searchengine.library.layout import url_of
    from searchengine.paths import at_home

    sharded = ShardedOptions(shard_size, task, finish, allow_missing, executor, gpus_per_worker)
    url = url_of(library)
    if url is None:
        sharded.require_none()
    if not (paths or sharded.finish):
        raise typer.BadParameter("Missing argument 'PATH...'.")
    _require_crops(crops, in_parts=url is not None)
    if watch and url is not None:
        raise typer.BadParameter("--watch is for libraries in a folder, not for one in parts")
    if factory:
        cells_of(factory)
    options = IndexOptions(
        rules=WalkRules(exclude=tuple(exclude or ()), include_hidden=include_hidden),
        batch_size=batch_size,
        workers=workers,
        max_megapixels=max_megapixels,
        max_file_size=parse_size(max_file_size),
        retry_failed=retry_failed,
        memory=parse_size(memory) if memory else None,
        crops=crops,
        factory=factory,
        device=device,
    )
    if url is not None:
        from cli.commands.sharded.index import index_into_parts

        index_into_parts(
            url,
            paths or (),
            sharded,
            options,
            model=model,
            device=device,
            precision=precision,
            as_json=json_output,
        )
        return
    roots = [at_home(path) for path in paths or ()]
    require_roots(roots)
    require_a_picture(roots, options.max_megapixels, options.max_file_size)
    with (
        none_left_empty(library),
        open_library(library, create=True) as opened,
        observer_of_run() as observer,
    ):
        runs = Runs(model, device, precision, observer)

        def first(there: list[Path], told: Told | None = None) -> IndexReport:
            with _told_when_stopped(observer):
                report = runs.run(opened, there, options, told)
            _print(report, opened, as_json=json_output)
            return report

        if not watch:
            first(roots)
            return
        from cli.staying.watching import keep_up
        from indexers.watching.watch import settled

        def again(there: list[Path], told: Told) -> IndexReport:
            with open_library(opened.path) as now:
                return runs.run(now, there, settled(options), told)

        keep_up(roots, opened.path, first, again, as_json=json_output)


@contextmanager
def _told_when_stopped(observer: TqdmObserver | LineObserver) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        observer.close()
        output.note("stopped; what was done is saved. Run it again to go on.")
        raise typer.Exit(output.INTERRUPTED) from None


def _require_crops(crops: int | None, *, in_parts: bool) -> None:
    if crops not in (None, 1, 4):
        raise typer.BadParameter(f"--crops takes 1 or 4, not {crops}")
    if crops == 4 and in_parts:
        raise typer.BadParameter("--crops 4 is for libraries in a folder, not for one in parts")


def _print_move(report: IndexReport, library: Library) -> None:
    """How far a space is filled that does not answer yet."""
    from searchengine.library.moving import progress

    if report.space is None or report.space == library.space().info.name:
        return
    now = progress(library, library.space(report.space))
    output.note(
        f"{now.space}: {now.images:,} of {plural(now.of, 'image')}, {now.bytes / 1e6:,.1f} MB; "
        f"searches still ask {library.space().info.name}: clipseek use {now.space}"
    )


def _print(report: IndexReport, library: Library, *, as_json: bool) -> None:
    if as_json:
        output.print_json(report)
        return
    ledger = (
        f"{report.found:,} found = {report.indexed:,} indexed + {report.unchanged:,} unchanged + "
        f"{report.moved:,} moved + {report.copies:,} copies + {report.failed:,} failed + "
        f"{report.excluded:,} excluded"
    )
    if report.removed:
        ledger += f"; {report.removed:,} removed"
    output.note(ledger)
    speed = f"{report.seconds:.1f} s"
    if report.bottleneck is not None:
        speed += (
            f", {report.images_per_second:.1f} images/s with {report.space} on {report.device} "
            f"({report.precision}), limited by {report.bottleneck}"
        )
    output.note(f"{speed}. Library: {library.path}")
    _print_move(report, library)
    from cli.left_out import not_read

    passed_over = not_read(report.passed_over)
    if passed_over:
        output.note(f"passed over: {passed_over}")
    if report.excluded:
        output.note("What was left out and why: clipseek failures --excluded")
    if report.failed:
        for reason in report.reasons:
            output.note(str(reason))
        output.note("What failed and why: clipseek failures")
