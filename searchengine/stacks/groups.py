"""From pairs to groups: each is of one image and of those like it. Pure.

Not everything that hangs together by pairs: a chain of pictures, each like the next, ends far from
where it began.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]


def stars(pairs: Places, order: Places) -> dict[int, int]:
    """Whom each member of a group follows: the best of those in no group leads those like it.

    `pairs`, shape (p, 2), are of numbers that are alike; `order` has every number in `pairs`, the
    best first. Leaders follow themselves; who is in no group is not in the answer.
    """
    alike: dict[int, set[int]] = defaultdict(set)
    for one, other in pairs.tolist():
        if one != other:
            alike[one].add(other)
            alike[other].add(one)
    follows: dict[int, int] = {}
    for leader in order.tolist():
        if leader in follows:
            continue
        members = [each for each in alike[leader] if each not in follows]
        if members:
            follows.update((each, leader) for each in (leader, *members))
    return follows


def merged(labels: Places, keys: Places) -> Places:
    """Labels, shape (n,), made equal for places with equal keys: to the lowest of them."""
    order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.r_[True, keys[order][1:] != keys[order][:-1]])
    lowest = np.minimum.reduceat(labels[order], starts) if len(order) else labels[order]
    out = np.empty_like(labels)
    out[order] = np.repeat(lowest, np.diff(np.r_[starts, len(order)]))
    return out
