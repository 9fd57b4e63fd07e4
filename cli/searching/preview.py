"""The pictures of hits in a terminal: by Kitty's protocol or Sixel, else in blocks of colour."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from cli import output
from searchengine.errors import ClipseekError, MissingExtraError

if TYPE_CHECKING:
    from pathlib import Path

    from PIL import Image

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


def print_pictures(pictures: Sequence[tuple[str, Path]]) -> None:
    """Each picture under its title, those whose files are gone with the reason."""
    from rich.console import Console
    from textual_image.renderable import Image as Drawn

    console = Console(file=sys.stdout)
    for title, path in pictures:
        output.say(title)
        try:
            picture = _read(path)
        except ClipseekError as error:
            output.say(f"   {error}")
            continue
        output.finish()
        console.print(Drawn(picture, width="auto", height=LINES))


def _read(path: Path) -> Image.Image:
    from searchengine.files import read_file
    from searchengine.images.decode import read_image

    picture, _ = read_image(read_file(path), name=str(path), input_size=DECODED_FOR)
    picture.thumbnail((4 * DECODED_FOR, 2 * DECODED_FOR))
    return picture
