"""The shipped lists of English words, with how often captions have them, and of names.

They are looked up as they lie: making a table of one takes longer than a search by words has.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files

_ENDINGS = (
    ("ies", "y"), ("s", ""), ("es", ""), ("ed", ""), ("ed", "e"), ("ing", ""), ("ing", "e"),
    ("er", ""), ("er", "e"), ("ers", ""), ("ers", "e"), ("ly", ""), ("est", ""), ("est", "e"),
)  # fmt: skip
"""Endings of English words, and what they stand in the place of."""


@lru_cache
def lexicon() -> Mapping[str, int]:
    """Captions of COCO that have a word, by word; `training/lexicon.py` made it."""
    pairs = (line.partition(" ") for line in _lines().splitlines())
    return {word: int(count or 0) for word, _, count in pairs}


@lru_cache
def in_captions() -> Mapping[str, int]:
    """The words of the list that captions have, as `lexicon`."""
    return {word: int(count) for word, count in re.findall(r"(\w+) (\d+)\n", _lines())}


def is_english(word: str) -> bool:
    """Whether a word, in small letters, is one of the list, or one of those with an ending."""
    return _is_listed(word) or any(
        word.endswith(end) and _is_listed(_undoubled(word.removesuffix(end) + start))
        for end, start in _ENDINGS
    )


def is_name(word: str) -> bool:
    """Whether a word, in small letters, is part of a name that WordNet has: "paris", "picchu"."""
    return _is_listed(word, "names")


def _undoubled(word: str) -> str:
    """What is left of "jogging", "jogg", as "jog"; "kiss" stays."""
    return word[:-1] if word[-1:] == word[-2:-1] and not _is_listed(word) else word


@lru_cache
def _lines(which: str = "lexicon") -> str:
    """Lines in order, each a word, and behind it a space and its count where that is not 0."""
    packed = (files("searchengine.texts") / f"{which}.txt.gz").read_bytes()
    return gzip.decompress(packed).decode("ascii") + "\n"


def _is_listed(word: str, which: str = "lexicon") -> bool:
    lines = _lines(which)
    at = _place(lines, word)
    return lines.startswith((word + "\n", word + " "), at)


def _place(lines: str, word: str) -> int:
    """Where the first line begins whose word is not before this one."""
    low, high = 0, len(lines)
    while low < high:
        start = lines.rfind("\n", 0, (low + high) // 2) + 1
        end = lines.index("\n", start) + 1
        if lines[start:end].split(None, 1)[0] < word:
            low = end
        else:
            high = start
    return low
