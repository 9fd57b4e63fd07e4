"""The images that pass a filter in the order they are looked through in: all of their ids at once.

A page deep in a large library would otherwise put all of them in order to show sixty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from searchengine.catalog.catalog import CatalogReads
from searchengine.retrieval.hits import Order
from searchengine.types import Filter, SpaceInfo


@dataclass(frozen=True, slots=True)
class InOrder:
    """Images in an order."""

    ids: NDArray[np.int64]
    """Of shape (n,)."""
    months: Sequence[tuple[tuple[int, int], int]] = ()
    """Where they are in the order of dates: (year, month), latest first, and how many are of it."""


def in_order(catalog: CatalogReads, space: SpaceInfo, where: Filter, order: Order) -> InOrder:
    """The images that pass in an order that asks nothing: last added first."""
    if order is Order.DATE:
        ids, months = catalog.latest(space, where)
        return InOrder(np.array(ids, dtype=np.int64), months)
    read = catalog.by_path if order is Order.PATH else catalog.newest
    return InOrder(np.array(read(space, where), dtype=np.int64))
