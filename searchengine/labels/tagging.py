"""Asking the images of a space for the names of a set: from stored vectors, by parts that last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from searchengine.catalog.catalog import Catalog
from searchengine.catalog.labels.given import Labelled
from searchengine.catalog.labels.sets import StoredSet
from searchengine.encoders.table import names_scale_of, template_of
from searchengine.float16 import widened
from searchengine.labels.background import beside
from searchengine.labels.decide import choose, probabilities, texts_of
from searchengine.labels.definition import Definition, Lesson, read_definition
from searchengine.labels.prompts import in_template
from searchengine.labels.teaching import Decide, by_examples
from searchengine.labels.vectors import vectors_of_texts
from searchengine.spaces.encoders import SpaceEncoders
from searchengine.spaces.space import Space
from searchengine.types import Vectors
from searchengine.vectors.file import Rows
from searchengine.vectors.lengths import impossible_rows

ROWS_AT_A_TIME = 2_048
"""Images whose probabilities are in memory together: with 2,000 names 16 MB."""

ROWS_A_TRANSACTION = 16_384
"""Images whose labels become lasting together: what a run that is stopped loses at most."""


@dataclass(frozen=True, slots=True)
class Tagged:
    """What a run over a set has done."""

    name: str
    """Of the set."""
    asked: int
    """Images that were asked in this run."""
    labelled: int
    """Those of them that have a label now; the others have none of the names."""


def bring_up_to_date(
    stored: StoredSet, space: Space, catalog: Catalog, encoders: SpaceEncoders
) -> Tagged:
    """Ask the images of the space that a set was not asked of yet.

    A set that was asked in another space is asked anew. Stopped at any moment, it goes on where it
    was. The caller holds the library's lock. Raises the encoder's errors and LibraryDamagedError.
    """
    first = stored.rows if stored.space_id == space.info.id else 0
    rows, ids = catalog.rows_from(space.info, first)
    count = catalog.rows(space.info)
    if first == 0:
        catalog.begin_labels(stored.id, space.info)
    if len(rows) == 0:
        return Tagged(stored.name, 0, 0)
    definition = read_definition(space.library, stored.name, stored.definition)
    examples = catalog.label_examples(stored.id)
    if isinstance(definition, Lesson):
        decide = by_examples(definition, examples, space, catalog, encoders)
    else:
        decide = _decision(stored, definition, space, encoders)
    said = {(example.image_id, example.name): example.is_right for example in examples}
    stored_rows = space.images.read(count)
    labelled = 0
    for part in _parts(len(rows), ROWS_A_TRANSACTION):
        found = [
            Labelled(int(ids[part][number]), name, probability)
            for start in range(0, len(rows[part]), ROWS_AT_A_TIME)
            for number, name, probability in _sound(
                decide, stored_rows[rows[part][start : start + ROWS_AT_A_TIME]], start
            )
        ]
        found = with_examples(found, said, {int(each) for each in ids[part]})
        labelled += len({each.image_id for each in found})
        done = int(rows[part][-1]) + 1 if part.stop < len(rows) else count
        catalog.record_labels(stored.id, space.info, done, ids[part].tolist(), found)
    return Tagged(stored.name, len(rows), labelled)


def with_examples(
    found: Sequence[Labelled], said: dict[tuple[int, str], bool], asked: set[int]
) -> list[Labelled]:
    """Labels, where what a person said of an image and a name holds."""
    kept = [each for each in found if (each.image_id, each.name) not in said]
    kept += [
        Labelled(image_id, name, 1.0)
        for (image_id, name), is_right in said.items()
        if is_right and image_id in asked
    ]
    return kept


def _decision(
    stored: StoredSet, definition: Definition, space: Space, encoders: SpaceEncoders
) -> Decide:
    """By the names of a set and a background of others."""
    others = beside(definition.names)
    words, grouping = texts_of(definition.names, others)
    encoder = encoders.whole(space)
    template = template_of(space.info.encoder)
    scale = names_scale_of(space.info.encoder, encoder.logit_scale)

    def encoded(names: Sequence[str], use: str) -> Vectors:
        texts = [in_template(template, name) for name in names]
        return vectors_of_texts(texts, encoder, space.directory, use)

    rest = encoded([other.name for other in others], f"{stored.id}.others")
    texts = np.concatenate([encoded(words, str(stored.id)), rest])

    def decide(rows: Vectors) -> list[tuple[int, str, float]]:
        found = probabilities(rows @ texts.T, scale, grouping, several=definition.several)
        pairs = choose(found, grouping, definition.threshold, several=definition.several)
        return [
            (image, grouping.names[name], float(min(1.0, found[image, name])))
            for image, name in pairs
        ]

    return decide


def _sound(decide: Decide, rows: Rows, start: int) -> Iterator[tuple[int, str, float]]:
    """What is decided of rows that begin with number `start`; a damaged row has no names."""
    damaged = impossible_rows(rows)
    sound = widened(rows)
    sound[damaged] = 0
    left_out = set(damaged.tolist())
    for number, name, probability in decide(sound):
        if number not in left_out:
            yield start + number, name, probability


def _parts(n: int, size: int) -> Iterator[slice]:
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))
