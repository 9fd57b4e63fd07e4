"""Where the images of a caption file are: its paths, matched with what is on the disk."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from searchengine.datasets.dataset import CaptionedImage
from searchengine.errors import InputError, PathNotFoundError, reason_of
from searchengine.paths import absolute, at_home

USUAL_NAMES = (
    "images", "Images", "Flicker8k_Dataset", "Flickr8k_Dataset", "Flicker8k_images",
    "flickr8k-images", "flickr30k-images", "flickr30k_images", "Flickr30k_Images", "flickr30k",
    "val2014", "train2014", "val2017", "train2017",
)  # fmt: skip
"""Names of directories in which the benchmarks' images come; the misspelt one is Flickr8k's own."""

_COCO = re.compile(r"(?:COCO_(?:train|val)2014_)?(?P<number>\d{12})(?P<suffix>\.\w+)")
"""A COCO image. The releases of 2014 and 2017 name the same one differently."""

_COCO_FORMS = ("{}", "COCO_val2014_{}", "COCO_train2014_{}")


def find_images(
    images: Sequence[CaptionedImage], directory: Path | None, captions: Path
) -> list[Path | None]:
    """The absolute path of each image, or None where it is missing, in the order of `images`.

    Below `directory` an image is looked for at its path, then by its name, then by its name
    anywhere below. Without a directory it is looked for at its path and by its name beside the
    caption file, and in directories with `USUAL_NAMES` there and one level up; nothing is walked.
    Only a name that no other image of the dataset has is enough. A COCO image is found under the
    names of 2014 and of 2017.

    Raises PathNotFoundError for a directory that is not there, and InputError where all images
    are missing or a name is found twice below the directory.
    """
    if directory is None:
        roots = [root for root in likely_directories(captions) if root.is_dir()]
    else:
        roots = [at_home(directory)]
    looks = [_look_in(root, *_entries(root)) for root in roots]
    times = Counter(os.path.basename(image.file) for image in images)
    found: list[str | None] = []
    for image in images:
        alone = times[os.path.basename(image.file)] == 1
        places = (look(image.file, alone) for look in looks)
        found.append(next((place for place in places if place is not None), None))
    if directory is not None:
        _find_below(images, found, roots[0], times)
    if images and not any(found):
        where = "beside it or in images/ there" if directory is None else f"below {directory}"
        raise InputError(
            f"none of the {len(images):,} images of {captions} is {where}, the first being "
            f"{images[0].file}; say where they are with --images DIR"
        )
    return [None if place is None else Path(absolute(place)) for place in found]


def likely_directories(captions: Path) -> list[Path]:
    """Where the images of a caption file are likely to be, the likeliest first."""
    beside = at_home(captions).parent
    above = beside.absolute().parent
    return [
        beside,
        *(beside / name for name in USUAL_NAMES),
        *(above / name for name in USUAL_NAMES),
    ]


def _entries(root: Path) -> tuple[frozenset[str], frozenset[str]]:
    """Names of the files, and of everything else, directly in a directory."""
    files: set[str] = set()
    others: set[str] = set()
    try:
        with os.scandir(root) as entries:
            for entry in entries:
                (files if entry.is_file() else others).add(entry.name)
    except OSError as error:
        raise PathNotFoundError(root, reason_of(error)) from error
    return frozenset(files), frozenset(others)


def _look_in(
    root: Path, files: frozenset[str], others: frozenset[str]
) -> Callable[[str, bool], str | None]:
    """How to look for one image in a directory that is listed already."""

    def look(file: str, alone: bool) -> str | None:
        file = os.path.expanduser(file)
        first, slash, _ = file.partition("/")
        if slash and (not first or first == ".." or first in others):
            place = os.path.join(root, file)
            for form in _forms(place):
                if os.path.isfile(form):
                    return form
        if slash and not alone:
            return None
        name = next((form for form in _forms(os.path.basename(file)) if form in files), None)
        return None if name is None else os.path.join(root, name)

    return look


def _forms(file: str) -> Iterable[str]:
    """The path itself, and the other names of a COCO image in the same directory."""
    yield file
    directory, name = os.path.split(file)
    if match := _COCO.fullmatch(name):
        for form in _COCO_FORMS:
            other = form.format(match["number"]) + match["suffix"]
            if other != name:
                yield os.path.join(directory, other)


def _find_below(
    images: Sequence[CaptionedImage], found: list[str | None], root: Path, times: Counter[str]
) -> None:
    """Fill the gaps of `found` by names anywhere below a directory, in one walk."""
    wanted = {
        place: os.path.basename(image.file)
        for place, image in enumerate(images)
        if found[place] is None and times[os.path.basename(image.file)] == 1
    }
    if not wanted:
        return
    seen = _names_below(root, {form for name in wanted.values() for form in _forms(name)})
    for place, name in wanted.items():
        paths = next((seen[form] for form in _forms(name) if form in seen), [])
        if len(paths) > 1:
            raise InputError(
                f"{os.path.basename(paths[0])} is at {len(paths)} places below {root}, such as "
                f"{paths[0]} and {paths[1]}; give the right directory with --images"
            )
        found[place] = paths[0] if paths else None


def _names_below(root: Path, names: set[str]) -> dict[str, list[str]]:
    """Paths by file name, of the given names. Links to directories are followed once."""
    seen: defaultdict[str, list[str]] = defaultdict(list)
    visited: set[str] = set()
    for directory, subdirectories, files in os.walk(root, followlinks=True):
        real = os.path.realpath(directory)
        if real in visited:
            subdirectories.clear()
            continue
        visited.add(real)
        subdirectories.sort()
        for name in names.intersection(files):
            seen[name].append(os.path.join(directory, name))
    return dict(seen)
