"""Where the matches of a text end among its hits: pure arithmetic.

No cosine is good for every query and library. Two things are asked, each of what is measured
against the same of a thousand nouns in this library, by their mean and standard deviation.

Is there anything to be found? A logistic regression of what the best hit in the library says:

- how near it is, beside the best hits of the nouns;
- the mean cosine of the query with all images: how much the library is about such things;
- how much the images differ in it, beside how much the nouns do: a query that means something sets
  some of the images apart;
- how many of its own standard deviations the best hit stands above its own mean.

And where do matches end? Above what a noun has with any image of the library, at a share of what
the best hit has: where half of a library is what was asked for, half of it is near the best.

The weights were fitted by `benchmarks/relevance.py`, and say the same of every encoder, as its own
nouns are the measure: cosines that are moved or stretched change nothing. Neither filters nor pages
move the end, as the best hit is that of the whole library.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

NEARNESS, MIDDLE, WIDTH, APART = 0.10, 0.69, 1.09, 0.84
"""What a standard deviation of each of the four is worth."""

BASE = -1.16
"""Brings the border of what matches to 0: 91 of 100 right images of the fitting sets pass."""

END = 0.60
"""The share of the best hit's rise that a match has. By itself it keeps 98 of 100 right images that
are among the first ten; 0.7 keeps 95, and of single nouns 88."""

RISE = 10.0
"""What the rise of the best hit is worth in relevance, so that a looser border lets matches end
later as well."""

APIECE = 0.01
"""What the whole rise counts where all hits have what there is to be found: a better one has more
in any case."""

LEAST_RISE = 1e-3
"""Of the best hit, as a cosine: below, nothing rises."""


class Strictness(Enum):
    """How far hits must stand out to be matches."""

    LOOSE = "loose"
    """95 of 100 right images pass, and most of what is not there finds something."""
    NORMAL = "normal"
    """91 of 100 right images pass."""
    STRICT = "strict"
    """78 of 100 right images pass, and little that is not there finds anything."""


LEAST = {Strictness.LOOSE: -0.66, Strictness.NORMAL: 0.0, Strictness.STRICT: 0.95}
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
class Line:
    """The relevance of one query's hits by their scores: more for a higher one."""

    most: float
    """What there is to be found, which the best hit has."""
    floor: float
    """The score that a noun has with any image."""
    best: float
    """The score of the best hit in the library."""

    def relevance(self, score: float) -> float:
        """Of a hit with this score; matches are above 0."""
        rise = (score - self.floor) / max(self.best - self.floor, LEAST_RISE)
        return min(self.most - APIECE * (1 - rise), RISE * (rise - END))


@dataclass(frozen=True, slots=True)
class Bar:
    """What is known of a query in a library before its best hit is."""

    nouns: Spread
    """The cosines of the nouns with the image nearest to each."""
    apart: Spread
    """How far these stand above the nouns' own means, in their own deviations."""
    floor: float
    """The mean cosine of nouns and images."""
    mean: float
    """Of the query's cosines with all images."""
    deviation: float
    """Of these, above 0."""
    base: float
    """What its mean and its width are worth."""

    def line(self, best: float) -> Line:
        """Once the score of the best hit in the library is known."""
        nearness = self.nouns.standard(best)
        apart = self.apart.standard((best - self.mean) / self.deviation)
        return Line(self.base + NEARNESS * nearness + APART * apart, self.floor, best)


def base_of(middle: float, width: float) -> float:
    """Of a query whose mean and width are these many standard deviations above the nouns'."""
    return BASE + MIDDLE * middle + WIDTH * width
