"""`clipseek use` and `forget`: moving a library on to another encoder."""

from __future__ import annotations

from typing import Annotated

import typer

from cli import output
from cli.notation import plural
from cli.options import JsonOption, LibraryOption

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="A space or its encoder.")]


def use(name: NameArgument, library: LibraryOption = None, json_output: JsonOption = False) -> None:
    """Let another space answer searches, once clipseek index PATH --model NAME has filled it."""
    from searchengine import open_library
    from searchengine.library.moving import use_space

    with open_library(library) as opened:
        done = use_space(opened, name)
    if json_output:
        output.print_json(done)
        return
    space = done.now.space
    if done.before == space:
        output.note(f"{space} answers searches, as before")
    else:
        output.note(f"{space} answers searches from now on; back with: clipseek use {done.before}")
    if done.now.lacking:
        output.note(
            f"it lacks {plural(done.now.lacking, 'image')} of {done.now.of:,}, which no search "
            f"finds; go on with: clipseek index PATH --model {name}"
        )
    for command in done.again:
        output.note(f"what was set for {done.before} is to be done again: {command}")


def forget(
    name: NameArgument, library: LibraryOption = None, json_output: JsonOption = False
) -> None:
    """Remove a space that answers no searches any more. Photos and other spaces stay."""
    from searchengine import open_library
    from searchengine.library.moving import forget_space

    with open_library(library) as opened:
        gone = forget_space(opened, name)
    if json_output:
        output.print_json(gone)
        return
    output.note(
        f"{gone.space} is forgotten: {plural(gone.images, 'image')}, {gone.bytes / 1e6:,.1f} MB"
    )
