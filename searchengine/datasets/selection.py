"""Selection tasks: a few images and a few captions, and which belongs to which.

Format      How it is known
sugarcrepe  JSON, an object of entries with filename, caption and negative_caption; the kind is the
            name of the file. A directory is all its files.
aro         JSON, a list of entries with image_path, a box (bbox_x, bbox_y, bbox_w, bbox_h),
            true_caption and false_caption; the kind is relation_name, or both of attributes
winoground  JSON Lines or a list, with image_0, image_1, caption_0 and caption_1; the kind is
            collapsed_tag or tag
own         JSON Lines or a list, with image or images, captions, and kind where there is one
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from searchengine.datasets.text_files import json_records, read_text, require_unicode
from searchengine.errors import CaptionFileError, InputError, PathNotFoundError
from searchengine.images.formats import is_image_name

Box = tuple[int, int, int, int]

LEAST_OF_ATTRIBUTES = 25
"""ARO leaves out pairs of attributes with fewer choices; so does its own code."""

_WINOGROUND_SUFFIX = ".png"
"""Of the images in Winoground's archive, whose names in its file have none."""

_WRONG = (AttributeError, KeyError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Choice:
    """Images and captions of which the first of each belong together, the second, and so on.

    Captions or images beyond those of the other side belong to nothing.
    """

    kind: str
    images: tuple[str, ...]
    """Files, as the task names them."""
    captions: tuple[str, ...]
    box: Box | None = None
    """Left, top, right and bottom of the part that is meant of every image, in pixels."""


@dataclass(frozen=True, slots=True)
class SelectionTask:
    """Choices, read from files."""

    name: str
    format: str
    """"sugarcrepe", "aro", "winoground" or "own"."""
    choices: tuple[Choice, ...]
    least: int
    """Kinds with fewer choices are in no mean of kinds."""


def read_selection(paths: Sequence[Path]) -> SelectionTask:
    """Read files of one selection task, or all JSON files of a directory.

    Raises CaptionFileError where a file is none, with the entry that is wrong, InputError where
    they are of several tasks, and PathNotFoundError.
    """
    named = {file.resolve(): file for path in paths for file in _files_of(path)}
    files = list(named.values())
    found = [_read(file) for file in files]
    formats = sorted({form for form, _ in found})
    if len(formats) > 1:
        raise InputError(f"files of several tasks ({', '.join(formats)}): measure each by itself")
    choices = tuple(choice for _, some in found for choice in some)
    attributes = formats == ["aro"] and any(", " in choice.kind for choice in choices)
    name = (
        paths[0].name
        if len(paths) == 1 or len(files) == 1
        else f"{len(files)} files in {files[0].resolve().parent.name}"
    )
    return SelectionTask(name, formats[0], choices, LEAST_OF_ATTRIBUTES if attributes else 1)


def _files_of(path: Path) -> list[Path]:
    if not path.exists():
        raise PathNotFoundError(path)
    if not path.is_dir():
        return [path]
    files = sorted(path.glob("*.json"))
    if not files:
        raise InputError(f"{path}: no JSON files in it; give the files of the task")
    return files


def _read(path: Path) -> tuple[str, list[Choice]]:
    entries = list(_entries(path, read_text(path)))
    if not entries:
        raise CaptionFileError(f"{path}: no choices in it")
    form = _format_of(entries[0][1])
    if form is None:
        raise CaptionFileError(
            f"{path}: no selection task that is known: its entries have neither filename, caption "
            "and negative_caption (SugarCrepe), true_caption and false_caption (ARO), caption_0 "
            "and caption_1 (Winoground), nor image or images with captions"
        )
    choices = []
    for where, entry in entries:
        try:
            choice = _checked(_MAKERS[form](entry, path.stem))
        except _WRONG as error:
            raise CaptionFileError(f"{path}, {where}: not as it should be: {error}") from error
        require_unicode(f"{path}, {where}", choice.kind, *choice.images, *choice.captions)
        choices.append(choice)
    return form, choices


def _entries(path: Path, text: str) -> Iterator[tuple[str, Any]]:
    """Each entry of a file, and where it stands."""
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise CaptionFileError(f"{path}: not JSON: {error}") from error
    except ValueError:
        yield from ((f"line {number}", value) for number, value in json_records(path, text))
        return
    if isinstance(value, dict) and value and all(isinstance(v, dict) for v in value.values()):
        yield from ((f"entry {key}", entry) for key, entry in value.items())
    elif isinstance(value, list):
        yield from ((f"entry {number}", entry) for number, entry in enumerate(value, start=1))
    else:
        yield "line 1", value  # JSON Lines of one line


def _format_of(entry: object) -> str | None:
    if not isinstance(entry, dict):
        return None
    return next((form for form, keys in _KEYS.items() if keys <= entry.keys()), None) or (
        "own" if "captions" in entry and entry.keys() & {"image", "images"} else None
    )


_KEYS = {
    "sugarcrepe": {"filename", "caption", "negative_caption"},
    "aro": {"image_path", "true_caption", "false_caption"},
    "winoground": {"image_0", "image_1", "caption_0", "caption_1"},
}


def _sugarcrepe(entry: dict[str, Any], stem: str) -> Choice:
    return Choice(stem, (entry["filename"],), (entry["caption"], entry["negative_caption"]))


def _aro(entry: dict[str, Any], stem: str) -> Choice:
    attributes = entry.get("attributes")
    kind = entry.get("relation_name") or (", ".join(attributes) if attributes else stem)
    captions = entry["true_caption"], entry["false_caption"]
    left, top, width, height = (int(entry[f"bbox_{side}"]) for side in "xywh")
    return Choice(kind, (entry["image_path"],), captions, (left, top, left + width, top + height))


def _winoground(entry: dict[str, Any], stem: str) -> Choice:
    kind = entry.get("collapsed_tag") or entry.get("tag") or stem
    images = tuple(
        name if is_image_name(name) else f"{name}{_WINOGROUND_SUFFIX}"
        for name in (entry["image_0"], entry["image_1"])
    )
    return Choice(kind, images, (entry["caption_0"], entry["caption_1"]))


def _own(entry: dict[str, Any], stem: str) -> Choice:
    images = entry["images"] if "images" in entry else [entry["image"]]
    if not isinstance(images, list) or not isinstance(entry["captions"], list):
        raise TypeError("images and captions are lists")
    kind = entry.get("kind")
    return Choice(stem if kind is None else str(kind), tuple(images), tuple(entry["captions"]))


_MAKERS = {"sugarcrepe": _sugarcrepe, "aro": _aro, "winoground": _winoground, "own": _own}


def _checked(choice: Choice) -> Choice:
    """The choice. Raises TypeError or ValueError where there is nothing to choose in it."""
    texts = [*choice.images, *choice.captions]
    if not all(isinstance(text, str) and text.strip() for text in texts):
        raise TypeError("every image and caption is a text that says something")
    if not choice.images or not choice.captions or len(texts) < 3:
        raise ValueError("there is nothing to choose between")
    return choice
