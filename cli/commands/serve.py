"""`clipseek serve` and `mcp`: answers for those who look, and for programs."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
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
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Also answer to this name, as in photos.example.org, over http and https: that of "
            "a proxy before this server. May be given several times. Whoever the proxy lets in "
            "sees the library, unless $CLIPSEEK_TOKEN is set.",
        ),
    ] = None,
    base_path: Annotated[
        str,
        typer.Option(
            metavar="PATH",
            help="The path of a proxy under which the page is, as in /photos; the proxy may take "
            "it off or leave it.",
        ),
    ] = "",
    trust_proxy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="loopback|ADDRESS",
            help="Believe X-Forwarded-Host and X-Forwarded-Proto of this proxy: an address or a "
            "network, as in 172.17.0.0/16. May be given several times.",
        ),
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORIGIN",
            help="Let a web page of this origin read what the API answers, as in "
            "http://localhost:3000. May be given several times.",
        ),
    ] = None,
    watch: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PATH",
            help="Keep the library up to date with this folder meanwhile, as clipseek index "
            "--watch does; without a library one is made and filled. May be given several times.",
        ),
    ] = None,
    open_page: Annotated[
        bool, typer.Option("--open", help="Show the page in the browser.")
    ] = False,
) -> None:
    """Search by looking: a page on your own machine, and an HTTP API under /api."""
    from serving.apart.process import one_thread_a_question

    one_thread_a_question()  # before numpy comes with anything below

    from cli.commands.first_run import none_left_empty
    from cli.staying.telling import index_command
    from cli.staying.watching import beside
    from indexers.walk import require_roots
    from searchengine.library.layout import find_directory, url_of
    from serving.access import read_origins
    from serving.connections.proxy import read_proxy
    from serving.server import serve as run

    roots = [path.expanduser() for path in watch or ()]
    if roots and url_of(library) is not None:
        raise typer.BadParameter("--watch is for libraries in a folder, not for one in parts")
    require_roots(roots)

    def listening(address: str) -> None:
        if roots:
            meanwhile.enter_context(beside(find_directory(library, create=False), roots))
        output.say(address)
        output.finish()
        if allow_host and "?token=" not in address:
            output.note(
                f"Whoever reaches it as {', '.join(allow_host)} sees the library: let the proxy "
                "ask who they are, or set $CLIPSEEK_TOKEN."
            )
        output.note("Ctrl-C stops it.")
        if open_page:
            import webbrowser

            webbrowser.open(address)

    proxy = read_proxy(allow_host or [], base_path, trust_proxy or [])
    origins = read_origins(allow_origin or [])
    with ExitStack() as meanwhile:
        if roots:
            meanwhile.enter_context(none_left_empty(library))
        run(
            library,
            host=host,
            port=port,
            proxy=proxy,
            listening=listening,
            index_command=index_command(library),
            origins=origins,
            create=bool(roots),
        )


def mcp(library: LibraryOption = None) -> None:
    """Answer assistants that speak the Model Context Protocol, over stdin and stdout.

    They may search, describe a photo and ask for the library's numbers. Nothing is written. Name
    the command `clipseek mcp` in the assistant's configuration; it ends when the assistant does.
    """
    from searchengine import open_library
    from serving.assistants.tools import server_of

    with open_library(library) as opened:
        server_of(opened).run("stdio")
