"""Flags that several commands share."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Annotated

import typer

from searchengine.errors import InputError


def one_of(*names: str) -> Callable[[str], str]:
    """A callback of typer's for an option that is one of these words. Else it is wrong usage."""

    def known(value: str) -> str:
        if value not in names:
            raise typer.BadParameter(f"{value!r} is none of {', '.join(names)}")
        return value

    return known


DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "float32", "bfloat16", "float16", "int8")

LibraryOption = Annotated[
    str | None,
    typer.Option(
        "--library",
        metavar="DIR",
        help="The library. Default: $CLIPSEEK_LIBRARY, else the user data directory.",
    ),
]
DeviceOption = Annotated[
    str,
    typer.Option(
        "--device", metavar="|".join(DEVICES), callback=one_of(*DEVICES), help="Where to run."
    ),
]
PrecisionOption = Annotated[
    str,
    typer.Option(
        "--precision",
        metavar="|".join(PRECISIONS),
        callback=one_of(*PRECISIONS),
        help="Of the encoder's weights; int8 on CPUs alone.",
    ),
]
WorkersOption = Annotated[
    int | None, typer.Option("--workers", metavar="N", min=1, help="Threads that decode.")
]
MaxMegapixelsOption = Annotated[
    float,
    typer.Option("--max-megapixels", metavar="N", min=0.1, help="Refuse larger pictures."),
]
MAX_MEGAPIXELS = 200
"""The default of `MaxMegapixelsOption`; `searchengine.images.decode` says the same."""
MaxFileSizeOption = Annotated[
    str,
    typer.Option(
        "--max-file-size", metavar="SIZE", help="Refuse larger files, as 500M or 4G, unread."
    ),
]
MAX_FILE_SIZE = "2G"
"""The default of `MaxFileSizeOption`; `searchengine.files` says the same."""
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
SpaceOption = Annotated[
    str | None,
    typer.Option(
        "--space", metavar="NAME", help="Ask this space or encoder instead of the default one."
    ),
]

MemoryOption = Annotated[
    str | None,
    typer.Option(
        "--memory",
        metavar="SIZE",
        help="The most that the index of a large library may take, as 500M or 4G: where it would "
        "take more, it keeps less of each image and finds less.",
    ),
]
FactoryOption = Annotated[
    str | None,
    typer.Option(
        "--factory",
        metavar="TEXT",
        help="Another index than clipseek would choose, in FAISS's notation: IVF4096,PQ64np. "
        "It is built for small libraries too.",
    ),
]

SIZE_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def parse_size(text: str) -> int:
    """Bytes from 500M, 4G, 1.5GB or 72000000; units are powers of a thousand."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?([KMGT]?)B?", text.strip().upper())
    size = round(float(match[1]) * SIZE_UNITS[match[2]]) if match else 0
    if size < 1:
        raise typer.BadParameter(f"{text!r} is no size; write 500M or 4G")
    return size


def parse_date(text: str) -> datetime:
    """A local time, as `searchengine.retrieval.dates` reads it; wrong usage for another."""
    from searchengine.retrieval.dates import read_date

    try:
        return read_date(text)
    except InputError as error:
        raise typer.BadParameter(str(error)) from error
