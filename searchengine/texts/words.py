"""Plain words of a query: which images have them, and which of those come first.

A word that an image has says more than any vector where the encoder does not know it: a name, a
place. But in a sentence each word is a small part of what is asked, and an image that has one rare
word of it by chance must not win. Measured on Flickr8k with three of ten photos captioned: when
every rare word brings its photos first, R@1 of the others falls from 26 to 1; when only a word does
that makes up half of the query, nothing is lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from math import log
from os.path import splitext

import numpy as np
from numpy.typing import NDArray

from searchengine.catalog.catalog import CatalogReads
from searchengine.catalog.sqlite.words import COMPLETE, words_of
from searchengine.images.formats import is_image_name
from searchengine.texts.lexicon import is_english
from searchengine.types import SpaceInfo

RARE_SHARE, RARE = 0.01, 10
"""A word is rare in a library where no more images than this share, or number, have it."""

NAME_SHARE, MOST_NAMED = 0.5, 20_000
"""Images that may have a word which is no English one: a place stands in many names of files."""

HALF, QUARTER = 0.5, 0.25
"""Of all that the words of a query say, what a rare English word, and what a name that is not rare,
must say to bring its images first. A rare name always does."""

NEVER = 2.0
"""More than all."""

MOST_WORDS = 16
"""Words of a query that are looked up: more make a sentence, of which none says half."""

_PHRASE = re.compile(r'"([^"]+)"')

Phrase = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a query."""

    phrases: tuple[Phrase, ...]
    """What stood in double quotes: exactly these words, one after another."""
    single: tuple[str, ...]
    """The others that mean something by themselves, each once."""

    @property
    def all(self) -> tuple[Phrase, ...]:
        """Both as phrases."""
        return self.phrases + tuple((word,) for word in self.single)


@dataclass(frozen=True, slots=True, eq=False)
class Lifted:
    """Images that come first for their words."""

    phrases: tuple[Phrase, ...]
    """The words that bring them first."""
    tiers: tuple[NDArray[np.int64], ...]
    """Their rows, ascending: first those with the most of the words."""


def read_words(texts: Sequence[tuple[str, bool]]) -> Words:
    """The words of texts, each with whether all of it stood in quotes."""
    phrases: list[Phrase] = []
    single: list[str] = []
    for text, is_quoted in texts:
        for phrase in [text] if is_quoted else _PHRASE.findall(text):
            phrases.append(tuple(words_of(_without_suffixes(phrase))))
        rest = "" if is_quoted else _PHRASE.sub(" ", _without_suffixes(text))
        single += [word for word in words_of(rest) if word not in empty_words()]
    kept = tuple(phrase for phrase in dict.fromkeys(phrases) if phrase)
    return Words(kept, tuple(dict.fromkeys(single)))


def _without_suffixes(text: str) -> str:
    """A text whose names of image files are as the catalog keeps their words."""
    return " ".join(splitext(word)[0] if is_image_name(word) else word for word in text.split())


def lifted(words: Words, space: SpaceInfo, now: CatalogReads) -> Lifted | None:
    """The images that come first for these words as of a moment; None where none does."""
    if not words.all or now.setting(COMPLETE) is None:
        return None
    images = now.vector_counts(space)[0]
    found = {
        phrase: rows
        for phrase, rows in _lifting(words, space, now, images)
        if len(rows) and len(rows) < images
    }
    if not found:
        return None
    rows, counts = np.unique(np.concatenate(list(found.values())), return_counts=True)
    numbers = sorted(set(counts.tolist()), reverse=True)
    return Lifted(tuple(found), tuple(rows[counts == number] for number in numbers))


def _lifting(
    words: Words, space: SpaceInfo, now: CatalogReads, images: int
) -> Iterator[tuple[Phrase, NDArray[np.int64]]]:
    """What brings images first, and their rows."""
    for phrase in words.phrases:
        yield phrase, now.rows_with_words(space, [phrase])
    if len(words.single) > MOST_WORDS:
        return
    rare = max(RARE, int(RARE_SHARE * images))
    named = max(rare, min(int(NAME_SHARE * images), MOST_NAMED))
    found = {word: now.rows_with_words(space, [(word,)], named + 1) for word in words.single}
    says = {word: log(max(images, 2) / max(len(rows), 0.5)) for word, rows in found.items()}
    total = sum(says.values()) or 1.0  # 0 where every image has every word
    for word, rows in found.items():
        share = says[word] / total
        is_rare = len(rows) <= rare or _is_place(word, len(rows), now)
        if 0 < len(rows) <= named and share >= _least_share(word, is_rare=is_rare):
            yield (word,), rows


def _is_place(word: str, images: int, now: CatalogReads) -> bool:
    """Whether most of the images with an English word were taken at a place of that name."""
    return images > 0 and is_english(word) and 2 * now.images_at_places_with(word) > images


def _least_share(word: str, *, is_rare: bool) -> float:
    """What a word must say of its query to bring its images first; over 1 where it never does."""
    if word.isdigit() or is_english(word):
        return HALF if is_rare else NEVER
    return 0.0 if is_rare else QUARTER


@lru_cache
def empty_words() -> frozenset[str]:
    """Words that say nothing by themselves."""
    text = (files("searchengine.texts") / "empty_words.txt").read_text(encoding="utf-8")
    return frozenset(text.split())
