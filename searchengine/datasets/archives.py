"""Images and captions in one file: WebDataset tars and parquet tables, unpacked for an evaluation.

Source   What is taken
*.tar    of all members whose names are the same up to the first dot, the image with the captions of
         .txt (one a line) or of .json (caption or captions); a directory is all its tars
*.parquet  the column image: paths, bytes, or the pairs of both that the hub's data sets have; and
         caption, captions, text or sentences: a text or a list. A directory is all its tables
"""

from __future__ import annotations

import json
import re
import shutil
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Any

from searchengine.datasets import parquet
from searchengine.errors import CaptionFileError, reason_of
from searchengine.images.formats import is_image_name
from searchengine.tars import open_tar

CAPTION_COLUMNS = ("caption", "captions", "text", "sentences")

SUFFIXES = {".tar": "webdataset", ".parquet": "parquet"}
"""Formats by the ending of a file."""

_ODD = re.compile(r"[^\w.-]+")


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What was unpacked, as long as it is there."""

    format: str
    captions: Path
    """A JSON Lines file."""
    images: Path
    """The directory of its images."""


@contextmanager
def unpacked(source: Path) -> Iterator[Unpacked | None]:
    """The images and captions of a source, in a directory that goes away; None for other files.

    Raises CaptionFileError where a source is not as it should be, and MissingExtraError for
    parquet without the package that reads it.
    """
    files = _files_of(source)
    if not files:
        yield None
        return
    kind = SUFFIXES[files[0].suffix]
    read = _read_tar if kind == "webdataset" else _read_table
    with tempfile.TemporaryDirectory(prefix="clipseek-") as directory:
        place = Path(directory)
        captions = place / "captions.jsonl"
        with captions.open("w", encoding="utf-8") as out:
            for number, file in enumerate(files):
                for image, texts in read(file, place / f"{number:05d}"):
                    out.write(json.dumps({"image": image, "captions": texts}) + "\n")
        yield Unpacked(kind, captions, place)


def is_archive(source: Path) -> bool:
    """Whether a file or a directory is one of these."""
    return bool(_files_of(source))


def _files_of(source: Path) -> list[Path]:
    if not source.is_dir():
        return [source] if source.suffix in SUFFIXES and source.is_file() else []
    return next((found for end in SUFFIXES if (found := sorted(source.glob(f"*{end}")))), [])


Captioned = tuple[str, list[str]]
"""The path of an image and its captions."""


def _read_tar(path: Path, place: Path) -> Iterator[Captioned]:
    place.mkdir()
    try:
        with path.open("rb") as file, open_tar(file) as archive:
            members = (member for member in archive if member.isfile())
            for key, group in groupby(members, key=lambda member: _key(member.name)):
                sample = _sample(path, archive, key, group, place)
                if sample is not None:
                    yield sample
    except (tarfile.TarError, EOFError) as error:
        raise CaptionFileError(f"{path}: not a tar that can be read: {error}") from error
    except OSError as error:
        raise CaptionFileError(f"{path}: {reason_of(error)}") from error


def _key(name: str) -> str:
    """The name of a member up to the first dot of its last part, as WebDataset has it."""
    folder, _, file = name.rpartition("/")
    return f"{folder}/{file.partition('.')[0]}"


def _sample(
    path: Path,
    archive: tarfile.TarFile,
    key: str,
    members: Iterable[tarfile.TarInfo],
    place: Path,
) -> Captioned | None:
    """One image with its captions; None for members without an image."""
    image: str | None = None
    captions: list[str] = []
    for member in members:
        content = archive.extractfile(member)
        if content is None:
            continue
        if is_image_name(member.name):
            target = _target(place, PurePosixPath(member.name).name)
            with target.open("wb") as out:
                shutil.copyfileobj(content, out)
            image = str(target)
        elif member.name.endswith(".txt"):
            captions = _lines(path, key, content.read())
        elif member.name.endswith(".json") and not captions:
            captions = _of_json(path, key, content.read())
    return None if image is None else (image, captions)


def _lines(path: Path, key: str, data: bytes) -> list[str]:
    try:
        return [line.strip() for line in data.decode("utf-8-sig").split("\n") if line.strip()]
    except UnicodeDecodeError as error:
        raise CaptionFileError(f"{path}, {key}.txt: not UTF-8 text") from error


def _of_json(path: Path, key: str, data: bytes) -> list[str]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise CaptionFileError(f"{path}, {key}.json: not JSON: {error}") from error
    return _captions(value if isinstance(value, dict) else {})


def _captions(row: dict[str, Any]) -> list[str]:
    """The captions of a row: those of the first of `CAPTION_COLUMNS` that it has."""
    found: Any = next((row[name] for name in CAPTION_COLUMNS if row.get(name)), [])
    found = [found] if isinstance(found, str) else found
    texts = [each.get("raw", "") if isinstance(each, dict) else each for each in found]
    return [text for text in texts if isinstance(text, str)]


def _target(place: Path, name: str) -> Path:
    """A place for a file that is not taken, whatever an archive calls it."""
    target = place / (_ODD.sub("_", name).lstrip(".") or "image")
    number = 1
    while target.exists():
        target = target.with_name(f"{number}-{target.name}")
        number += 1
    return target


def _read_table(path: Path, place: Path) -> Iterator[Captioned]:
    place.mkdir()
    for number, row in enumerate(parquet.read_rows(path, ("image", *CAPTION_COLUMNS)), start=1):
        if "image" not in row or len(row) < 2:
            raise CaptionFileError(
                f"{path}: needs a column image and one of {', '.join(CAPTION_COLUMNS)}"
            )
        yield _image_of(path, row["image"], number, place), _captions(row)


def _image_of(path: Path, value: object, number: int, place: Path) -> str:
    """Where the image of a row is, written there if the row holds its bytes."""
    data, name = (
        (value.get("bytes"), value.get("path")) if isinstance(value, dict) else (value, None)
    )
    if isinstance(data, bytes):
        target = _target(place, PurePosixPath(name or f"{number:08d}.jpg").name)
        target.write_bytes(data)
        return str(target)
    found = data or name
    if not isinstance(found, str):
        raise CaptionFileError(f"{path}, row {number}: an image is neither bytes nor a path")
    return str(path.parent.absolute() / found)
