"""`clipseek serve`."""

from __future__ import annotations

import webbrowser
from typing import Annotated

import typer

from cli import output
from cli.options import LibraryOption


def serve(
    library: LibraryOption = None,
    host: Annotated[
        str,
        typer.Option(
            metavar="HOST",
            help="The address to listen on. Any but this machine's own needs a token, which is "
            "made and printed, or taken from $CLIPSEEK_TOKEN.",
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(metavar="N", min=0, max=65535, help="The port; 0 takes a free one.")
    ] = 8765,
    open_page: Annotated[
        bool, typer.Option("--open", help="Show the page in the browser.")
    ] = False,
) -> None:
    """Search by looking: a page on your own machine, and an HTTP API under /api."""
    from serving.server import serve as run

    def listening(address: str) -> None:
        output.say(address)
        output.finish()
        output.note("Ctrl-C stops it.")
        if open_page:
            webbrowser.open(address)

    run(library, host=host, port=port, listening=listening)
