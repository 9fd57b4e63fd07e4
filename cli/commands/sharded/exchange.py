"""`clipseek export` and `import`: between libraries of one machine and what is elsewhere."""

from __future__ import annotations

from typing import Annotated

import typer

from cli import output
from cli.notation import plural
from cli.options import JsonOption, LibraryOption, SpaceOption

LocalArgument = Annotated[
    str, typer.Argument(metavar="LIBRARY", help="The directory of a library of this machine.")
]
UrlArgument = Annotated[
    str, typer.Argument(metavar="URL", help="As s3://bucket/name or file:///mnt/team/name.")
]
ROWS_A_FILE = 100_000
"""Images a part or a file: 100 MB at 512 dimensions."""


def export(
    library: LocalArgument,
    url: UrlArgument,
    layout: Annotated[
        str,
        typer.Option(
            "--as",
            metavar="parts|parquet|clip-retrieval",
            help="A library in parts; or files for other programs: parquet with a column vector, "
            "or img_emb/*.npy and metadata/*.parquet.",
        ),
    ] = "parts",
    space: SpaceOption = None,
    json_output: JsonOption = False,
) -> None:
    """Copy a library to a URL. Nothing is encoded again."""
    from indexers.sharded.exchange import export_library
    from searchengine import open_library
    from searchengine.library.cached.files import Layout, export_files

    layouts = ["parts", *(each.value for each in Layout)]
    if layout not in layouts:
        raise typer.BadParameter(f"--as {layout}: choose {', '.join(layouts)}")
    with open_library(library) as opened:
        if layout != "parts":
            images = export_files(opened, url, Layout(layout), rows=ROWS_A_FILE, space=space)
            _say(
                {"library": url, "images": images},
                f"{plural(images, 'image')} in {url}",
                json_output,
            )
            return
        report = export_library(opened, url, shard_size=ROWS_A_FILE, space=space)
    _say(
        report,
        f"{plural(report.copied, 'image')} copied, {plural(report.captions, 'caption')}; snapshot "
        f"{report.snapshot} of {report.library} has {plural(report.images, 'image')}",
        json_output,
    )


def import_(
    source: Annotated[
        str,
        typer.Argument(
            metavar="URL|rclip|clip-retrieval",
            help="The URL of a library in parts; or the word rclip, or clip-retrieval, for what "
            "these have encoded.",
        ),
    ],
    place: Annotated[
        str | None,
        typer.Argument(
            metavar="LIBRARY|[DB]|FOLDER",
            help="Behind a URL the directory of a library of this machine. Behind rclip its "
            "database, db.sqlite3; default: where rclip keeps it. Behind clip-retrieval the folder "
            "that its inference wrote.",
        ),
    ] = None,
    library: LibraryOption = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The encoder that made the vectors. rclip's default: what its database is made "
            "with. clip-retrieval's folder does not say it.",
        ),
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """Take over what is encoded already: a library in parts, or by rclip or clip-retrieval.

    From a URL, a library in parts is copied into one of this machine, which can be changed. Run
    again, it adds what is new there.

    From rclip and clip-retrieval, the vectors of all pictures whose files are as they were encoded
    come into --library, after some were encoded again to see that they are equal. The rest is for
    clipseek index PATH. Captions of clip-retrieval come too.
    """
    if place is None and source != "rclip":
        there = "FOLDER --model NAME" if source == "clip-retrieval" else "LIBRARY"
        raise typer.BadParameter(f"name the directory: clipseek import {source} {there}")
    if source == "rclip":
        from cli.commands.programs.elsewhere import import_rclip

        import_rclip(place, library, model, as_json=json_output)
    elif source == "clip-retrieval":
        _import_clip_retrieval(str(place), library, model, json_output)
    elif library is not None or model is not None:
        raise typer.BadParameter("--library and --model are not for a library in parts")
    else:
        _import_parts(source, str(place), json_output)


def _import_clip_retrieval(
    folder: str, library: str | None, model: str | None, json_output: bool
) -> None:
    from cli.commands.programs.elsewhere import import_clip_retrieval
    from indexers.elsewhere.clip_retrieval import ENCODER

    if model is None:
        raise typer.BadParameter(
            "clip-retrieval's folder does not say which encoder made it: --model NAME; what it "
            f"takes itself, ViT-B/32 of OpenAI, is --model {ENCODER}"
        )
    import_clip_retrieval(folder, library, model, as_json=json_output)


def _import_parts(url: str, library: str, json_output: bool) -> None:
    from indexers.sharded.exchange import import_library
    from searchengine import open_library

    with open_library(library, create=True) as opened:
        report = import_library(url, opened)
    new = f", {plural(report.captions, 'new caption')}" if report.captions else ""
    _say(
        report,
        f"{plural(report.images, 'image')}{new} in {report.library}, as of snapshot "
        f"{report.snapshot}",
        json_output,
    )


def _say(report: object, line: str, as_json: bool) -> None:
    if as_json:
        output.print_json(report)
    else:
        output.note(line)
