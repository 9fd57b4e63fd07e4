"""The shipped list of English words, and how often captions have them."""

from __future__ import annotations

import gzip
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
    packed = (files("searchengine.texts") / "lexicon.txt.gz").read_bytes()
    lines = gzip.decompress(packed).decode("ascii").split("\n")
    pairs = (line.partition(" ") for line in lines)
    return {word: int(count or 0) for word, _, count in pairs}


def is_english(word: str) -> bool:
    """Whether a word, in small letters, is one of the list, or one of those with an ending."""
    words = lexicon()
    return word in words or any(
        word.endswith(end) and _undoubled(word.removesuffix(end) + start) in words
        for end, start in _ENDINGS
    )


def _undoubled(word: str) -> str:
    """What is left of "jogging", "jogg", as "jog"; "kiss" stays."""
    return word[:-1] if word[-1:] == word[-2:-1] and word not in lexicon() else word
