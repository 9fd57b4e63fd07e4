"""Captioned images to evaluate with: a caption file read, its splits, and what was wrong in it."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from searchengine.datasets import vsepp
from searchengine.datasets.formats import PARSERS, RESTVAL, Parsed, detect, require_whole_json
from searchengine.datasets.text_files import numbered_lines, read_text, require_unicode
from searchengine.errors import CaptionFileError, InputError

AUTO = "auto"

FORMATS = (AUTO, *PARSERS, vsepp.FORMAT)
"""What `read_dataset` takes for a format."""

ALL = "all"
"""The split that is every image of the file."""


@dataclass(frozen=True, slots=True)
class CaptionedImage:
    """An image of a dataset and the captions that belong to it."""

    key: str
    """What the file calls the image, unique in the dataset: its path there with forward slashes,
    or a COCO id. `searchengine.evaluation.guard` folds the spellings of one image into one."""
    file: str
    """Where to look for the image below the images' directory."""
    captions: tuple[str, ...]
    """At least one, none empty, without space around them, in the order of the file."""
    split: str | None
    caption_ids: tuple[str, ...] = ()
    """What the file calls each of the captions, or nothing at all."""

    def first(self, most: int | None) -> CaptionedImage:
        """The image with its first captions only."""
        return replace(self, captions=self.captions[:most], caption_ids=self.caption_ids[:most])


@dataclass(frozen=True, slots=True)
class Dataset:
    """A caption file, read. Nothing is left out without being counted."""

    path: Path
    format: str
    """One of `FORMATS`, never "auto"."""
    name: str | None
    """What the file calls the dataset, as Karpathy's JSON does ("flickr8k"), or None."""
    images: tuple[CaptionedImage, ...]
    """In the order of the file."""
    splits: dict[str, int]
    """Images by split. `restval` counts as train; images without a split are not in it."""
    duplicate_images: int
    """Further listings of an image that is listed already; only new captions were taken."""
    duplicate_captions: int
    """Captions that their image has already. They are kept, as papers keep them."""
    empty_captions: int
    """Captions without a word, left out."""
    images_without_captions: int
    """Images left out because no caption is left for them."""
    stray_captions: int
    """Captions left out because the file's own list of images lacks their image."""
    mended_lines: int
    """Lines that break the format but could be read without a doubt."""

    @property
    def counts(self) -> dict[str, int]:
        """What was found and left out, in words, for a report."""
        return {
            "images in the file": len(self.images),
            "captions in the file": sum(len(image.captions) for image in self.images),
            "images listed twice": self.duplicate_images,
            "captions an image has twice": self.duplicate_captions,
            "empty captions": self.empty_captions,
            "images without captions": self.images_without_captions,
            "captions of unlisted images": self.stray_captions,
            "mended lines": self.mended_lines,
        }


def read_dataset(path: Path, format: str = AUTO) -> Dataset:  # noqa: A002
    """Read a caption file, by its content in any of `FORMATS`.

    Raises CaptionFileError with the place that is wrong, PathNotFoundError where there is no
    file, and InputError for an unknown format.
    """
    if format not in FORMATS:
        raise InputError(f"unknown format {format!r}; known are {', '.join(FORMATS)}")
    with _no_collector():
        dataset = gather(path, _parse(path, format))
    if not dataset.images:
        raise CaptionFileError(f"{path}: no captions in it (read as {dataset.format})")
    return dataset


def choose_split(
    dataset: Dataset, split: str | None = None
) -> tuple[str | None, tuple[CaptionedImage, ...]]:
    """The name of a split and its images, in the order of the file.

    Without a split asked for it is `test`, or the only one of the file, or None and every image
    of a file without splits. `all` is every image. Raises InputError where there is no such
    split, or several and none of them is `test`.
    """
    known = dataset.splits
    split = "train" if split == RESTVAL else split
    if split is None and not known:
        return None, dataset.images
    if split == ALL and ALL not in known:
        return ALL, dataset.images
    if split is None:
        unsplit = len(dataset.images) - sum(known.values())
        split = "test" if "test" in known else next(iter(known))
        if split != "test" and (unsplit or len(known) > 1):
            raise InputError(f"{dataset.path}: no test split; say --split: {_choices(dataset)}")
    if split not in known:
        raise InputError(f"{dataset.path}: no split {split!r}; {_choices(dataset)}")
    return split, tuple(image for image in dataset.images if image.split == split)


def _choices(dataset: Dataset) -> str:
    """Which splits there are, for the end of a sentence."""
    if not dataset.splits:
        return "the file names no splits: leave --split away to use all of it"
    names = [f"{name} ({count:,} images)" for name, count in dataset.splits.items()]
    return f"there is {', '.join(names)}, and {ALL} ({len(dataset.images):,})"


@contextmanager
def _no_collector() -> Iterator[None]:
    """Without Python's search for cycles, of which a caption file makes none.

    On Karpathy's COCO, 600,000 captions, it would take two thirds of the time.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def _parse(path: Path, format: str) -> Parsed:  # noqa: A002
    if format == vsepp.FORMAT:
        return vsepp.parse_pair(path)
    text = read_text(path)
    if format != AUTO:
        return PARSERS[format](path, text)
    if not text.strip():
        raise CaptionFileError(f"{path}: the file is empty")
    found = detect(text)
    if found is not None:
        return PARSERS[found](path, text)
    other = vsepp.other_file(path)
    if other is not None and other.is_file():
        return vsepp.parse_pair(path)
    require_whole_json(path, text)
    number, line = next(numbered_lines(text))
    raise CaptionFileError(
        f"{path}, line {number}: no known format begins with {line[:60]!r}; known are "
        f"{', '.join(FORMATS[1:])}: see clipseek evaluate --help"
    )


def gather(path: Path, parsed: Parsed) -> Dataset:
    """The records of a file by image, in the order in which they come."""
    gathered: dict[str, list[str]] = {}
    first: dict[str, tuple[str, str | None]] = {}
    counts: Counter[str] = Counter()
    ids: dict[str, list[str]] = {}
    for key, file, captions, split, names in parsed.records:
        again = parsed.lists_images and key in gathered
        counts["duplicate_images"] += again
        own, own_ids = gathered.setdefault(key, []), ids.setdefault(key, [])
        first.setdefault(key, (file, split))
        require_unicode(f"{path}, image {file!r}", key, file, *captions)
        for place, caption in enumerate(captions):
            is_known = caption in own
            if not caption:
                counts["empty_captions"] += 1
            elif not (is_known and again):
                own.append(caption)
                own_ids += names[place : place + 1]
                counts["duplicate_captions"] += is_known
    images = tuple(
        CaptionedImage(key, file, tuple(gathered[key]), split, tuple(ids[key]))
        for key, (file, split) in first.items()
        if gathered[key]
    )
    return Dataset(
        path=path,
        format=parsed.format,
        name=parsed.name,
        images=images,
        splits=_sizes(images),
        duplicate_images=counts["duplicate_images"],
        duplicate_captions=counts["duplicate_captions"],
        empty_captions=counts["empty_captions"],
        images_without_captions=len(first) - len(images),
        stray_captions=parsed.stray_captions,
        mended_lines=parsed.mended_lines,
    )


def _sizes(images: Iterable[CaptionedImage]) -> dict[str, int]:
    return dict(Counter(image.split for image in images if image.split is not None))
