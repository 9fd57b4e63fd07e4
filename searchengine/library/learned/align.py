"""Aligning a library with its own captions: tried, kept where it holds, and taken back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from searchengine.alignment.candidates import HUB, MAPS, Learned, hub_bias
from searchengine.alignment.judge import Material, Verdict, judge
from searchengine.alignment.kept import (
    fault_of_alignment,
    keep_alignment,
    read_alignment,
    remove_alignment,
)
from searchengine.alignment.ranking import FILE
from searchengine.errors import InputError
from searchengine.float16 import widened
from searchengine.library.learned.derived import lost, note_derived
from searchengine.spaces.space import Space
from searchengine.texts.everyday import everyday_texts
from searchengine.types import Vectors
from searchengine.vectors.lengths import impossible_rows

if TYPE_CHECKING:
    from searchengine.library.library import Library

LEAST = 200
"""Captioned images: of fewer nothing can be told from chance."""

MOST_OTHERS = 10_000
"""Images without a caption among which those with one are looked for."""

ALL = "all"
"""The word for everything there is to try."""


@dataclass(frozen=True, slots=True, eq=False)
class AlignReport:
    """What was tried on a library's captions."""

    space: str
    images: int
    """With a caption."""
    captions: int
    gallery: int
    """Images that they were looked for among."""
    verdict: Verdict


@dataclass(frozen=True, slots=True, eq=False)
class _Captioned:
    """The captions of a space: their rows, their images' rows, and their texts."""

    rows: NDArray[np.int64]
    owners: NDArray[np.int64]
    texts: list[str]

    @property
    def hash(self) -> str:
        told = "\0".join(f"{row} {text}" for row, text in sorted(zip(self.owners, self.texts)))  # noqa: B905
        return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def align(library: Library, words: Sequence[str], space: str | None = None) -> AlignReport:
    """Try what `words` ask for, keep what passes and drop what was kept before. See `Library`."""
    unknown = [word for word in words if word not in (HUB, *MAPS, ALL)]
    if unknown or not words:
        known = ", ".join((HUB, *MAPS, ALL))
        raise InputError(f"nothing is called {', '.join(unknown) or 'so'}; try one of {known}")
    chosen = library.space(space)
    captioned = _captioned(chosen)
    images = np.unique(captioned.owners)
    if len(images) < LEAST:
        raise InputError(
            f"{len(images):,} images have a caption; aligning takes {LEAST} at least, "
            f"{LEAST - len(images):,} more: clipseek captions add FILE"
        )
    material = _material(library, chosen, captioned, images)
    verdict = judge(material, (HUB, *MAPS) if ALL in words else tuple(dict.fromkeys(words)))
    with library.writing():
        if verdict.kept:
            learned = Learned(
                _biases_of_all(chosen, captioned) if HUB in verdict.kept else None,
                verdict.learned.map,
            )
            _keep(chosen, learned, verdict.kept, captioned.hash)
            note_derived(chosen)
        else:
            _remove(chosen)
    return AlignReport(
        chosen.info.name, len(images), len(captioned.rows), len(material.images), verdict
    )


def forget_alignment(library: Library, space: str | None = None) -> bool:
    """Search as before; whether anything was kept."""
    with library.writing():
        return _remove(library.space(space))


def _remove(space: Space) -> bool:
    was_kept = remove_alignment(space.directory) or FILE in dict(lost(space))
    note_derived(space, dropped=FILE)
    return was_kept


def extend_alignment(space: Space) -> None:
    """Give images that came since their biases. The caller holds the library's lock."""
    kept = read_alignment(space.info, space.directory, space.tied)
    if kept is None or kept.learned.biases is None:
        return
    known = len(kept.learned.biases)
    if space.catalog.rows(space.info) > known:
        biases = _biases_of_all(space, _captioned(space), first=known)
        learned = Learned(np.concatenate([kept.learned.biases, biases]), kept.learned.map)
        _keep(space, learned, kept.names, kept.captions)


@contextmanager
def alignment_stays(space: Space) -> Iterator[None]:
    """What is kept is kept of what is there at the end: a repair may change rows nobody uses."""
    is_sound = fault_of_alignment(space.info, space.directory, space.tied) is None
    kept = read_alignment(space.info, space.directory, space.tied) if is_sound else None
    yield
    if kept is not None and fault_of_alignment(space.info, space.directory, space.tied):
        _keep(space, kept.learned, kept.names, kept.captions)


def _keep(space: Space, learned: Learned, names: Sequence[str], captions: str) -> None:
    rows = space.catalog.rows(space.info) if learned.biases is None else len(learned.biases)
    note = space.tied.note(rows)
    keep_alignment(space.info, space.directory, learned, names, captions, note)


def _captioned(space: Space) -> _Captioned:
    """The captions whose vectors and whose images' vectors are sound."""
    with space.catalog.snapshot() as now:
        rows, owners = now.caption_owners(space.info)
        numbers, texts = now.caption_texts(space.info)
        counts = now.rows(space.info), now.caption_rows(space.info)
    bad = (
        np.isin(owners, space.images.look_through(counts[0]))
        | np.isin(rows, space.captions.look_through(counts[1]))
    )  # fmt: skip
    rows, owners = rows[~bad], owners[~bad]
    by_row = dict(zip(numbers.tolist(), texts, strict=True))
    return _Captioned(rows, owners, [by_row[row] for row in rows.tolist()])


def _material(
    library: Library, space: Space, captioned: _Captioned, images: NDArray[np.int64]
) -> Material:
    """The captions, and what they are looked for among: their images and some of the others."""
    count, dead = library.catalog.rows_and_dead(space.info)
    stored = space.images.read(count)
    others = np.setdiff1d(np.arange(count), np.concatenate([dead, images]))
    others = others[:: max(1, len(others) // MOST_OTHERS)][:MOST_OTHERS]
    gallery = np.union1d(images, np.delete(others, impossible_rows(stored[others])))
    captions = space.captions.read(library.catalog.caption_rows(space.info))
    encoder = library.encoders.for_texts(space)
    return Material(
        images=widened(stored[gallery]),
        captions=widened(captions[captioned.rows]),
        of=np.searchsorted(gallery, captioned.owners),
        same=np.unique(captioned.texts, return_inverse=True)[1].astype(np.int64),
        everyday=encoder.encode_texts(everyday_texts()),
    )


def _biases_of_all(space: Space, captioned: _Captioned, first: int = 0) -> Vectors:
    """Of the rows of images from `first` on, shape (n,); damaged ones have the usual one."""
    count = space.catalog.rows(space.info)
    stored = space.images.read(count)[first:]
    captions = widened(space.captions.read(space.catalog.caption_rows(space.info))[captioned.rows])
    found = hub_bias(widened(stored), np.arange(first, count), captions, captioned.owners)
    damaged = impossible_rows(stored)
    found[damaged] = np.delete(found, damaged).mean() if len(damaged) < len(found) else 0
    return found
