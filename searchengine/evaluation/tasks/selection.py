"""Selection tasks measured: how often the right one of a few is chosen, by kind."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from searchengine.datasets.selection import Choice, SelectionTask
from searchengine.embedding.outcomes import Observer
from searchengine.embedding.regions import Region
from searchengine.encoders.interface import Encoder
from searchengine.errors import InputError
from searchengine.evaluation.evaluation_set import AS_THEY_ARE
from searchengine.evaluation.tasks.pictures import (
    ReadingOptions,
    encode_once,
    encode_regions,
    find_files,
)
from searchengine.measures.resampling import intervals
from searchengine.measures.selection import chance, chosen_right
from searchengine.vectors.pairs import pair_cosines

ALL = "all"
MEAN_OF_KINDS = "mean of kinds"


@dataclass(frozen=True, slots=True)
class SelectionRow:
    """One kind of choices, or all of them."""

    kind: str
    choices: int
    """That could be asked."""
    without_picture: int
    """Left out, as a picture of theirs is missing or cannot be read."""
    accuracy: dict[str, float]
    """By "text", "image" and "group", in [0, 1]."""
    intervals: dict[str, tuple[float, float]]
    """Bootstrap 95 % intervals, over images: choices of one image come and go together."""
    chance: dict[str, float]
    """What guessing comes to."""


@dataclass(frozen=True, slots=True)
class AskedChoice:
    """How one choice fared."""

    choice: Choice
    images: tuple[Path, ...]
    scores: NDArray[np.float64]
    """Cosines, shape (images, captions)."""
    right: dict[str, bool]


@dataclass(frozen=True, slots=True)
class Selection:
    """A selection task, measured."""

    task: str
    format: str
    encoder: str
    checkpoint: str
    precision: str
    device: str
    prompt: str
    rows: tuple[SelectionRow, ...]
    """By kind; the last is all choices together."""
    mean_of_kinds: dict[str, float]
    """Over the kinds with `least` choices or more; empty where there is one kind."""
    least: int
    asked: tuple[AskedChoice, ...]
    seconds: float


def measure_selection(
    task: SelectionTask,
    images: Path | None,
    beside: Path,
    encoder: Encoder,
    observer: Observer,
    *,
    prompt: str = AS_THEY_ARE,
    options: ReadingOptions,
) -> Selection:
    """Ask every choice whose pictures can be read.

    `images` is where they are; None looks beside the file `beside`. Raises InputError where no
    picture is there or can be read.
    """
    started = time.monotonic()
    places = find_files([name for each in task.choices for name in each.images], images, beside)
    there = [each for each in task.choices if all(name in places for name in each.images)]
    if not there:
        raise InputError(f"{task.name}: of no choice are all pictures here")
    regions = [Region(places[name], each.box) for each in there for name in each.images]
    pictures = encode_regions(regions, encoder, observer, options)
    used = [
        (each, found)
        for each, found in ((each, _regions(each, places)) for each in there)
        if all(region in pictures.rows for region in found)
    ]
    texts = [prompt.replace("{}", caption) for each, _ in used for caption in each.captions]
    vectors, which = encode_once(texts, encoder)
    asked, first = [], 0
    for choice, found in used:
        captions = which[first : first + len(choice.captions)]
        first += len(captions)
        rows = np.array([pictures.rows[region] for region in found])
        shape = (len(rows), len(captions))
        scores = pair_cosines(
            pictures.vectors, vectors, np.repeat(rows, shape[1]), np.tile(captions, shape[0])
        ).reshape(shape)
        paths = tuple(region.path for region in found)
        asked.append(AskedChoice(choice, paths, scores, chosen_right(scores)))
    rows_of_all = _rows(task, asked)
    return Selection(
        task=task.name,
        format=task.format,
        encoder=encoder.name,
        checkpoint=encoder.fingerprint,
        precision=encoder.precision,
        device=encoder.device,
        prompt=prompt,
        rows=rows_of_all,
        mean_of_kinds=_mean(rows_of_all[:-1], task.least),
        least=task.least,
        asked=tuple(asked),
        seconds=time.monotonic() - started,
    )


def _regions(choice: Choice, places: dict[str, Path]) -> list[Region]:
    return [Region(places[name], choice.box) for name in choice.images]


def _rows(task: SelectionTask, asked: Sequence[AskedChoice]) -> tuple[SelectionRow, ...]:
    """A row a kind, in the order in which they come, and one of all."""
    sizes = Counter(choice.kind for choice in task.choices)
    kinds: dict[str, list[AskedChoice]] = {kind: [] for kind in sizes}
    for each in asked:
        kinds[each.choice.kind].append(each)
    rows = [_row(kind, some, sizes[kind]) for kind, some in kinds.items()]
    return (*rows, _row(ALL, asked, len(task.choices)))


def _row(kind: str, asked: Sequence[AskedChoice], size: int) -> SelectionRow:
    names = [name for name in ("text", "image", "group") if any(name in a.right for a in asked)]
    found = {
        name: np.array(
            [(number, each.right[name]) for number, each in enumerate(asked) if name in each.right]
        )
        for name in names
    }
    groups = np.array([str(each.images[0]) for each in asked])
    return SelectionRow(
        kind=kind,
        choices=len(asked),
        without_picture=size - len(asked),
        accuracy={name: float(table[:, 1].mean()) for name, table in found.items()},
        intervals={
            name: intervals(table[:, 1:].astype(float), groups[table[:, 0]])[0]
            for name, table in found.items()
        },
        chance=_chance(asked),
    )


def _chance(asked: Sequence[AskedChoice]) -> dict[str, float]:
    """What guessing comes to in the mean, of what that is known for every choice."""
    shares = [chance(*each.scores.shape) for each in asked]
    known = set.intersection(*(set(share) for share in shares)) if shares else set()
    return {name: float(np.mean([share[name] for share in shares])) for name in known}


def _mean(rows: Sequence[SelectionRow], least: int) -> dict[str, float]:
    enough = [row for row in rows if row.choices >= least and row.accuracy]
    if len(enough) < 2:
        return {}
    names = [name for name in enough[0].accuracy if all(name in row.accuracy for row in enough)]
    return {name: float(np.mean([row.accuracy[name] for row in enough])) for name in names}
