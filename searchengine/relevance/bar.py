"""Where the matches of a text end among its hits: pure arithmetic.

No cosine is good for every query and library. What tells more is measured in three ways, each held
against the same of a thousand nouns in this library, by their mean and standard deviation:

- how near the hit is, beside the best hits of the nouns;
- the mean cosine of the query with all images: how much the library is about such things;
- how much the images differ in it, beside how much the nouns do: a query that means something sets
  some of the images apart.

The weights were fitted by `benchmarks/relevance.py` as a logistic regression, and say the same of
every encoder, as its own nouns are the measure. What is added to the best hit of a query is the
same for each of its hits, so that matches end at one score, whatever ranks and filters there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

NEARNESS, MIDDLE, WIDTH = 0.37, 0.13, 0.61
"""What a standard deviation of each of the three is worth."""

BASE = -0.46
"""Brings the border of what matches to 0: 88 of 100 right images of the fitting sets pass."""


class Strictness(Enum):
    """How far hits must stand out to be matches."""

    LOOSE = "loose"
    """95 of 100 right images pass, and most of what is not there finds something."""
    NORMAL = "normal"
    """88 of 100 right images pass."""
    STRICT = "strict"
    """75 of 100 right images pass, and little that is not there finds anything."""


LEAST = {Strictness.LOOSE: -0.64, Strictness.NORMAL: 0.0, Strictness.STRICT: 0.56}
"""The relevance from which on a hit is a match."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Of the nouns in a library."""

    mean: float
    deviation: float

    def standard(self, value: float) -> float:
        """How many standard deviations above the mean."""
        return (value - self.mean) / self.deviation


@dataclass(frozen=True, slots=True)
class Bar:
    """The relevance of one query's hits: a line over their scores."""

    slope: float
    """Above 0."""
    base: float

    def relevance(self, score: float) -> float:
        """Of a hit with this score; matches are above 0."""
        return self.slope * score + self.base

    def least_score(self, strictness: Strictness) -> float:
        """The score at which matches end."""
        return (LEAST[strictness] - self.base) / self.slope


def bar_of(best: Spread, *, middle: float, width: float) -> Bar:
    """The bar of a query whose mean and width are these many standard deviations above the nouns'.

    `best` is of the cosines of the nouns with the images nearest to each.
    """
    slope = NEARNESS / best.deviation
    return Bar(slope, BASE + MIDDLE * middle + WIDTH * width - slope * best.mean)
