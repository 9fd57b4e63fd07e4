"""Agreement@k: how much of the exact answers an approximate search finds. Not recall."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from searchengine.vectors.scan import NO_ROW

Numbers = NDArray[np.int64]


def agreement(found: Numbers, exact: Numbers, k: int) -> float:
    """Mean share of the exact first k answers that are in the first k found, in [0, 1].

    Both hold rows of answers, best first, with shape (q, at least k, or all there are). A place in
    `found` may be -1, for none; in `exact` none is.
    """
    wanted, given = exact[:, :k], found[:, :k]
    line = np.arange(len(exact))[:, np.newaxis] * (max(wanted.max(), given.max()) + 1)
    shared = np.isin(wanted + line, (given + line)[given != NO_ROW])
    return float(shared.mean())
