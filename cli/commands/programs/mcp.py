"""`clipseek mcp`."""

from __future__ import annotations

from cli.options import LibraryOption


def mcp(library: LibraryOption = None) -> None:
    """Answer assistants that speak the Model Context Protocol, over stdin and stdout.

    They may search, describe a photo and ask for the library's numbers. Nothing is written. Name
    the command `clipseek mcp` in the assistant's configuration; it ends when the assistant does.
    """
    from searchengine import open_library
    from serving.assistants.tools import server_of

    with open_library(library) as opened:
        server_of(opened).run("stdio")
