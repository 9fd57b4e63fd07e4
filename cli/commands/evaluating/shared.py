"""What the commands that measure an encoder share: its choice, and where numbers are written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from cli import output
from cli.written import require_writable

ModelOption = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="Encoder: small, balanced or best, or a name (see: clipseek models). Default: the "
        "library's, if any.",
    ),
]
JsonFileOption = Annotated[
    Path | None,
    typer.Option("--json", metavar="FILE", help="Write all numbers as JSON; - for stdout."),
]
ByOption = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help="Measure each value of this column of CSV or JSON Lines too, and the largest gap.",
    ),
]


def encoder_name(model: str, library: str | Path | None) -> str:
    """The encoder asked for, that of the library, or what a new library would get."""
    from searchengine import open_library
    from searchengine.encoders.choice import AUTO, choose_encoder
    from searchengine.errors import LibraryNotFoundError

    known: list[str] = []
    try:
        if model == AUTO:
            with open_library(library) as opened:
                known = [space.info.encoder for space in opened.spaces()]
    except LibraryNotFoundError:
        if library is not None:
            raise
    choice = choose_encoder(model, known)
    if choice.note is not None:
        output.note(f"clipseek: {choice.note}")
    return choice.name


def require_outputs(
    json_file: Path | None,
    report: Path | None = None,
    *,
    folders: Iterable[Path | None] = (),
    read: Iterable[Path | None] = (),
) -> None:
    """As `cli.written.require_writable`: better now than after minutes of encoding."""
    from cli.commands.evaluating.record import STDOUT

    file = None if json_file == STDOUT else json_file
    require_writable(file, report, folders=folders, read=read)


def require_comparable(models: Sequence[str], *, writes: bool, measures_more: bool) -> None:
    """Wrong usage for more encoders than two, and for what two are not compared by."""
    if len(models) > 2 or (len(models) == 2 and writes):
        raise typer.BadParameter(
            "two are compared in the terminal; write a file of each, then: clipseek compare",
            param_hint="--model",
        )
    if len(models) == 2 and measures_more:
        raise typer.BadParameter(
            "two are compared by R@K alone, without --by, --positives and --through",
            param_hint="--model",
        )
