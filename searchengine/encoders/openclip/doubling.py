"""How many pictures go through a GPU at once: doubled until that is no faster."""

from __future__ import annotations

from collections.abc import Callable

FIRST, MOST = 32, 1024
"""Sizes that are tried: from what any GPU has room for to what no model gains by."""

LEAST_GAIN = 1.05
"""Of the rate, by twice as many: less is flat, and only takes memory."""


def batch_by_doubling(rate: Callable[[int], float]) -> int:
    """The size from which on `rate`, in pictures a second of a batch of so many, is flat.

    `rate` is 0 for a batch that there is no memory for.
    """
    size, best = FIRST, rate(FIRST)
    while size < MOST:
        doubled = rate(2 * size)
        if doubled <= LEAST_GAIN * best:
            break
        size, best = 2 * size, doubled
    return size
