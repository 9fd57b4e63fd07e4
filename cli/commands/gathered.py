"""`clipseek album` and `places`: images that somebody picked, and where images were taken."""

from __future__ import annotations

from typing import Annotated

import typer

from cli import output
from cli.notation import plural
from cli.options import JsonOption, LibraryOption

app = typer.Typer(
    help="Pick images for albums, and look at them and at saved searches.", no_args_is_help=True
)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Of the album.")]


@app.command("list")
def list_(library: LibraryOption = None, json_output: JsonOption = False) -> None:
    """List albums, and searches that were saved by: clipseek search TERMS --save NAME."""
    from searchengine import open_library

    with open_library(library) as opened:
        found = list(opened.albums)
    if json_output:
        for album in found:
            output.print_json(album)
        return
    if not found:
        output.note("there are no albums; to begin one: clipseek album add NAME PATH")
        return
    rows = [
        (album.name, f"{album.images:,}" if album.question is None else _said(album.question))
        for album in found
    ]
    output.print_table(("album", "images or search"), rows, left={0, 1})


@app.command("add")
def add(
    name: NameArgument,
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH...", help="Images of the library, or folders.")
    ],
    library: LibraryOption = None,
    json_output: JsonOption = False,
) -> None:
    """Add images to an album, which is made where there is none.

    Those of a search: clipseek search TERMS -0 | xargs -0 clipseek album add NAME
    """
    from searchengine import open_library

    with open_library(library) as opened:
        added = opened.albums.add(name, paths)
        images = opened.albums.get(name).images
    if json_output:
        output.print_json({"added": added, "images": images})
    else:
        output.note(f"{plural(added, 'image')} added; {images:,} in {name}")


@app.command("show")
def show(
    name: NameArgument,
    library: LibraryOption = None,
    json_output: JsonOption = False,
    paths: Annotated[bool, typer.Option("-f", "--paths", help="Print paths only.")] = False,
    print0: Annotated[
        bool, typer.Option("-0", "--print0", help="Print paths only, each ended by NUL.")
    ] = False,
) -> None:
    """Show the images of an album in the order they were added, or the hits of a saved search."""
    from searchengine import open_library

    form = output.choose_form(json=json_output, csv=False, paths=paths, nul=print0)
    with open_library(library) as opened:
        question = opened.albums.get(name).question
        images = opened.albums.images(name) if question is None else []
    if question is not None:
        from cli.searching.saved import ask

        ask(question, library, form)
    elif form is output.Form.JSON:
        for image in images:
            size = {"width": image.facts.width, "height": image.facts.height}
            output.print_json({"id": image.id, "path": image.file.path, **size})
    elif form is output.Form.TABLE:
        if not images:
            output.note("no images")
            return
        rows = [(image.file.path, f"{image.facts.width}x{image.facts.height}") for image in images]
        output.print_table(("path", "size"), rows, left={0}, long=0)
    else:
        output.print_paths([image.file.path for image in images], form)


@app.command("remove")
def remove(
    name: NameArgument,
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATH...", help="Images to take out; without any, the album goes."),
    ] = None,
    library: LibraryOption = None,
    json_output: JsonOption = False,
) -> None:
    """Take images out of an album, or the album or saved search itself. The images stay."""
    from searchengine import open_library

    with open_library(library) as opened:
        if paths:
            taken = opened.albums.take(name, paths)
        else:
            taken = opened.albums.get(name).images
            opened.albums.remove(name)
    if json_output:
        output.print_json({"taken": taken})
    elif paths:
        output.note(f"{plural(taken, 'image')} taken out of {name}")
    else:
        output.note(f"{name} is gone; its images stay in the library")


def _said(question: dict[str, str]) -> str:
    """A saved search in a line."""
    rest = [f"{name}={value}" for name, value in question.items() if name != "q"]
    return " ".join([question.get("q", ""), *rest]).strip()


def places(library: LibraryOption = None, json_output: JsonOption = False) -> None:
    """List the places where pictures were taken, as their files say, most pictures first.

    Index runs give them the names of towns and villages, offline, where the extra places is
    installed. To search at one: clipseek search TERMS --near "Lisbon".
    """
    from searchengine import open_library
    from searchengine.library.learned.located import require_places

    with open_library(library) as opened:
        found = opened.places()
        located = opened.catalog.located()
    if json_output:
        for place in found:
            output.print_json(place)
        return
    if not found:
        require_places(located)
        output.note("no picture of the library says where it was taken")
        return
    rows = [(place.place, f"{place.images:,}") for place in found]
    output.print_table(("place", "images"), rows, left={0})
    named = sum(place.images for place in found)
    if named < located:
        output.note(f"{located - named:,} more were taken where there is no town within 50 km")
