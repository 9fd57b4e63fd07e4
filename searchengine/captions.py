"""Files of captions: CSV with a header `image,caption`, or JSON Lines with the same two keys."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path

from searchengine.errors import CaptionFileError
from searchengine.fetch import read_file
from searchengine.paths import absolute


def read_captions(path: Path, images: Path | None = None) -> list[tuple[str, str]]:
    """(absolute image path, caption) pairs of a file.

    Relative image names are relative to `images`, or to the file's own directory. Raises
    CaptionFileError with the line that is wrong.
    """
    text = _text(path)
    pairs = _json_lines(path, text) if text.lstrip().startswith("{") else _csv(path, text)
    directory = path.parent if images is None else images
    return [
        (absolute(os.path.join(directory, os.path.expanduser(image))), caption)
        for image, caption in pairs
    ]


def read_texts(path: Path) -> list[str]:
    """The different texts of a file, one a line. Raises CaptionFileError where there are none."""
    texts = list(dict.fromkeys(line.strip() for line in _text(path).splitlines() if line.strip()))
    if not texts:
        raise CaptionFileError(f"{path}: no texts in it; write one text a line")
    return texts


def _text(path: Path) -> str:
    try:
        return read_file(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CaptionFileError(f"{path}: not UTF-8 text; save it as UTF-8") from error


def _csv(path: Path, text: str) -> Iterator[tuple[str, str]]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if not {"image", "caption"} <= set(reader.fieldnames or ()):
        raise CaptionFileError(
            f"{path}: neither CSV with the header image,caption nor JSON Lines with these keys"
        )
    for row in reader:
        yield _pair(path, reader.line_num, row)


def _json_lines(path: Path, text: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            try:
                yield _pair(path, number, json.loads(line))
            except ValueError as error:
                raise CaptionFileError(f"{path}, line {number}: not JSON: {error}") from error


def _pair(path: Path, number: int, record: object) -> tuple[str, str]:
    if isinstance(record, dict):
        image, caption = record.get("image"), record.get("caption")
        if isinstance(image, str) and isinstance(caption, str) and image and caption.strip():
            return image, caption.strip()
    raise CaptionFileError(
        f"{path}, line {number}: needs an image and a caption that say something"
    )
