"""How many people a photo shows, by what its captions say: texts such as "two people" for free."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

COUNTS = ("nobody", "one", "two", "three", "many")
TEXTS = (
    ("no people", "one person", "two people", "three people", "a group of people"),
    ("nobody", "a person alone", "a couple of people", "a group of three people", "a crowd"),
    (
        "a photo without people",
        "a photo of a single person",
        "a photo of two people",
        "a photo of three people",
        "a photo of many people",
    ),
)

_ONE = (
    r"man|woman|boy|girl|child|kid|baby|toddler|lady|guy|person|player|rider|skier|surfer|"
    r"climber|biker|skateboarder|snowboarder|hiker|swimmer|cyclist|runner|performer|someone"
)
_SEVERAL = (
    r"men|women|boys|girls|children|kids|babies|toddlers|ladies|guys|people|players|riders|"
    r"skiers|surfers|climbers|bikers|hikers|swimmers|cyclists|runners|performers|adults|teenagers"
)
_GAP = r"(?:\W+\w+){0,2}\W+"  # "two young Asian girls"
_ANYBODY = re.compile(rf"\b(?:{_ONE}|{_SEVERAL})\b")
_PATTERNS = (
    ("many", re.compile(r"\b(?:crowd|group|team|band|several|many|four|five|six|seven)\b")),
    ("three", re.compile(rf"\bthree{_GAP}(?:{_SEVERAL})\b")),
    ("two", re.compile(rf"\b(?:two|both|couple(?: of)?){_GAP}(?:{_SEVERAL})\b")),
    ("two", re.compile(rf"\b(?:{_ONE})\b.*\b(?:{_ONE})\b")),
    ("many", re.compile(rf"\b(?:{_SEVERAL})\b")),
)


def count_people(captions: tuple[str, ...]) -> NDArray[np.float32]:
    """How many of the captions speak of each of COUNTS, as shares (5,)."""
    votes = np.zeros(len(COUNTS), dtype=np.float32)
    for caption in captions:
        votes[COUNTS.index(said_of(caption.lower()))] += 1
    return votes / max(1, len(captions))


def said_of(caption: str) -> str:
    """The one of COUNTS that a caption in lower case speaks of."""
    if _ANYBODY.search(caption) is None:
        return "nobody"
    return next((name for name, pattern in _PATTERNS if pattern.search(caption)), "one")
