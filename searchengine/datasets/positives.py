"""Which images are right for a caption, and which captions for an image: files of judgements.

Format    How it is known
qrels     TREC's four columns: query, 0, answer, relevance
json      {"caption_to_image": {caption: [image, ...]}, "image_to_caption": {...}}, or one of the
          two alone, as ECCV Caption and CxC ship them in a file each; relevance by answer, as
          {image: 2, ...}, in the place of a list
"""

from __future__ import annotations

import importlib.util
import json
import math
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from searchengine.datasets.text_files import numbered_lines, read_text
from searchengine.errors import CaptionFileError, MissingExtraError

PACKAGED = {"eccv": "eccv", "cxc": "cxc"}
"""Judgements that the package eccv-caption ships, by the name they are asked by."""

BY_CAPTION, BY_IMAGE = "caption_to_image", "image_to_caption"
"""The two directions, as ECCV Caption names them."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Judged pairs of a caption and an image, by their numbers; all arrays have shape (p,).

    A negative number stands for an answer that is not asked about itself, one for each.
    """

    captions: NDArray[np.int32]
    images: NDArray[np.int32]
    gains: NDArray[np.float32]
    """Above 0 for right ones, 0 for those that were judged wrong."""

    def __len__(self) -> int:
        return len(self.captions)

    def known(self) -> Pairs:
        """Those of which both sides are asked."""
        both = (self.captions >= 0) & (self.images >= 0)
        return Pairs(self.captions[both], self.images[both], self.gains[both])


@dataclass(frozen=True, slots=True)
class Positives:
    """What a file says is right, both ways."""

    name: str
    """A name of `PACKAGED`, or the file's."""
    by_caption: Pairs
    """For captions that ask."""
    by_image: Pairs
    """For images that ask. Where a file has one direction alone it is turned around."""
    unknown: int
    """Pairs left out, as their query is no caption and no image that is asked."""


def read_positives(
    source: str, captions: Mapping[str, int], images: Mapping[str, int]
) -> Positives:
    """Read judgements from a file, or those of `PACKAGED`, by the ids of captions and images.

    Raises CaptionFileError where a file is not as it should be or knows none of the ids,
    MissingExtraError where the package is not installed, and PathNotFoundError.
    """
    sorter = _Sorter(captions, images)
    paths = _packaged(source) if source in PACKAGED else _with_other_way(Path(source))
    for path in paths:
        for direction, pairs in _read(path):
            sorter.take(direction, pairs)
    by_caption, by_image = sorter.pairs(BY_CAPTION), sorter.pairs(BY_IMAGE)
    if not len(by_caption.known()) and not len(by_image.known()):
        raise CaptionFileError(
            f"{source}: none of its {sorter.unknown:,} pairs names a caption and an image that are "
            f"asked; captions are called like {_first(captions)}, images like {_first(images)}"
        )
    name = source if source in PACKAGED else Path(source).name
    return Positives(
        name,
        by_caption if len(by_caption) else by_image.known(),
        by_image if len(by_image) else by_caption.known(),
        sorter.unknown,
    )


def _first(ids: Mapping[str, int]) -> str:
    return repr(next(iter(ids), ""))


def _packaged(name: str) -> list[Path]:
    package = importlib.util.find_spec("eccv_caption")
    if package is None or package.origin is None:
        raise MissingExtraError(f"the judgements of {name} come with eccv-caption", "benchmarks")
    data = Path(package.origin).parent / "data"
    return [data / f"{PACKAGED[name]}_{way}.json" for way in (BY_CAPTION, BY_IMAGE)]


def _with_other_way(path: Path) -> list[Path]:
    """The file, and that of the other direction beside it, if there is one."""
    for way, other in ((BY_CAPTION, BY_IMAGE), (BY_IMAGE, BY_CAPTION)):
        beside = path.with_name(path.name.replace(way, other))
        if way in path.name and beside.is_file():
            return [path, beside]
    return [path]


Judged = tuple[str, str, float]
"""Ids of a query and an answer, and the gain."""


