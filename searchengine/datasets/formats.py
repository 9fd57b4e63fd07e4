"""The forms in which benchmarks give their captions: text in, records out, no files touched.

Format    How it is known (never by the file's name)
karpathy  JSON with images[].sentences[].raw: Karpathy's splits of Flickr8k, Flickr30k and COCO
coco      JSON with images and annotations: COCO's own caption files
jsonl     one JSON object a line: image, and caption or captions; or the same as a JSON list
token     `name#k<TAB>caption`: Flickr8k.token.txt, Flickr30k's results_20130124.token
kaggle    `image_name| comment_number| comment`: Flickr30k's results.csv as Kaggle has it
csv       a header with image and caption
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from searchengine.datasets.text_files import (
    PAIR_COLUMNS,
    csv_columns,
    csv_records,
    json_records,
    numbered_lines,
)
from searchengine.errors import CaptionFileError

RESTVAL = "restval"
"""Karpathy's name for the COCO validation images that he left over; papers train on them."""

_COMMENT = re.compile(r"(?P<image>[^|]+?)\s*\|\s*\d+\s*(?P<bar>\||(?<=\s))\s*(?P<caption>.*)")
"""A line of Kaggle's file. One real line lacks the second bar: `2199200615.jpg| 4   A dog ...`."""

_TOKEN = re.compile(r"(?P<image>[^\t]+)#\d+\t(?P<caption>.*)")

_WRONG = (AttributeError, KeyError, TypeError, ValueError)
"""What reading values raises where a record is not as it should be."""

_KAGGLE_HEADER = re.compile(r"image_name\s*\|\s*comment_number\s*\|\s*comment\s*")


class Record(NamedTuple):
    """One mention of an image in a caption file."""

    key: str
    """What the file calls the image; one image has one key."""
    file: str
    """Relative path of the image, with forward slashes."""
    captions: tuple[str, ...]
    split: str | None = None
    ids: tuple[str, ...] = ()
    """What the file calls each of the captions, or nothing at all."""


def record(
    file: str, captions: tuple[str, ...], split: str | None = None, ids: tuple[str, ...] = ()
) -> Record:
    """A record of an image that the file calls by its path. Raises ValueError for an empty path."""
    if not file.strip():
        raise ValueError("an image without a name")
    file = posixpath.normpath(file.strip())
    if split is not None:
        split = "train" if split.strip() == RESTVAL else split.strip() or None
    return Record(file, file, captions, split, ids)


@dataclass(slots=True)
class Parsed:
    """What a caption file says, before captions are gathered by image."""

    format: str
    records: list[Record] = field(default_factory=list)
    lists_images: bool = False
    """Whether the file lists its images, so that a key that comes twice is a fault."""
    stray_captions: int = 0
    """Captions of images that the file's own list of images lacks."""
    mended_lines: int = 0
    """Lines that could be read although they break the format."""
    name: str | None = None
    """What the file calls the dataset."""


def detect(text: str) -> str | None:
    """The format of a text by its content, or None."""
    if text.lstrip()[:1] in ("{", "["):
        return _detect_json(text)
    first = next((line for _, line in numbered_lines(text)), "")
    if _TOKEN.fullmatch(first):
        return "token"
    if _KAGGLE_HEADER.fullmatch(first):
        return "kaggle"
    return "csv" if set(PAIR_COLUMNS) <= set(csv_columns(text)) else None


def _detect_json(text: str) -> str | None:
    """By its keys: a key cannot be mistaken for a string's content, whose quotes are escaped."""

    def has(key: str, where: str) -> bool:
        return re.search(rf'"{key}"\s*:', where) is not None

    if has("annotations", text) and has("images", text):
        return "coco"
    if has("sentences", text) and has("images", text):
        return "karpathy"
    return "jsonl" if has("image", text) else None


def parse_karpathy(path: Path, text: str) -> Parsed:
    """Read Karpathy's JSON. `restval` is `train`; a file without splits is allowed."""
    document = _document(path, text)
    name = document.get("dataset")
    parsed = Parsed("karpathy", lists_images=True, name=name if isinstance(name, str) else None)
    for number, image in enumerate(_listed(path, document, "images"), start=1):
        try:
            file = posixpath.join(image.get("filepath") or "", image["filename"])
            sentences = image["sentences"]
            captions = tuple(sentence["raw"].strip() for sentence in sentences)
            named = all("sentid" in sentence for sentence in sentences)
            ids = tuple(str(sentence["sentid"]) for sentence in sentences) if named else ()
            parsed.records.append(record(file, captions, image.get("split"), ids))
        except _WRONG as error:
            raise CaptionFileError(
                f"{path}, image {number}: needs a filename, and sentences that each have a raw text"
            ) from error
    return parsed


