"""How the captions of a space are brought to its pictures: measured as they grow, and kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from searchengine.catalog.catalog import CatalogReads
from searchengine.errors import LibraryDamagedError
from searchengine.spaces.space import Space
from searchengine.texts.fusion import Matching, read_matching, spread
from searchengine.types import Vectors
from searchengine.vectors.lengths import impossible_rows

EVERY = 4
"""Every so many of the everyday queries are asked: three hundred say what all of them do."""

ENCODED_AT_A_TIME = 256
"""Texts that are encoded together."""

SAMPLED = 4_096
"""Rows of images, and of captions, that they are compared with."""

GROWN = 0.1
"""Share by which images or captions may have grown or shrunk before it is measured again."""


def setting_name(space: Space) -> str:
    """The setting of the catalog that keeps the matching of a space."""
    return f"matching {space.info.name}"


def matching_of(space: Space, now: CatalogReads) -> Matching | None:
    """What was measured last; None before. Raises LibraryDamagedError."""
    kept = now.setting(setting_name(space))
    if kept is None:
        return None
    try:
        return read_matching(kept)
    except ValueError as error:
        why = f"the setting {setting_name(space)!r} holds {kept[:60]!a}: {error}"
        raise LibraryDamagedError(space.library, why) from error


def measure_matching(space: Space, encode: Callable[[Sequence[str]], Vectors]) -> None:
    """Measure a space where its images or captions have changed by a tenth, and keep it.

    `encode` turns texts into unit rows, shape (n, d). The caller holds the library's lock.
    """
    catalog = space.catalog
    with catalog.snapshot() as now:
        images, captions = now.vector_counts(space.info)
        if images == 0 or captions == 0 or _is_fresh(space, now, images, captions):
            return
        rows, dead = now.rows_and_dead(space.info)
        of_captions, _ = now.caption_owners(space.info)
        caption_rows = now.caption_rows(space.info)
    pictures = _sample(space.images.read(rows), np.setdiff1d(np.arange(rows), dead))
    texts = _sample(space.captions.read(caption_rows), of_captions)
    if len(pictures) == 0 or len(texts) == 0:
        return
    from searchengine.texts.everyday import everyday_texts  # no search needs it

    asked = everyday_texts()[::EVERY]
    queries = np.concatenate(
        [
            encode(asked[start : start + ENCODED_AT_A_TIME])
            for start in range(0, len(asked), ENCODED_AT_A_TIME)
        ]
    )
    measured = Matching(spread(queries, pictures), spread(queries, texts), images, captions)
    catalog.set_setting(setting_name(space), measured.as_text())


def _is_fresh(space: Space, now: CatalogReads, images: int, captions: int) -> bool:
    try:
        last = matching_of(space, now)
    except LibraryDamagedError:
        return False
    return last is not None and all(
        abs(count - then) <= GROWN * then
        for count, then in ((images, last.images), (captions, last.captions))
    )


def _sample(rows: NDArray[np.float16], among: NDArray[np.int64]) -> Vectors:
    """Up to `SAMPLED` sound rows, evenly spaced, shape (n, d)."""
    step = max(1, len(among) // SAMPLED)
    sampled: Vectors = rows[among[::step][:SAMPLED]].astype(np.float32)
    return np.delete(sampled, impossible_rows(sampled), axis=0)
