"""Misspelt words of a query, put right by words of captions and of the library.

Of the words at a distance of one typo, or two in long words (optimal string alignment: a letter
missing, added, replaced, or two swapped), the one is taken that captions have most often, a typo
weighing as much as `PER_TYPO` in the logarithm of that. Chosen on one half of the photos of
Flickr8k's dev set and judged on the other: `python -m benchmarks.misspelt`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from math import log

from searchengine.texts.lexicon import in_captions, is_english, is_name
from searchengine.texts.words import empty_words

LEAST_LETTERS, LONG = 4, 7
"""Letters of a word that is looked at, and of one that may have two typos: short words are like
many others."""

PER_TYPO = 4.0
"""In natural logarithms of the number of captions."""

MOST_ODD = 2
"""Unknown words of a query that may be misspelt although they are most of it."""

OWN = 100
"""Captions that a word of the library counts as at least: it is more likely meant."""

MOST_WORDS = 100
"""Of a text that is looked at: encoders read fewer, and a longer one is no query of a few words."""

LONGEST = 40
"""Letters of a word that is looked at: English has none as long."""

_WORD = re.compile(rf"(?<![\w'\u2019.@/\\-])[A-Za-z]{{1,{LONGEST}}}(?![\w'\u2019@/\\-])")
_QUOTED = re.compile(r'"[^"]*"')

OwnWords = Callable[[str], Mapping[str, int]]
"""The words of the library that begin with a letter, and how many images have each."""


@dataclass(frozen=True, slots=True)
class Correction:
    """A word that is searched for in the place of the one that was typed."""

    typed: str
    used: str


@dataclass(frozen=True, slots=True)
class Corrected:
    """A text as it is searched for."""

    text: str
    corrections: tuple[Correction, ...]


def correct(text: str, is_own: Callable[[str], bool], own: OwnWords) -> Corrected:
    """The text with its misspelt words put right.

    Words that the list or the library (`is_own`) knows are never touched, nor are those in double
    quotes, with a capital inside a sentence or with digits, and none where most are unknown: it is
    another language.
    """
    words = list(islice(_WORD.finditer(text), MOST_WORDS + 1))
    if len(words) > MOST_WORDS:
        return Corrected(text, ())
    odd = [match for match in _doubtful(words, text) if not is_own(match[0].lower())]
    if not odd or _is_foreign([match[0].lower() for match in words]):
        return Corrected(text, ())
    found: list[Correction] = []
    for match in reversed(odd):
        best = nearest(match[0].lower(), own)
        if best is not None:
            text = text[: match.start()] + best + text[match.end() :]
            found.append(Correction(match[0], best))
    return Corrected(text, tuple(reversed(found)))


def _is_foreign(words: Sequence[str]) -> bool:
    """Whether most of several words are no English."""
    odd = sum(not _is_known(word) for word in words)
    return odd > MOST_ODD and 2 * odd > len(words)


def _doubtful(words: Sequence[re.Match[str]], text: str) -> Iterator[re.Match[str]]:
    """Words that are no English, and no names by their capitals."""
    quoted = [match.span() for match in _QUOTED.finditer(text)]
    for match in words:
        word = match[0]
        may_be_name = word != word.lower() and not (match.start() == 0 and word.istitle())
        if (
            len(word) >= LEAST_LETTERS
            and not (may_be_name and not text.isupper())
            and not any(start < match.start() < end for start, end in quoted)
            and not _is_known(word.lower())
        ):
            yield match


def _is_known(word: str) -> bool:
    return is_english(word) or is_name(word) or _is_compound(word)


def _is_compound(word: str) -> bool:
    """Whether it is two words of captions written as one: "treehouse"."""
    return any(
        all(part in in_captions() and part not in empty_words() for part in (word[:at], word[at:]))
        for at in range(LEAST_LETTERS, len(word) - LEAST_LETTERS + 1)
    )


def nearest(word: str, own: OwnWords) -> str | None:
    """The word that was likely meant; None where none is near."""
    from rapidfuzz import process
    from rapidfuzz.distance import OSA

    known: dict[str, int] = dict(in_captions())
    for letter in sorted(set(word[:2])):
        for each, images in own(letter).items():
            known[each] = max(known.get(each, 0), images, OWN)
    most = 2 if len(word) >= LONG else 1
    near = process.extract(word, list(known), scorer=OSA.distance, score_cutoff=most, limit=None)
    if not near:
        return None
    return min(near, key=lambda each: (PER_TYPO * each[1] - log(known[each[0]] + 0.5), each[0]))[0]
