"""`clipseek info`, `check` and `snapshots` of a library in parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli import output
from cli.notation import plural
from cli.options import JsonOption, LibraryOption

if TYPE_CHECKING:
    from searchengine.shards.storage import Storage

app = typer.Typer(help="The snapshots of a library in parts.", no_args_is_help=True)


def print_parts_info(url: str, *, as_json: bool) -> None:
    """The numbers of a library in parts."""
    from searchengine.shards.status import parts_info
    from searchengine.shards.storage import Storage

    facts = parts_info(Storage(url))
    if as_json:
        output.print_json(facts)
        return
    output.say(f"library   {facts.url}")
    output.say(f"shards    {facts.done:,} of {facts.planned:,} done")
    output.say(f"images    {facts.images:,}")
    output.say(f"failures  {facts.failed:,}")
    output.say(f"stored    {facts.bytes / 1e6:,.1f} MB in parts")
    if facts.encoder is not None:
        output.say(f"encoder   {facts.encoder}: {facts.dim} dimensions, {facts.precision}")
    if not facts.snapshots:
        output.say("snapshot  none yet")
        return
    index = "exact scan" if facts.index is None else f"index of snapshot {facts.index}"
    output.say(f"snapshot  {facts.snapshots[-1]}: {plural(facts.published, 'image')}, {index}")


def check_parts(url: str, *, as_json: bool) -> None:
    """Hold every part against its receipt; exit code 1 where any is damaged."""
    from cli.progress import TqdmObserver
    from searchengine.shards.layout import done_shards
    from searchengine.shards.status import faults
    from searchengine.shards.storage import Storage

    storage = Storage(url)
    found: list[str] = []
    parts = 0
    with TqdmObserver("checking", unit="parts") as observer:
        observer.planned(len(done_shards(storage)))
        for _, fault in faults(storage):
            parts += fault is None
            observer.advanced()
            if fault is not None:
                found.append(fault)
    if as_json:
        output.print_json({"parts": parts, "faults": found, "sound": not found})
    for fault in () if as_json else found:
        output.say(fault)
    output.note(f"{plural(parts, 'part')} as written, {plural(len(found), 'fault')}")
    if found:
        raise typer.Exit(1)


@app.command("list")
def list_snapshots(library: LibraryOption = None, json_output: JsonOption = False) -> None:
    """List the snapshots that are there, newest last."""
    from searchengine.shards.snapshots import numbers, read

    storage = _storage_of(library)
    found = [read(storage, number) for number in numbers(storage)]
    if json_output:
        output.print_json(
            [
                {"number": snapshot.number, "parts": len(snapshot.parts), "images": snapshot.rows}
                for snapshot in found
            ]
        )
        return
    for snapshot in found:
        parts = plural(len(snapshot.parts), "part")
        output.say(f"{snapshot.number:8}  {plural(snapshot.rows, 'image')} in {parts}")


@app.command("gc")
def collect_snapshots(
    library: LibraryOption = None,
    keep: Annotated[
        int, typer.Option(metavar="N", min=1, help="Snapshots that stay, the newest ones.")
    ] = 3,
    json_output: JsonOption = False,
) -> None:
    """Take away old snapshots, their indexes, and files that killed attempts left a day ago.

    Parts stay: every later snapshot has them too.
    """
    from searchengine.shards.status import collect

    gone = collect(_storage_of(library), keep)
    if json_output:
        output.print_json(gone)
        return
    output.note(
        f"{plural(len(gone.snapshots), 'snapshot')} and {plural(gone.files, 'file')} taken away, "
        f"{gone.bytes / 1e6:,.1f} MB"
    )


def _storage_of(library: str | None) -> Storage:
    from searchengine.library.layout import url_of
    from searchengine.shards.storage import Storage

    url = url_of(library)
    if url is None:
        raise typer.BadParameter("only a library in parts has snapshots: give --library a URL")
    return Storage(url)
