"""`clipseek tune`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import output
from cli.notation import plural
from cli.options import (
    DeviceOption,
    FactoryOption,
    JsonOption,
    LibraryOption,
    MemoryOption,
    SpaceOption,
    parse_size,
)

if TYPE_CHECKING:
    from searchengine.tuning.tune import TuneReport


def tune(
    target: Annotated[
        float, typer.Option(metavar="X", help="Share of the exact first K hits to find, up to 1.")
    ] = 0.95,
    k: Annotated[
        int, typer.Option("-k", "--k", metavar="K", min=1, help="Hits that are compared.")
    ] = 10,
    queries: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Texts like those you search for, one a line. Default: the captions stored in the "
            "library where there are 200, else a list of everyday queries.",
        ),
    ] = None,
    memory: MemoryOption = None,
    factory: FactoryOption = None,
    device: DeviceOption = "auto",
    library: LibraryOption = None,
    space: SpaceOption = None,
    json_output: JsonOption = False,
) -> None:
    """Make the index of a large library as quick as it can be while it still finds enough.

    Texts and images are measured apart, against the exact answers. Half of the queries choose how
    many cells to visit and how many images to score again; the figures are those of the other
    half. Later searches use what was found.
    """
    limit = parse_size(memory) if memory else None

    from searchengine import open_library
    from searchengine.datasets.text_files import read_texts

    texts = read_texts(queries) if queries else None
    with open_library(library) as opened:
        report = opened.tune(
            target=target,
            k=k,
            queries=texts,
            memory=limit,
            factory=factory,
            space=space,
            device=device,
        )
    if json_output:
        output.print_json(report)
    else:
        _print(report)


def _print(report: TuneReport) -> None:
    rows = [
        (
            row.modality,
            row.way,
            f"{row.agreement:.3f}",
            f"{row.p50_ms:.2f}",
            f"{row.p99_ms:.2f}",
            f"{row.bytes_per_image:.1f}",
            _count(row.nprobe),
            _count(row.shortlist),
            str(row.queries),
            row.source,
        )
        for row in report.rows
    ]
    header = (
        "for",
        "way",
        f"agreement@{report.k}",
        "p50 ms",
        "p99 ms",
        "index bytes/image",
        "nprobe",
        "shortlist",
        "queries",
        "from",
    )
    output.print_table(header, rows, left={0, 1, 9})
    for line in _notes(report):
        output.note(line)


def _notes(report: TuneReport) -> list[str]:
    """What the table does not say."""
    if report.factory is None:
        few = f"{plural(report.images, 'image')} {'is' if report.images == 1 else 'are'} few enough"
        return [f"{few} to compare every one: nothing to tune"]
    notes = [
        f"{report.factory} over {report.images:,} images, built in {report.build_seconds:.1f} s"
    ]
    if not report.reached:
        notes.append(
            f"the target of {report.target:g} is not reached on the queries that are reported: the "
            "best that was found is kept; a larger --memory, another --factory or search --exact "
            "finds more"
        )
    return notes


def _count(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"
