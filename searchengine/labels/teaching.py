"""What the examples of a label set teach about the images of a space."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from searchengine.catalog.catalog import CatalogReads
from searchengine.catalog.labels.examples import Example
from searchengine.encoders.table import template_of
from searchengine.errors import InputError
from searchengine.float16 import widened
from searchengine.labels.definition import Lesson
from searchengine.labels.prompts import in_template
from searchengine.labels.taught import LEAST, Right, Trial, learn, tried
from searchengine.spaces.encoders import SpaceEncoders
from searchengine.spaces.space import Space
from searchengine.types import Vectors
from searchengine.vectors.lengths import impossible_rows

ROWS_AT_A_TIME = 16_384
"""Images that are looked at together: at 512 dimensions 32 MB."""

Decide: TypeAlias = Callable[[Vectors], list[tuple[int, str, float]]]
"""Rows of images, shape (n, d), to the number of the row, a name and its probability."""


@dataclass(frozen=True, slots=True)
class Prospect:
    """What a lesson is worth, before anything is labelled by it."""

    trial: Trial
    images: int
    labelled: int
    """Images that it would label."""

    @property
    def mistakes(self) -> float:
        """How many of these labels are wrong, as far as the examples can tell."""
        return self.trial.mistakes(self.labelled, self.images)


def prospect(
    name: str,
    threshold: float,
    examples: Sequence[Example],
    space: Space,
    catalog: CatalogReads,
    encoders: SpaceEncoders,
) -> Prospect:
    """What examples teach, tried on themselves, and how many images it would label.

    Raises InputError where there are too few of a kind, and the encoder's errors.
    """
    rows, right = enough(name, examples, space, catalog)
    word, scale = _word(name, space, encoders)
    taught = learn(word, scale, rows, right)
    images = labelled = 0
    for part in _rows(space, catalog):
        images += len(part)
        labelled += int((taught.probabilities(part) >= threshold).sum())
    return Prospect(tried(word, scale, rows, right, threshold), images, labelled)


def enough(
    name: str, examples: Sequence[Example], space: Space, catalog: CatalogReads
) -> tuple[Vectors, Right]:
    """The rows that teach a name, and whether each shows it. Raises InputError for too few."""
    rows, right = _material(name, examples, space, catalog)
    yes, no = int(right.sum()), int((~right).sum())
    if min(yes, no) < LEAST:
        raise InputError(
            f"{yes:,} examples that show {name!r} and {no:,} that do not; learning it takes "
            f"{LEAST} of each at least: give more with --yes and --no"
        )
    return rows, right


def by_examples(
    lesson: Lesson,
    examples: Sequence[Example],
    space: Space,
    catalog: CatalogReads,
    encoders: SpaceEncoders,
) -> Decide:
    """Whether images show what the examples teach; of what is left of them, where some are gone."""
    rows, right = _material(lesson.name, examples, space, catalog)
    taught = learn(*_word(lesson.name, space, encoders), rows, right)

    def decide(asked: Vectors) -> list[tuple[int, str, float]]:
        found = taught.probabilities(asked)
        return [
            (int(number), lesson.name, float(found[number]))
            for number in np.flatnonzero(found >= lesson.threshold)
        ]

    return decide


def _word(name: str, space: Space, encoders: SpaceEncoders) -> tuple[NDArray[np.float32], float]:
    """The vector of a name, shape (d,), and what the encoder multiplies cosines by."""
    encoder = encoders.whole(space)
    return (
        encoder.encode_texts([in_template(template_of(space.info.encoder), name)])[0],
        encoder.logit_scale,
    )


def _material(
    name: str, examples: Sequence[Example], space: Space, catalog: CatalogReads
) -> tuple[Vectors, Right]:
    """The rows of the examples of a name that have a sound one in the space, by row."""
    said = {each.image_id: each.is_right for each in examples if each.name == name}
    row_of = catalog.rows_of(space.info, list(said))
    ids = sorted(row_of, key=row_of.__getitem__)
    numbers = np.array([row_of[each] for each in ids], dtype=np.int64)
    right = np.array([said[each] for each in ids], dtype=bool)
    stored = space.images.read(catalog.rows(space.info))[numbers]
    damaged = impossible_rows(stored)
    return widened(np.delete(stored, damaged, axis=0)), np.delete(right, damaged)


def _rows(space: Space, catalog: CatalogReads) -> Iterator[Vectors]:
    """The sound rows of the images of a space, by parts."""
    numbers, _ = catalog.rows_from(space.info, 0)
    stored = space.images.read(catalog.rows(space.info))
    for start in range(0, len(numbers), ROWS_AT_A_TIME):
        part = stored[numbers[start : start + ROWS_AT_A_TIME]]
        yield widened(np.delete(part, impossible_rows(part), axis=0))
