"""Files of captions: CSV with a header `image,caption`, or JSON Lines with the same two keys."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

from searchengine.errors import CaptionFileError
from searchengine.files import read_file
from searchengine.paths import absolute

_HALF = re.compile("[\ud800-\udfff]")

PAIR_COLUMNS = ["image", "caption"]
"""The two columns or keys that a file of pairs must have."""


def read_captions(path: Path, images: Path | None = None) -> list[tuple[str, str]]:
    """(absolute image path, caption) pairs of a file.

    Relative image names are relative to `images`, or to the file's own directory. Raises
    CaptionFileError with the line that is wrong.
    """
    text = read_text(path)
    records: Iterator[tuple[int, object]] = (
        json_records(path, text)
        if text.lstrip().startswith("{")
        else ((number, row) for number, row, _ in csv_records(path, text))
    )
    directory = path.parent if images is None else images
    return [
        (absolute(os.path.join(directory, os.path.expanduser(image))), caption)
        for image, caption in (_pair(path, number, record) for number, record in records)
    ]


def read_texts(path: Path) -> list[str]:
    """The different texts of a file, one a line. Raises CaptionFileError where there are none."""
    lines = read_text(path).splitlines()
    texts = list(dict.fromkeys(line.strip() for line in lines if line.strip()))
    if not texts:
        raise CaptionFileError(f"{path}: no texts in it; write one text a line")
    return texts


def read_text(path: Path) -> str:
    """A file as text, without a byte order mark. Raises CaptionFileError where it is not UTF-8."""
    data = read_file(path)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise CaptionFileError(f"{path}, line {line}: not UTF-8 text; save it as UTF-8") from error


def numbered_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines that hold something, with their numbers from 1.

    Only a line feed ends a line: Python's `splitlines` also cuts at characters that captions and
    JSON strings may hold, such as U+2028.
    """
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, line.rstrip("\r")


def csv_columns(text: str) -> list[str]:
    """The first line of CSV, by field; nothing where it is no CSV."""
    try:
        rows = csv.reader(io.StringIO(text, newline=""), strict=True)
        return next(filter(None, rows), [])
    except csv.Error:
        return []


def csv_records(path: Path, text: str) -> Iterator[tuple[int, dict[str, str], bool]]:
    """(last line number, fields by column, whether it was mended) of CSV with columns for pairs.

    A row that is longer than the header `image,caption` has commas without quotes in its caption,
    as CLIP_benchmark's files have: it is mended. Fields that a short row lacks are not in the
    mapping. Raises CaptionFileError for another header, for one that names a column twice, and
    for quotes that do not match.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(filter(None, reader), [])
        if not set(PAIR_COLUMNS) <= set(header):
            raise CaptionFileError(
                f"{path}: neither CSV with the header image,caption nor JSON Lines with these keys"
            )
        if twice := [name for name in header if name and header.count(name) > 1]:
            raise CaptionFileError(f"{path}: two columns are called {twice[0]!r}; rename one")
        for row in reader:
            surplus = len(row) > len(header)
            if surplus and header != PAIR_COLUMNS:
                raise CaptionFileError(
                    f"{path}, line {reader.line_num}: {len(row)} fields under {len(header)} "
                    "columns; put quotes around captions that hold commas"
                )
            if surplus:
                row = [row[0], ",".join(row[1:])]
            if row:
                yield reader.line_num, dict(zip(header, row, strict=False)), surplus
    except csv.Error as error:
        raise CaptionFileError(
            f"{path}, line {reader.line_num}: not CSV: {error}; double the quotes inside a quoted "
            "caption"
        ) from error


def json_records(path: Path, text: str) -> Iterator[tuple[int, object]]:
    """(line number, value) of JSON Lines. Raises CaptionFileError with the line that is wrong."""
    for number, line in numbered_lines(text):
        try:
            yield number, json.loads(line)
        except (ValueError, RecursionError) as error:
            raise CaptionFileError(f"{path}, line {number}: not JSON: {error}") from error


def require_unicode(where: str, *texts: str) -> None:
    """Raises CaptionFileError for half a character, which JSON can hold as an escape."""
    for text in texts:
        half = None if text.isascii() else _HALF.search(text)
        if half:
            raise CaptionFileError(
                f"{where}: half a character, \\u{ord(half[0]):04x}; take it out of the file"
            )


def _pair(path: Path, number: int, record: object) -> tuple[str, str]:
    if isinstance(record, dict):
        image, caption = record.get("image"), record.get("caption")
        if isinstance(image, str) and isinstance(caption, str) and image and caption.strip():
            require_unicode(f"{path}, line {number}", image, caption)
            return image, caption.strip()
    raise CaptionFileError(
        f"{path}, line {number}: needs an image and a caption that say something"
    )
