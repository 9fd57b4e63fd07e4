"""Further columns of caption files: what else is said of each caption."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from searchengine.datasets.dataset import CaptionedImage
from searchengine.datasets.formats import record
from searchengine.datasets.text_files import csv_records, json_records, read_text
from searchengine.errors import CaptionFileError, InputError

WITH_COLUMNS = ("csv", "jsonl")
"""Formats whose entries may say more than an image, its captions and a split."""


def read_column(
    path: Path,
    format: str,  # noqa: A002
    column: str,
    images: Sequence[CaptionedImage],
) -> list[str | None]:
    """What a column says of each caption of `images`, in order; None where it says nothing.

    Raises InputError where the format has no further columns, and CaptionFileError where the file
    has not this one, or says two things of one caption of one image.
    """
    if format not in WITH_COLUMNS:
        raise InputError(
            f"{path} is read as {format}, which has no further columns; CSV and JSON Lines have"
        )
    said: dict[tuple[str, str], str] = {}
    for number, key, caption, value in _entries(path, format, column):
        known = said.setdefault((key, caption), value)
        if known != value:
            raise CaptionFileError(
                f"{path}, line {number}: {column} is {value!r} of a caption of {key} of which it "
                f"was {known!r}"
            )
    values = [said.get((image.key, caption)) for image in images for caption in image.captions]
    if all(value is None for value in values):
        there = dict.fromkeys(str(name) for _, entry in _records(path, format) for name in entry)
        raise CaptionFileError(
            f"{path}: no caption that is asked has a value for {column!r}; there is: "
            f"{', '.join(there)}"
        )
    return values


def _entries(
    path: Path,
    format: str,  # noqa: A002
    column: str,
) -> Iterator[tuple[int, str, str, str]]:
    """Line, image, caption and value, of each caption with one."""
    for number, entry in _records(path, format):
        value = entry.get(column)
        if value is None or not str(value).strip():
            continue
        captions = entry["captions"] if "captions" in entry else entry["caption"]
        for caption in [captions] if isinstance(captions, str) else captions:
            yield number, record(entry["image"], ()).key, caption.strip(), str(value).strip()


def _records(path: Path, format: str) -> Iterator[tuple[int, Any]]:  # noqa: A002
    text = read_text(path)
    if format == "csv":
        yield from ((number, row) for number, row, _ in csv_records(path, text))
    elif text.lstrip().startswith("["):
        yield from enumerate(json.loads(text), start=1)
    else:
        yield from json_records(path, text)
