"""What names an image has, from the cosines of its vector with texts: pure functions on arrays.

A softmax of scale x cosine over a person's names and a background of other names: as an encoder was
trained to choose among texts, so that what is left for the background is the probability of "none
of these".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from searchengine.labels.background import Other
from searchengine.labels.names import Name, above, depths

Probabilities = NDArray[np.float32]

NOBODY = -1
"""The number of no name; below every probability."""


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    """Which texts are of which names: columns of the cosines, as `texts_of` orders them."""

    names: tuple[str, ...]
    starts: NDArray[np.int64]
    """Where the texts of each name begin; those of the background follow behind all of them."""
    own: int
    """How many texts are of the names."""
    kinds: tuple[tuple[int, NDArray[np.int64]], ...]
    """A name's number, and the columns of the background that count for it."""
    others: NDArray[np.int64]
    """The columns of the background that count for none."""
    above: tuple[tuple[int, ...], ...]
    """The numbers of each name's broader ones, the nearest first."""
    depth: NDArray[np.int64]
    """How many they are."""


def texts_of(names: Sequence[Name], beside: Sequence[Other]) -> tuple[list[str], Grouping]:
    """The words of the names, to be encoded, and whose they and those `beside` them are."""
    place = {each.name: number for number, each in enumerate(names)}
    known = {each.name: each for each in names}
    words = [word for each in names for word in each.words]
    counts = np.array([len(each.words) for each in names], dtype=np.int64)
    kinds: dict[int, list[int]] = {}
    others: list[int] = []
    for column, other in enumerate(beside, start=len(words)):
        (others if other.kind_of is None else kinds.setdefault(place[other.kind_of], [])).append(
            column
        )
    depth = depths(names)
    grouping = Grouping(
        names=tuple(place),
        starts=np.cumsum(counts) - counts,
        own=len(words),
        kinds=tuple((name, np.array(columns)) for name, columns in kinds.items()),
        others=np.array(others, dtype=np.int64),
        above=tuple(tuple(place[b.name] for b in above(each, known)) for each in names),
        depth=np.array([depth[each.name] for each in names], dtype=np.int64),
    )
    return words, grouping


def probabilities(
    cosines: NDArray[np.float32], scale: float, grouping: Grouping, *, several: bool = False
) -> Probabilities:
    """How probable each name is for each image, shape (n, names), float32, in [0, 1].

    `cosines` has shape (n, texts). Of a name's synonyms the nearest speaks; what the background
    knows as a kind of a name, and narrower names of the set, add to it. Names exclude each other:
    with the background they add up to 1. With `several` each is asked alone against the background.
    """
    logits = cosines * np.float32(scale)
    logits -= logits.max(axis=1, keepdims=True)
    weights = np.exp(logits, out=logits)
    names = weights[:, : grouping.own]
    if grouping.own > len(grouping.names):
        names = np.maximum.reduceat(names, grouping.starts, axis=1)
    for name, columns in grouping.kinds:
        names[:, name] += weights[:, columns].sum(axis=1)
    rest = weights[:, grouping.others].sum(axis=1, keepdims=True)
    alone = names.sum(axis=1, keepdims=True)
    for name in np.argsort(-grouping.depth, kind="stable"):
        if grouping.above[name]:
            names[:, grouping.above[name][0]] += names[:, name]
    whole = names + rest if several else alone + rest
    found: Probabilities = names / whole
    return found


def choose(
    found: Probabilities, grouping: Grouping, threshold: float, *, several: bool = False
) -> list[tuple[int, int]]:
    """(image, name) pairs that are kept, by image: those at `threshold` or more.

    One name an image, the most probable of the broadest; from it down to narrower ones, as long as
    the most probable of those is probable enough too. With `several` all that are.
    """
    if several:
        return [(int(image), int(name)) for image, name in np.argwhere(found >= threshold)]
    kept: list[tuple[int, int]] = []
    parents = np.array([names[0] if names else NOBODY for names in grouping.above])
    images, at = np.arange(len(found)), np.full(len(found), NOBODY)
    for level in range(int(grouping.depth.max()) + 1):
        names = np.flatnonzero(grouping.depth == level)
        below = found[np.ix_(images, names)]
        if level:
            below[parents[names] != at[:, None]] = NOBODY
        best = below.argmax(axis=1)
        enough = below[np.arange(len(images)), best] >= threshold
        images, at = images[enough], names[best[enough]]
        kept += zip(images.tolist(), at.tolist(), strict=True)
    return kept
