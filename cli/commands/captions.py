"""`clipseek describe` and `clipseek captions`: texts for images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from cli import output
from cli.notation import plural
from cli.options import JsonOption, LibraryOption, SpaceOption
from cli.written import require_writable
from searchengine.errors import InputError

WHERE_SIDE = 448
"""Pixels that a picture is decoded for, at least, to be mapped and shown."""

app = typer.Typer(
    help="Store, list and remove what is written about the library's images.",
    no_args_is_help=True,
)


def describe(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Image files.")],
    texts: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Texts to choose from, one a line. Default: the captions stored in the library.",
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Only captions of this source, see `captions list`. Default: all but models'.",
        ),
    ] = None,
    k: Annotated[int, typer.Option("-k", "--top", metavar="N", min=1, help="Texts an image.")] = 5,
    where: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="Say instead where in the images this is seen most, for encoders that have a map.",
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="With --where: write a page with the pictures and maps."),
    ] = None,
    library: LibraryOption = None,
    space: SpaceOption = None,
    json_output: JsonOption = False,
) -> None:
    """Say what is in images: the nearest of given texts or of captions that people stored."""
    from searchengine import open_library
    from searchengine.datasets.text_files import read_texts

    if html is not None and where is None:
        raise typer.BadParameter("--html shows where a text is seen: give --where TEXT too")
    if sum(each is not None for each in (where, texts, source)) > 1:
        raise typer.BadParameter("--texts, --source and --where: choose one")
    require_writable(html)
    if where is not None:
        _say_where(images, where, library, space, html, as_json=json_output)
        return
    choices = read_texts(texts) if texts else None
    with open_library(library) as opened:
        for number, image in enumerate(images):
            hits = opened.describe(image, texts=choices, k=k, space=space, source=source)
            if json_output:
                output.print_json({"image": image, "texts": hits})
                continue
            if number:
                output.say()
            output.say(str(image))
            rows = [(str(hit.rank), f"{hit.score:.3f}", hit.text) for hit in hits]
            output.print_table(("rank", "score", "text"), rows, left={2})
        unread = opened.about_reading(choices, space=space) if choices else None
    if unread is not None:
        output.note(unread)


def _say_where(
    images: list[Path],
    text: str,
    library: Path | str | None,
    space: str | None,
    html: Path | None,
    *,
    as_json: bool,
) -> None:
    from searchengine import open_library
    from searchengine.embedding.heat import heat_of
    from searchengine.retrieval.pictures import read_pictures
    from searchengine.retrieval.query import Kind, Source

    sources = [Source(Kind.FILE, image) for image in images]
    pictures = [each.picture(input_size=WHERE_SIDE) for each in read_pictures(sources)]
    with open_library(library) as opened:
        encoder = opened.encoders.whole(opened.space(space))
        maps = [heat_of(encoder, picture, text) for picture in pictures]
    for image, heat in zip(images, maps, strict=True):
        if as_json:
            output.print_json({"image": image, "where": text, "map": heat.values.tolist()})
        else:
            across, down = heat.most
            output.say(f"{image}: most at {across:.0%} across and {down:.0%} down")
    if html is not None:
        from cli.pages.maps.where import write_where

        write_where(html, text, list(zip(images, pictures, maps, strict=True)))
        output.note(f"page: {html.absolute()}")


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
        unread = opened.about_reading([text for _, text in pairs])
    if unread is not None:
        output.note(unread)
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


@app.command("list")
def list_(
    source: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Show the captions of a source. Default: count all."),
    ] = None,
    library: LibraryOption = None,
    json_output: JsonOption = False,
) -> None:
    """Say where the library's captions are from, or show those of a source.

    Sources are `file` (of `captions add`), `sidecar`, `xmp`, `iptc`, `exif` and `png` (what the
    files say, read by index runs), each with its keywords apart, as `xmp keywords`.
    """
    from searchengine import open_library

    with open_library(library) as opened:
        if source is None:
            counts = opened.catalog.sources()
            if json_output:
                output.print_json(counts)
            elif counts:
                rows = [(name, f"{count:,}") for name, count in counts.items()]
                output.print_table(("source", "captions"), rows, left={0})
            else:
                output.note("there are no captions")
            return
        found = opened.catalog.captions_from(source)
        if not found:
            raise _no_such_source(source, opened.catalog.sources())
    if json_output:
        for path, text in found:
            output.print_json({"image": path, "caption": text.text, "source": text.source})
        return
    table = [(path, text.source, text.text) for path, text in found]
    output.print_table(("image", "source", "caption"), table, left={0, 1, 2})


@app.command("remove")
def remove(
    source: Annotated[
        str, typer.Option(metavar="NAME", help="All captions of this source, see `captions list`.")
    ],
    library: LibraryOption = None,
) -> None:
    """Take the captions of a source out of the library; no file is touched.

    `--source xmp` takes its keywords too. Those of files come back when a file changes.
    """
    from searchengine import open_library

    with open_library(library) as opened:
        with opened.writing() as writer:
            removed = writer.remove_captions(source)
        if removed == 0:
            raise _no_such_source(source, opened.catalog.sources())
    output.note(f"{plural(removed, 'caption')} of {source} removed")


def _no_such_source(source: str, counts: Mapping[str, int]) -> InputError:
    there = f"; there are those of {', '.join(counts)}" if counts else ""
    return InputError(f"no caption is from {source!r}{there}")


@app.callback()
def _captions() -> None:
    """Store, list and remove what is written about the library's images."""
