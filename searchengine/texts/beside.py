"""What is searched beside the pictures of a space for one query, and why an image was a hit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from searchengine.catalog.catalog import CatalogReads
from searchengine.catalog.sqlite.words import COMPLETE, words_of, words_of_path
from searchengine.spaces.space import Space
from searchengine.texts.ranking import Captioned, captioned
from searchengine.texts.words import Phrase, Words, lifted
from searchengine.types import PLACE, READ, ImageRecord, Matched


@dataclass(frozen=True, slots=True, eq=False)
class Beside:
    """The texts beside the pictures, for one query, as of a moment."""

    captions: Captioned | None
    """The captions of which the nearest counts in the score of an image; None for none."""
    phrases: tuple[Phrase, ...] = ()
    """The words that bring images first, or that all hits have."""
    tiers: tuple[NDArray[np.int64], ...] = ()
    """Rows of images that come first, ascending each, before all others."""
    only: NDArray[np.int64] | None = None
    """The rows that may be hits, ascending; None for all."""


_KINDS = {READ: "text", PLACE: "place"}
"""What texts of other sources than captions are said to be."""

NOTHING = Beside(captions=None)
"""Pictures alone."""


def beside(words: Words, space: Space, now: CatalogReads, query: NDArray[np.float32]) -> Beside:
    """What the words of a query bring first, and the captions for its unit vector, shape (d,)."""
    captions, first = captioned(space, now, query), lifted(words, space.info, now)
    return Beside(captions) if first is None else Beside(captions, first.phrases, first.tiers)


def with_all(words: Words, space: Space, now: CatalogReads, query: NDArray[np.float32]) -> Beside:
    """Only images that have all of the words; and the captions, as in `beside`."""
    rows = np.empty(0, dtype=np.int64)
    if words.all and now.setting(COMPLETE) is not None:
        rows = now.rows_with_words(space.info, words.all)
    return Beside(captioned(space, now, query), words.all, only=rows)


def why_matched(
    images: Sequence[ImageRecord], beside: Beside, space: Space, now: CatalogReads
) -> list[Matched | None]:
    """What found each image beside its picture, the strongest reason; None for the picture alone.

    A word that brought it first; else its nearest caption, where that is nearer than the picture.
    """
    found = _by_words(images, beside.phrases, now)
    if beside.captions is not None:
        rest = [image.id for image, why in zip(images, found, strict=True) if why is None]
        nearer = _by_captions(rest, beside.captions, space, now)
        found = [why or nearer.get(image.id) for image, why in zip(images, found, strict=True)]
    return found


def _by_words(
    images: Sequence[ImageRecord], phrases: Sequence[Phrase], now: CatalogReads
) -> list[Matched | None]:
    if not phrases:
        return [None] * len(images)
    written = now.captions_of([image.id for image in images])
    return [
        _first_with(
            [
                *(
                    (_KINDS.get(text.source, "caption"), text.text, words_of(text.text))
                    for text in written.get(image.id, ())
                ),
                ("name", image.file.path, words_of_path(image.file.path)),
            ],
            phrases,
        )
        for image in images
    ]


def _first_with(
    texts: Sequence[tuple[str, str, Sequence[str]]], phrases: Sequence[Phrase]
) -> Matched | None:
    """The text with the most of the phrases, the first of several; None where none has any."""
    counted = [sum(stands_in(phrase, words) for phrase in phrases) for _, _, words in texts]
    best = int(np.argmax(counted))
    return Matched(*texts[best][:2], by_words=True) if counted[best] else None


def stands_in(phrase: Phrase, words: Sequence[str]) -> bool:
    """Whether the words of a text have those of a phrase, one after another."""
    return f" {' '.join(phrase)} " in f" {' '.join(words)} "


def _by_captions(
    image_ids: Sequence[int], texts: Captioned, space: Space, now: CatalogReads
) -> dict[int, Matched]:
    rows = now.rows_of(space.info, image_ids)
    nearer = texts.nearer(np.array(sorted({*rows.values()}), dtype=np.int64))
    said = now.captions_of_rows(space.info, list(nearer.values()))
    return {
        image: Matched("caption", said[nearer[row]]) for image, row in rows.items() if row in nearer
    }
