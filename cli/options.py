"""Flags that several commands share."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

LibraryOption = Annotated[
    Path | None,
    typer.Option(
        "--library",
        metavar="DIR",
        help="The library. Default: $CLIPSEEK_LIBRARY, else the user data directory.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
SpaceOption = Annotated[
    str | None,
    typer.Option(
        "--space", metavar="NAME", help="Ask this space or encoder instead of the default one."
    ),
]

DATE_FORMS = ("%Y", "%Y-%m", "%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M")


def parse_date(text: str) -> datetime:
    """A local time from 2024, 2024-05, 2024-05-31 or 2024-05-31T18:30: the first moment of it."""
    for form in DATE_FORMS:
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    raise typer.BadParameter(f"{text!r} is no date; write 2024, 2024-05 or 2024-05-31")
