"""The VSE++ pair: `NAME_caps.txt` with a caption a line, `NAME_ids.txt` with an image a line."""

from __future__ import annotations

import json
from pathlib import Path

from searchengine.datasets.formats import Parsed, Record, record
from searchengine.datasets.text_files import read_text
from searchengine.errors import CaptionFileError

FORMAT = "vsepp"

MAPPING = "id_mapping.json"
"""Beside the pair of Flickr8k and Flickr30k: file name by id. COCO's ids need none."""

_FLICKR30K_SIZE = 31_783
"""Ids of Flickr's pairs are places in a list, so smaller than this; COCO's go up to 581,929."""

_MANY = 100
"""So many COCO ids are never all as small as Flickr's."""

_ENDINGS = {"_caps.txt": "_ids.txt", "_ids.txt": "_caps.txt"}


def other_file(path: Path) -> Path | None:
    """The path of the pair's other file, or None where the name is of neither."""
    for ending, other in _ENDINGS.items():
        if path.name.endswith(ending):
            return path.with_name(path.name.removesuffix(ending) + other)
    return None


def parse_pair(path: Path) -> Parsed:
    """Read both files, given either, and the mapping of ids beside them, if it is there.

    There are as many ids as captions, or one id for every so many captions. With a mapping the
    keys are its file names. Without one they are the ids, which are taken for COCO's: the file is
    the id with twelve digits. Raises CaptionFileError where the files do not fit together.
    """
    other = other_file(path)
    if other is None:
        raise CaptionFileError(
            f"{path}: not half of a VSE++ pair; give NAME_caps.txt or NAME_ids.txt"
        )
    captions_path, ids_path = (path, other) if path.name.endswith("_caps.txt") else (other, path)
    captions = [line.strip() for line in _lines(captions_path)]
    ids = [line.strip() for line in _lines(ids_path)]
    if not ids or not captions or len(captions) % len(ids) or "" in ids:
        raise CaptionFileError(
            f"{ids_path}: {len(ids):,} ids for the {len(captions):,} captions of "
            f"{captions_path.name}; it needs an id for every caption, or for every five"
        )
    each = len(captions) // len(ids)
    records = _records(ids_path, ids)
    return Parsed(
        FORMAT,
        [records[ids[i // each]]._replace(captions=(text,)) for i, text in enumerate(captions)],
    )


def _lines(path: Path) -> list[str]:
    """Every line, also an empty one: the two files belong together line by line."""
    lines = read_text(path).split("\n")
    return lines[:-1] if not lines[-1].strip() else lines


def _records(path: Path, ids: list[str]) -> dict[str, Record]:
    """A record without captions for every id of a file."""
    names = _mapping(path.with_name(MAPPING))
    different = list(dict.fromkeys(ids))
    unknown = [key for key in different if key not in names]
    if not unknown:
        return {key: record(names[key], ()) for key in different}
    if len(unknown) < len(different) / 2:
        raise CaptionFileError(
            f"{path}: {len(unknown):,} of {len(different):,} ids are not in {MAPPING} beside it, "
            f"the first being {unknown[0]}; the two are of different downloads"
        )
    bad = next((key for key in different if not key.isdecimal()), None)
    if bad is not None:
        raise CaptionFileError(
            f"{path}: {bad!r} is no number, and no {MAPPING} beside it says which image it is"
        )
    numbers = {key: int(key) for key in different}
    if len(numbers) >= _MANY and max(numbers.values()) < _FLICKR30K_SIZE:
        raise CaptionFileError(
            f"{path}: {len(numbers):,} ids up to {max(numbers.values()):,} are places in a list, "
            f"not COCO's ids; put the {MAPPING} of the same download beside it"
        )
    return {key: Record(str(n), f"{n:012d}.jpg", ()) for key, n in numbers.items()}


def _mapping(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    try:
        value = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise CaptionFileError(f"{path}: not JSON: {error}") from error
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value.values()):
        raise CaptionFileError(f"{path}: not an object with a file name for every id")
    return value
