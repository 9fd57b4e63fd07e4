"""`clipseek check`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli import output
from cli.commands.sharded.look import check_parts
from cli.notation import plural
from cli.options import JsonOption, LibraryOption
from searchengine.jsonable import jsonable

if TYPE_CHECKING:
    from searchengine.library.check import CheckReport
    from searchengine.library.library import Library


def check(
    read_data: Annotated[
        bool,
        typer.Option(
            "--read-data",
            help="Also read every file that is listed, and hold it against what was indexed.",
        ),
    ] = False,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help="First mend what can be: vectors are encoded again where the pictures are there "
            "and unchanged, and what is derived is made anew. What is left is listed.",
        ),
    ] = False,
    library: LibraryOption = None,
    json_output: JsonOption = False,
) -> None:
    """Look for damage: on the disk, or by other programs.

    The catalog, every vector, the index and the text tower are held against the checksums that
    were written with them. One line a fault, and exit code 1 where there is any.
    """
    from cli.progress import TqdmObserver
    from searchengine import open_library
    from searchengine.library.layout import url_of

    if (url := url_of(library)) is not None and not (repair or read_data):
        check_parts(url, as_json=json_output)
        return
    with open_library(library) as opened, TqdmObserver("checking") as observer:
        report = opened.check(read_data=read_data, repair=repair, observer=observer)
        way_out = "" if report.is_sound else _way_out(opened)
    if json_output:
        output.print_json(jsonable(report) | {"sound": report.is_sound})
    else:
        _print(report, way_out)
    if not report.is_sound:
        raise typer.Exit(1)


def _way_out(library: Library) -> str:
    """What to do about faults: of a copy of a library in parts nothing is mended."""
    from searchengine.errors import LibraryDamagedError
    from searchengine.library.cached.copy import state_of
    from searchengine.library.cached.opening import made_anew

    try:
        url = state_of(library).url
    except LibraryDamagedError:
        url = ""
    mend = f"mend what can be mended with: clipseek check --repair --library {library.path}"
    return made_anew(url, library.path) if url else mend


def _print(report: CheckReport, way_out: str) -> None:
    for fault in report.faults:
        output.say(str(fault))
    if report.repaired:
        output.note(f"{plural(report.repaired, 'vector')} encoded again")
    for line in report.unchecked:
        output.note(f"not looked at: {line}")
    if report.without_checksum:
        output.note(
            f"{plural(report.without_checksum, 'block')} of vectors without a checksum, from a "
            "version that kept none; the next run of clipseek index keeps them"
        )
    if report.without_vector:
        output.note(
            f"{plural(report.without_vector, 'image')} without a vector, which no search finds; "
            "the next run of clipseek index encodes what is there"
        )
    files = f", {plural(report.files, 'file')} read" if report.files else ""
    looked = f"{plural(report.images, 'image')}, {plural(report.vectors, 'vector')}{files}"
    if report.is_sound:
        output.note(f"{looked}: all as it was written")
        return
    output.note(f"{looked}: {plural(len(report.faults), 'fault')}; {way_out}")
