"""`clipseek describe` and `clipseek captions`: texts for images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli import output
from cli.notation import plural
from cli.options import JsonOption, LibraryOption, SpaceOption

app = typer.Typer(help="Store captions of the library's images.", no_args_is_help=True)


def describe(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Image files.")],
    texts: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Texts to choose from, one a line. Default: the captions stored in the library.",
        ),
    ] = None,
    k: Annotated[int, typer.Option("-k", "--top", metavar="N", min=1, help="Texts an image.")] = 5,
    library: LibraryOption = None,
    space: SpaceOption = None,
    json_output: JsonOption = False,
) -> None:
    """Say what is in images: the nearest of given texts or of stored captions."""
    from searchengine import open_library
    from searchengine.datasets.text_files import read_texts

    choices = read_texts(texts) if texts else None
    with open_library(library) as opened:
        for number, image in enumerate(images):
            hits = opened.describe(image, texts=choices, k=k, space=space)
            if json_output:
                output.print_json({"image": image, "texts": hits})
                continue
            if number:
                output.say()
            output.say(str(image))
            rows = [(str(hit.rank), f"{hit.score:.3f}", hit.text) for hit in hits]
            output.print_table(("rank", "score", "text"), rows, left={2})


@app.command("add")
def add(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="CSV with the header image,caption, or JSON Lines."),
    ],
    images: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where relative image names start. Default: beside FILE."),
    ] = None,
    library: LibraryOption = None,
    json_output: JsonOption = False,
) -> None:
    """Store the captions of a file for images of the library."""
    from searchengine import open_library
    from searchengine.datasets.text_files import read_captions

    pairs = read_captions(file, images)
    with open_library(library) as opened:
        added, strangers = opened.add_captions(pairs)
    if json_output:
        output.print_json({"read": len(pairs), "added": added, "unknown_images": strangers})
        return
    output.note(f"{plural(len(pairs), 'caption')} read, {added:,} new")
    if strangers:
        one = len(strangers) == 1
        output.note(
            f"{plural(len(strangers), 'image')} {'is' if one else 'are'} not in the library "
            f"({'' if one else 'the first: '}{strangers[0]}); index {'it' if one else 'them'} "
            "first, or say where the names start with --images"
        )


@app.callback()
def _captions() -> None:
    """Store captions of the library's images."""
