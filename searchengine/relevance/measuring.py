"""The statistics of a space, measured as it grows: by those who write, never by a search."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress

import numpy as np

from searchengine.relevance.kept import (
    FILE,
    fault_of_statistics,
    read_statistics,
    write_statistics,
)
from searchengine.relevance.nouns import encoded_nouns, keep_nouns, known_nouns
from searchengine.relevance.statistics import Statistics, statistics_of
from searchengine.spaces.space import Space
from searchengine.types import SpaceInfo, Vectors
from searchengine.vectors.file import Rows
from searchengine.vectors.lengths import impossible_rows
from searchengine.vectors.scan import RowNumbers, scan

log = logging.getLogger("clipseek")

FEWEST = 50
"""Images of a library that says anything of what a text could find."""

GROWN = 0.1
"""Share by which a library may have grown or shrunk before it is measured again."""

SAMPLED = 50_000
"""Rows from which mean and covariance are computed: more move them by less than a hundredth."""

NOUNS_AT_A_TIME = 250
"""Nouns that are compared with a block of rows together: 16 MB of cosines."""


def measure_statistics(space: Space, encode: Callable[[Sequence[str]], Vectors]) -> None:
    """Measure a space where its images have changed by a tenth, and keep that beside its vectors.

    `encode` turns texts into unit rows, shape (n, d); it is asked only where the vectors of the
    nouns are not known. The caller holds the library's lock.
    """
    if fault_of_statistics(space.info, space.directory, space.tied):
        with suppress(OSError):
            (space.directory / FILE).unlink()
    with space.catalog.snapshot() as now:
        images = now.vector_counts(space.info)[0]
        kept = read_statistics(space.info, space.directory, space.tied)
        if images < FEWEST or (kept and abs(images - kept.images) <= GROWN * kept.images):
            return
        count, dead = now.rows_and_dead(space.info)
    rows = space.images.read(count)
    living = np.setdiff1d(np.arange(count), dead)
    nouns = kept.nouns if kept else _nouns_of(space.info, encode)
    measured = measured_statistics(rows, living, nouns)
    if measured is not None:
        write_statistics(measured, space.info, space.directory, space.tied.note(count))


def _nouns_of(space: SpaceInfo, encode: Callable[[Sequence[str]], Vectors]) -> Vectors:
    known = known_nouns(space)
    if known is None:
        log.warning("encoding a thousand nouns with %s, once, to tell what matches", space.encoder)
        known = encoded_nouns(encode).astype(np.float16).astype(np.float32)  # as they are kept
        keep_nouns(space, known)
    return known


def measured_statistics(rows: Rows, living: RowNumbers, nouns: Vectors) -> Statistics | None:
    """Of the `living` rows, ascending, of shape (n, d); None where they are too much the same.

    Each noun is compared with all of them, whether or not there is an index: that takes a tenth of
    what building one does, and the statistics are the same for both ways to search.
    """
    step = max(1, len(living) // SAMPLED)
    sampled: Vectors = rows[living[::step]].astype(np.float32)
    sampled = np.delete(sampled, impossible_rows(sampled), axis=0)
    if len(sampled) == 0:
        return None
    best = [
        scan(rows, nouns[start : start + NOUNS_AT_A_TIME], 1, among=living)[0][:, 0]
        for start in range(0, len(nouns), NOUNS_AT_A_TIME)
    ]
    return statistics_of(len(living), sampled, nouns, np.nan_to_num(np.concatenate(best), nan=-1.0))
