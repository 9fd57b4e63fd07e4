"""The pictures of hits in a terminal: by Kitty's protocol or Sixel, else in blocks of colour."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from cli import output
from searchengine.errors import ClipseekError, MissingExtraError

if TYPE_CHECKING:
    from PIL import Image

    from searchengine import SearchHit

LINES = 12
"""Of the terminal, for each picture: three fit on an ordinary one with their names."""

DECODED_FOR = 240
"""The `input_size` of a picture: twice as many pixels are as high as twelve lines."""


def require_terminal(form: output.Form) -> None:
    """Raise BadParameter where pictures cannot be shown, and MissingExtraError."""
    if form is not output.Form.TABLE:
        raise typer.BadParameter(f"--preview and {form.value}: choose one")
    if not sys.stdout.isatty():
        raise typer.BadParameter(
            "--preview shows pictures in a terminal, and this is none; for a page: --html FILE"
        )
    try:
        import textual_image  # noqa: F401 - it asks the terminal only when a picture is drawn
    except ImportError as error:
        raise MissingExtraError("--preview needs textual-image", "terminal") from error


def print_pictures(hits: Sequence[SearchHit]) -> None:
    """Each hit's picture under its rank and name, those whose files are gone with the reason."""
    from rich.console import Console
    from textual_image.renderable import Image as Drawn

    console = Console(file=sys.stdout)
    for hit in hits:
        output.say(f"{hit.rank}  {hit.path.name}")
        try:
            picture = _read(hit)
        except ClipseekError as error:
            output.say(f"   {error}")
            continue
        output.finish()
        console.print(Drawn(picture, width="auto", height=LINES))


def _read(hit: SearchHit) -> Image.Image:
    from searchengine.files import read_file
    from searchengine.images.decode import read_image

    picture, _ = read_image(read_file(hit.path), name=str(hit.path), input_size=DECODED_FOR)
    picture.thumbnail((4 * DECODED_FOR, 2 * DECODED_FOR))
    return picture
