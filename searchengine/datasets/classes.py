"""Images and the class of each: a folder a class, or a file; and what the classes are called.

Folders  the images anywhere below DIR/<class>/ are of that class; other files are passed over
file     CSV with the columns image and class (or label), or JSON Lines with these keys
names    a line a class: its name, or the name of its folder, a tab and its name
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from searchengine.datasets.text_files import (
    json_records,
    numbered_lines,
    read_text,
    require_unicode,
)
from searchengine.errors import CaptionFileError, InputError, PathNotFoundError
from searchengine.images.formats import is_image_name

CLASS_KEYS = ("class", "label")
"""Columns or keys for the class; the first that is there counts."""


@dataclass(frozen=True, slots=True)
class LabelledImages:
    """Images that each have one class."""

    path: Path
    files: tuple[str, ...]
    """As the source names them: absolute paths of a folder, else what the file says."""
    classes: tuple[str, ...]
    """Of each, as the source names them."""
    is_folder: bool


@dataclass(frozen=True, slots=True)
class ClassNames:
    """What is offered as an answer."""

    names: tuple[str, ...]
    """In words, each once."""
    numbers: dict[str, int]
    """Which of `names` each class of the images is."""
    by_order: bool = False
    """Whether names were given to the sorted classes one after another, as they have no other
    tie."""


def read_labelled(path: Path) -> LabelledImages:
    """The images of a folder or a file, with their classes.

    Raises CaptionFileError, InputError and PathNotFoundError where there is nothing to read.
    """
    if path.is_dir():
        found = list(_in_folders(path))
        if not found:
            raise InputError(
                f"{path}: no images in folders there; it needs a folder for each class"
            )
    else:
        if not path.exists():
            raise PathNotFoundError(path)
        found = list(_in_file(path, read_text(path)))
        if not found:
            raise CaptionFileError(f"{path}: no images in it")
    files, classes = zip(*found, strict=True)
    return LabelledImages(path, files, classes, path.is_dir())


def read_names(path: Path | None, classes: Sequence[str]) -> ClassNames:
    """What the classes of some images are called, by a file of names or by themselves.

    Without a file names are the classes with spaces for underscores. A file's names go to the
    classes of the same name, in either spelling; names that no image has are offered as well. Names
    that fit no class at all go to the sorted classes in their order, where there are as many of
    both: so ImageNet's 1,000 names fit its 1,000 folders. Raises CaptionFileError where a class has
    no name or a name stands twice.
    """
    known = sorted(set(classes))
    if path is None:
        names = [_in_words(each) for each in known]
        return _named(names, dict(zip(known, range(len(known)), strict=True)), "classes")
    lines = [line.strip() for _, line in numbered_lines(read_text(path))]
    pairs = [line.split("\t", 1) for line in lines]
    names = [pair[-1].strip() for pair in pairs]
    require_unicode(str(path), *names)
    given = {pair[0].strip(): number for number, pair in enumerate(pairs)}
    numbers = {each: given.get(each, given.get(_in_words(each), -1)) for each in known}
    lacking = [each for each, number in numbers.items() if number < 0]
    if not lacking:
        return _named(names, numbers, str(path))
    if len(lacking) == len(known) == len(names):
        return _named(names, dict(zip(known, range(len(known)), strict=True)), str(path), True)
    raise CaptionFileError(
        f"{path}: no name for {len(lacking):,} of {len(known):,} classes, the first being "
        f"{lacking[0]!r}; write its folder, a tab and its name"
    )


def _named(
    names: Sequence[str], numbers: dict[str, int], where: str, by_order: bool = False
) -> ClassNames:
    if len(set(names)) < len(names):
        twice = next(name for place, name in enumerate(names) if name in names[:place])
        raise CaptionFileError(f"{where}: {twice!r} is the name of two classes: tell them apart")
    if len(names) < 2:
        raise CaptionFileError(f"{where}: {len(names)} class: there is nothing to choose between")
    return ClassNames(tuple(names), numbers, by_order)


def _in_words(name: str) -> str:
    return " ".join(name.replace("_", " ").split())


def _in_folders(root: Path) -> Iterator[tuple[str, str]]:
    for folder in sorted(entry for entry in root.iterdir() if entry.is_dir()):
        if folder.name.startswith("."):
            continue
        for place, folders, files in os.walk(folder):
            folders.sort()
            for name in sorted(files):
                if is_image_name(name) and not name.startswith("."):
                    yield os.path.abspath(os.path.join(place, name)), folder.name


def _in_file(path: Path, text: str) -> Iterator[tuple[str, str]]:
    records: Iterator[tuple[int, Any]] = (
        json_records(path, text) if text.lstrip().startswith("{") else _csv(path, text)
    )
    for number, record in records:
        image: Any = None
        name: Any = None
        if isinstance(record, dict):
            image = record.get("image")
            given = (record.get(key) for key in CLASS_KEYS)
            name = next((each for each in given if each not in (None, "")), None)
            name = str(name) if type(name) is int else name
        if not (
            isinstance(image, str) and isinstance(name, str) and image.strip() and name.strip()
        ):
            raise CaptionFileError(f"{path}, line {number}: needs an image and a class")
        require_unicode(f"{path}, line {number}", image, name)
        yield image.strip(), name.strip()


def _csv(path: Path, text: str) -> Iterator[tuple[int, dict[str, str]]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    header = set(reader.fieldnames or ())
    if "image" not in header or not header & set(CLASS_KEYS):
        raise CaptionFileError(
            f"{path}: neither CSV with the columns image and class nor JSON Lines with these keys"
        )
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise CaptionFileError(f"{path}, line {reader.line_num}: not CSV: {error}") from error
