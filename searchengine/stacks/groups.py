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


def components(pairs: NDArray[np.integer], count: int) -> Places:
    """For each number up to `count` the lowest that it hangs together with by pairs, itself else.

    `pairs` has shape (p, 2).
    """
    lowest = np.arange(count)
    while True:
        before, ends = lowest, lowest[pairs]
        lowest = before.copy()
        np.minimum.at(lowest, pairs, ends[:, ::-1])
        np.minimum.at(lowest, ends, lowest[pairs][:, ::-1])
        lowest = lowest[lowest]
        if (lowest == before).all():
            return lowest


def unsettled(together: Places, settled: Places, most: int) -> Places:
    """Pairs of numbers that are `together` and were not before, shape (p, 2), the lower first.

    Both have shape (n,): equal labels are together, or were `settled`. Of labels that more than
    `most` numbers have there are none.
    """
    order = np.lexsort((np.arange(len(together)), together))
    starts = np.flatnonzero(np.r_[True, np.diff(together[order]) != 0])
    counts = np.diff(np.r_[starts, len(order)])
    found = [np.empty((0, 2), dtype=np.int64)]
    for size in np.unique(counts[(counts > 1) & (counts <= most)]).tolist():
        members = order[starts[counts == size][:, None] + np.arange(size)]
        one, other = (members[:, side].ravel() for side in np.triu_indices(size, 1))
        is_open = settled[one] != settled[other]
        found.append(np.stack([one[is_open], other[is_open]], axis=1))
    return np.concatenate(found)


def each_once(pairs: Places) -> Places:
    """Pairs in order, the lower number first."""
    unique: Places = np.unique(np.sort(pairs, axis=1), axis=0)
    return unique


def without(pairs: Places, others: Places) -> Places:
    """Those pairs that are not among `others`; all have the lower number first."""
    most = max(pairs.max(initial=0), others.max(initial=0)) + 1
    keys, known = (each[:, 0] * most + each[:, 1] for each in (pairs, others))
    left: Places = pairs[~np.isin(keys, known)]
    return left


def merged(labels: Places, keys: Places) -> Places:
    """Labels, shape (n,), made equal for places with equal keys: to the lowest of them."""
    order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.r_[True, keys[order][1:] != keys[order][:-1]])
    lowest = np.minimum.reduceat(labels[order], starts) if len(order) else labels[order]
    out = np.empty_like(labels)
    out[order] = np.repeat(lowest, np.diff(np.r_[starts, len(order)]))
    return out