def _read(path: Path) -> Iterator[tuple[str | None, Iterable[Judged]]]:
    """The pairs of a file by direction; None where each pair has to show its own."""
    text = read_text(path)
    if not text.lstrip().startswith("{"):
        yield None, _qrels(path, text)
        return
    document = _document(path, text)
    if BY_CAPTION in document or BY_IMAGE in document:
        for way in (BY_CAPTION, BY_IMAGE):
            yield way, _pairs(path, document.get(way, {}))
        return
    yield (
        next((way for way in (BY_CAPTION, BY_IMAGE) if way in path.name), None),
        _pairs(path, document),
    )


def _document(path: Path, text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CaptionFileError(f"{path}: not JSON: {error}") from error
    if not isinstance(value, dict):
        raise CaptionFileError(f"{path}: JSON, but not an object of queries with their answers")
    return value


def _pairs(path: Path, document: object) -> Iterator[Judged]:
    if not isinstance(document, dict):
        raise CaptionFileError(f"{path}: needs an object of queries with their answers")
    for query, answers in document.items():
        gains = answers if isinstance(answers, dict) else None
        if gains is None and not isinstance(answers, list):
            raise CaptionFileError(f"{path}, query {query}: needs a list of the ids of its answers")
        for answer in answers:
            gain = 1.0 if gains is None else gains[answer]
            is_number = isinstance(gain, int | float) and math.isfinite(gain)
            if not isinstance(answer, str | int) or not is_number:
                raise CaptionFileError(f"{path}, query {query}: {answer!r} is no id with a number")
            yield query, str(answer), float(gain)


def _qrels(path: Path, text: str) -> Iterator[Judged]:
    for number, line in numbered_lines(text):
        fields = line.split()
        try:
            query, _, answer, written = fields
            gain = float(written)
            if not math.isfinite(gain):
                raise ValueError(written)
            yield query, answer, gain
        except ValueError as error:
            raise CaptionFileError(
                f"{path}, line {number}: neither JSON nor a line of qrels, which is a query, 0, an "
                "answer and its relevance"
            ) from error


class _Sorter:
    """Sorts pairs by who asks. Ids that name both a caption and an image go with the others."""

    def __init__(self, captions: Mapping[str, int], images: Mapping[str, int]) -> None:
        self.unknown = 0
        self._numbers = {BY_CAPTION: (captions, images), BY_IMAGE: (images, captions)}
        self._elsewhere: dict[str, int] = {}
        self._found = {way: (array("i"), array("i"), array("f")) for way in (BY_CAPTION, BY_IMAGE)}

    def take(self, direction: str | None, pairs: Iterable[Judged]) -> None:
        """Look up pairs whose queries are of one direction, or of one that is to be seen."""
        unclear: list[Judged] = []
        counts = {BY_CAPTION: 0, BY_IMAGE: 0}
        for pair in pairs:
            ways = self._ways(pair) if direction is None else [direction]
            if len(ways) == 2:
                unclear.append(pair)
            else:
                counts[ways[0]] += self._add(ways[0], pair)
        most = BY_CAPTION if counts[BY_CAPTION] >= counts[BY_IMAGE] else BY_IMAGE
        for pair in unclear:
            self._add(most, pair)

    def _ways(self, pair: Judged) -> list[str]:
        """The ways a pair can be read in: as one of two known ids, else by its query alone."""
        query, answer, _ = pair
        both = [way for way, (a, b) in self._numbers.items() if query in a and answer in b]
        return both or [way for way, (a, _) in self._numbers.items() if query in a] or [BY_CAPTION]

    def _add(self, way: str, pair: Judged) -> bool:
        query, answer, gain = pair
        asking, answering = self._numbers[way]
        number = asking.get(query)
        if number is None:
            self.unknown += 1
            return False
        found = answering.get(answer)
        if found is None:
            found = self._elsewhere.setdefault(answer, -1 - len(self._elsewhere))
        queries, answers, gains = self._found[way]
        queries.append(number)
        answers.append(found)
        gains.append(gain)
        return True

    def pairs(self, way: str) -> Pairs:
        """What was found for one direction."""
        queries, answers, gains = (np.array(column) for column in self._found[way])
        captions, images = (queries, answers) if way == BY_CAPTION else (answers, queries)
        return Pairs(captions, images, gains)