def parse_coco(path: Path, text: str) -> Parsed:
    """Read COCO's captions JSON. An image's captions are in the order of the annotations."""
    document = _document(path, text)
    parsed = Parsed("coco", lists_images=True)
    images, annotations = (_listed(path, document, key) for key in ("images", "annotations"))
    try:
        files = {image["id"]: image["file_name"] for image in images}
        if other := [image for image in images if files[image["id"]] != image["file_name"]]:
            raise ValueError(f"two files have the id {other[0]['id']!r}")
        captions: dict[object, list[str]] = {image["id"]: [] for image in images}
        ids: dict[object, list[str]] = {image["id"]: [] for image in images}
        named = all("id" in annotation for annotation in annotations)
        for annotation in annotations:
            own = captions.get(annotation["image_id"])
            if own is None:
                parsed.stray_captions += 1
            else:
                own.append(annotation["caption"].strip())
                ids[annotation["image_id"]] += [str(annotation["id"])] if named else []
        parsed.records = [
            record(image["file_name"], tuple(captions[image["id"]]), ids=tuple(ids[image["id"]]))
            for image in images
        ]
    except _WRONG as error:
        raise CaptionFileError(
            f"{path}: an entry is not as it should be ({error}); images need an id and a "
            "file_name, annotations an image_id and a caption"
        ) from error
    return parsed


def parse_jsonl(path: Path, text: str) -> Parsed:
    """Read JSON Lines, or one JSON list of the same objects. A `split` is read where there."""
    parsed = Parsed("jsonl")
    whole = _json(path, text) if text.lstrip().startswith("[") else None
    unit = "line" if whole is None else "entry"
    values: Iterable[tuple[int, Any]] = (
        enumerate(whole, start=1) if isinstance(whole, list) else json_records(path, text)
    )
    for number, value in values:
        try:
            captions = value["captions"] if "captions" in value else value["caption"]
            if isinstance(captions, str):
                captions = [captions]
            elif not isinstance(captions, list):
                raise TypeError("captions are neither a text nor a list")
            stripped = tuple(caption.strip() for caption in captions)
            parsed.records.append(record(value["image"], stripped, value.get("split")))
        except _WRONG as error:
            raise CaptionFileError(
                f"{path}, {unit} {number}: needs an image, and a caption or a list of captions"
            ) from error
    return parsed


def parse_csv(path: Path, text: str) -> Parsed:
    """Read CSV with the columns image and caption, and split where there is one."""
    parsed = Parsed("csv")
    for number, row, mended in csv_records(path, text):
        parsed.mended_lines += mended
        try:
            parsed.records.append(record(row["image"], (row["caption"].strip(),), row.get("split")))
        except _WRONG as error:
            raise CaptionFileError(
                f"{path}, line {number}: needs an image and a caption"
            ) from error
    return parsed


def parse_token(path: Path, text: str) -> Parsed:
    """Read `name#k<TAB>caption` lines, in their order."""
    return _parse_lines(path, text, "token", _TOKEN, "name#number, a tab and a caption")


def parse_kaggle(path: Path, text: str) -> Parsed:
    """Read `image_name| comment_number| comment` lines; one without its second bar is mended."""
    wanted = "an image_name, a comment_number and a comment with | between them"
    return _parse_lines(path, text, "kaggle", _COMMENT, wanted)


def _parse_lines(path: Path, text: str, name: str, pattern: re.Pattern[str], wanted: str) -> Parsed:
    parsed = Parsed(name)
    for number, line in numbered_lines(text):
        if name == "kaggle" and _KAGGLE_HEADER.fullmatch(line):
            continue
        match = pattern.fullmatch(line)
        if match is None:
            raise CaptionFileError(f"{path}, line {number}: needs {wanted}, not {_short(line)!r}")
        fields = match.groupdict()
        parsed.mended_lines += fields.get("bar") == ""
        parsed.records.append(record(fields["image"], (fields["caption"].strip(),)))
    return parsed


PARSERS: dict[str, Callable[[Path, str], Parsed]] = {
    "karpathy": parse_karpathy,
    "coco": parse_coco,
    "jsonl": parse_jsonl,
    "token": parse_token,
    "kaggle": parse_kaggle,
    "csv": parse_csv,
}
"""By format: text to records. Each raises CaptionFileError with what is wrong, and where."""


def require_whole_json(path: Path, text: str) -> None:
    """Raises CaptionFileError where a text begins as JSON that then breaks off: the end names it.

    Lines that are each JSON are whole.
    """
    lines = text.lstrip()
    if lines[:1] not in ("{", "["):
        return
    try:
        json.loads(lines.partition("\n")[0])
    except (ValueError, RecursionError):
        _json(path, text)


def _json(path: Path, text: str) -> object:
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CaptionFileError(f"{path}: not JSON: {error}; was it downloaded whole?") from error
    return value


def _document(path: Path, text: str) -> dict[str, Any]:
    value = _json(path, text)
    if not isinstance(value, dict):
        raise CaptionFileError(f"{path}: JSON, but not an object with a list of images")
    return value


def _listed(path: Path, document: dict[str, Any], key: str) -> list[Any]:
    value = document.get(key)
    if not isinstance(value, list):
        raise CaptionFileError(f"{path}: JSON without a list of {key}; is it another format?")
    return value


def _short(line: str, length: int = 60) -> str:
    return line if len(line) <= length else f"{line[:length]}..."
