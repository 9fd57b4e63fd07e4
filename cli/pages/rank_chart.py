"""Where the first relevant answers stand: a histogram of ranks, both directions back to back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from cli.notation import DIRECTIONS, count, percent
from cli.pages.svg import WIDTH, Bar, Chart, Group, Shape, Text, line
from searchengine.measures.recall import Direction, Ranks

ROW = 24
"""From one bin to the next."""


def rank_bins(gallery: int, largest: int) -> list[tuple[int, int]]:
    """Ranks 1, 2-5, 6-10, 11-20, 21-50, 51-100, ... until `largest` is in; cut at `gallery`."""
    bins: list[tuple[int, int]] = []
    ends = _bin_ends()
    while not bins or bins[-1][1] < min(largest, gallery):
        low = bins[-1][1] + 1 if bins else 1
        bins.append((low, min(next(ends), gallery)))
    return bins


def _bin_ends() -> Iterator[int]:
    yield from (1, 5)
    decade = 10
    while True:
        yield from (decade, 2 * decade, 5 * decade)
        decade *= 10


def count_ranks(ranks: Ranks, bins: Sequence[tuple[int, int]]) -> list[int]:
    """How many of `ranks` fall into each of `bins`, both ends included."""
    return [int(np.count_nonzero((ranks >= low) & (ranks <= high))) for low, high in bins]


def name_bin(low: int, high: int) -> str:
    """A bin as 1 or 2-5, with an en dash."""
    return count(low) if low == high else f"{count(low)}\N{EN DASH}{count(high)}"


def rank_chart(directions: Sequence[Direction]) -> Chart:
    """Histogram of the ranks on log bins: one direction to the left of the bins, one to the right.

    Takes two directions. Lengths are shares of a direction's queries, on one scale.
    """
    gallery = max(direction.gallery for direction in directions)
    bins = rank_bins(gallery, max(int(direction.ranks.max(initial=1)) for direction in directions))
    names = [name_bin(*each) for each in bins]
    counts = [count_ranks(direction.ranks, bins) for direction in directions]
    longest = max(max(each) / max(sum(each), 1) for each in counts) or 1.0
    shapes: list[Shape] = [Text("axis-name middle", WIDTH / 2, 14, "Rank")]
    shapes += [
        Text("tick middle", WIDTH / 2, 42 + ROW * row, name) for row, name in enumerate(names)
    ]
    described = []
    for side, direction, own in zip((-1, 1), directions, counts, strict=True):
        shapes.append(Group(direction.name, tuple(_bars(direction.name, own, longest, side))))
        listed = ", ".join(f"{name}: {count(n)}" for name, n in zip(names, own, strict=True))
        described.append(f"{DIRECTIONS[direction.name]}, queries by rank: {listed}.")
    title = "Ranks of the first relevant answer, in both directions"
    return Chart("ranks", title, " ".join(described), 34 + ROW * len(bins), tuple(shapes))


def _bars(name: str, counts: Sequence[int], longest: float, side: int) -> Iterator[Shape]:
    """Bars from the middle to `side` (-1 or 1), each with its count and share at its end."""
    inner, anchor = WIDTH / 2 + 52 * side, "end" if side < 0 else "start"
    yield Text(f"name {anchor}", inner, 14, DIRECTIONS[name])
    yield line("axis", inner, 26, inner, 28 + ROW * len(counts))
    for row, number in enumerate(counts):
        share = number / max(sum(counts), 1)
        length, top = share / longest * 72, 28 + ROW * row
        yield Bar("bar", inner if side > 0 else inner - length, top, length, 19)
        outer, said = inner + side * (length + 6), percent(share) if number else ""
        yield Text(f"value {anchor}", outer, top + 14, count(number), said)
