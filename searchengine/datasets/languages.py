"""Captions of the same images in several languages: one data set a language.

Source                  What is taken
a folder of files       every caption file there; the language is the name, after the last _ or .
CSV with `language`     the captions of each language; JSON Lines with that key alike
Crossmodal-3600         JSON Lines with image/key, and by language an object with a list `caption`
"""

from __future__ import annotations

import io
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from searchengine.datasets.archives import is_archive
from searchengine.datasets.dataset import Dataset, gather, read_dataset
from searchengine.datasets.formats import Parsed, Record, record
from searchengine.datasets.stored_vectors import is_stored
from searchengine.datasets.text_files import csv_records, json_records, read_text
from searchengine.errors import CaptionFileError
from searchengine.files import open_ordinary

COLUMN = "language"

XM3600_KEY = "image/key"

LONGEST = 2**20
"""Characters of a line that are looked at: Crossmodal-3600 has 36 languages in one."""

ENDINGS = (".csv", ".json", ".jsonl", ".token", ".txt")
"""Of the caption files in a folder."""


def read_languages(path: Path) -> dict[str, Dataset]:
    """The data set of each language, in the order of the file; empty where it names none.

    Raises CaptionFileError where a file with languages is not as it should be.
    """
    if path.is_dir():
        if is_stored(path) or is_archive(path):
            return {}
        files = sorted(file for file in path.iterdir() if file.suffix in ENDINGS)
        return {_language(file): read_dataset(file) for file in files}
    line = _first_line(path)
    if line.startswith("{") and _is_of_languages(line):
        rows = _of_json(path, read_text(path))
    elif COLUMN in line.split(","):
        rows = _of_csv(path, read_text(path))
    else:
        return {}
    return {
        language: gather(path, Parsed("jsonl" if line.startswith("{") else "csv", records))
        for language, records in rows.items()
    }


def _language(file: Path) -> str:
    return file.stem.replace(".", "_").rpartition("_")[2]


def _of_csv(path: Path, text: str) -> dict[str, list[Record]]:
    rows: dict[str, list[Record]] = defaultdict(list)
    for number, row, _ in csv_records(path, text):
        _add(rows, path, number, row)
    return rows


def _first_line(path: Path) -> str:
    """The beginning of a file, up to the end of its first line that holds something."""
    try:
        with (
            open_ordinary(path) as data,
            io.TextIOWrapper(data, encoding="utf-8-sig", errors="replace") as file,
        ):
            return next(
                (line.strip() for line in iter(lambda: file.readline(LONGEST), "") if line.strip()),
                "",
            )
    except OSError:
        return ""  # whoever reads it next says why


def _is_of_languages(line: str) -> bool:
    try:
        first = json.loads(line)
    except (ValueError, RecursionError):
        return False  # one document over many lines
    return isinstance(first, dict) and bool(first.keys() & {COLUMN, XM3600_KEY})


def _of_json(path: Path, text: str) -> dict[str, list[Record]]:
    rows: dict[str, list[Record]] = defaultdict(list)
    for number, row in json_records(path, text):
        if isinstance(row, dict) and XM3600_KEY in row:
            _add_crossmodal(rows, path, number, row)
        else:
            _add(rows, path, number, row)
    return rows


def _add(rows: dict[str, list[Record]], path: Path, number: int, row: object) -> None:
    try:
        if not isinstance(row, dict):
            raise TypeError("no object")
        captions = row["captions"] if "captions" in row else [row["caption"]]
        stripped = tuple(caption.strip() for caption in captions)
        rows[str(row[COLUMN])].append(record(row["image"], stripped, row.get("split")))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CaptionFileError(
            f"{path}, line {number}: needs an image, a caption and a language"
        ) from error


def _add_crossmodal(
    rows: dict[str, list[Record]], path: Path, number: int, row: dict[str, Any]
) -> None:
    try:
        for language, told in row.items():
            if isinstance(told, dict) and "caption" in told:
                captions = tuple(caption.strip() for caption in told["caption"])
                rows[language].append(record(f"{row[XM3600_KEY]}.jpg", captions))
    except (AttributeError, TypeError, ValueError) as error:
        raise CaptionFileError(f"{path}, line {number}: not as Crossmodal-3600 has it") from error
