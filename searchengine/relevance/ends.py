"""The end of one query's matches, found once its best hit in the library is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from searchengine.relevance.bar import LEAST, Bar, Line, Strictness

Ranked = list[tuple[int, float]]
"""Row numbers and scores."""


class Ends:
    """Where the hits of one query end, and its matches, which without a bar are not known."""

    def __init__(
        self,
        bar: Bar | None,
        matching: Strictness | None,
        min_score: float | None,
        tiers: Sequence[NDArray[np.int64]],
        nearest: Callable[[], Ranked],
        *,
        is_filtered: bool,
    ) -> None:
        """Where only what is `matching` is asked for, the rows of `tiers` are too.

        `nearest` finds the best hit in the library, whatever the filter and the tiers are: it is
        asked where what was reached does not show it.
        """
        self._bar, self._matching, self._min_score = bar, matching, min_score
        self._first = set[int]().union(*(tier.tolist() for tier in tiers))
        self._nearest, self._is_filtered = nearest, is_filtered
        self._seen: Ranked = []

    def reached(self, ranked: Ranked) -> Ranked:
        """Those of the first hits that have the least score, and match where that was asked."""
        self._seen = ranked
        if self._min_score is not None:
            ranked = [pair for pair in ranked if pair[1] >= self._min_score]
        if self._matching is None or self._line is None:
            return ranked
        least, line = LEAST[self._matching], self._line
        return [
            (row, score)
            for row, score in ranked
            if row in self._first or line.relevance(score) >= least
        ]

    def relevance(self, score: float) -> float | None:
        """Of a hit with this score."""
        return None if self._line is None else self._line.relevance(score)

    @cached_property
    def _line(self) -> Line | None:
        if self._bar is None:
            return None
        shown = self._seen
        if self._is_filtered or all(row in self._first for row, _ in shown):
            shown = self._nearest()
        return self._bar.line(max((score for _, score in shown), default=-1.0))
