"""Which images are of one moment: seconds apart, or of one name, and alike. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from searchengine.stacks.pictured import Pictured

SECONDS = 10.0
"""Between two shots of one moment, by one camera."""

LEAST_ALIKE, LEAST_ALIKE_OF_NAME = 0.5, 0.3
"""How near the vectors are at least, where 0 is the mean cosine of the library's images and 1 is
equal: of shots within seconds, and of files of one name (RAW and JPEG, edits), which a change to
black and white takes farther apart."""

MOST_APART = 20
"""Places in the order of time that are compared: as long as a burst is."""

Pairs = NDArray[np.int64]
"""Places in `Pictured`, shape (p, 2)."""


def within_seconds(pictured: Pictured) -> Pairs:
    """Pairs that one camera took within `SECONDS`."""
    dated = np.flatnonzero(np.isfinite(pictured.times))
    order = dated[np.lexsort((pictured.rows[dated], pictured.times[dated]))]
    times, cameras = pictured.times[order], pictured.cameras[order]
    found = []
    for apart in range(1, min(MOST_APART, len(order) - 1) + 1):
        close = times[apart:] - times[:-apart] <= SECONDS
        if not close.any():
            break
        one = np.flatnonzero(close & (cameras[apart:] == cameras[:-apart]))
        found.append(np.stack([order[one], order[one + apart]], axis=1))
    return _joined(found)


def of_one_name(pictured: Pictured) -> Pairs:
    """Pairs of one folder and stem; those whose times are known and apart are none."""
    order = np.lexsort((pictured.rows, pictured.stems))
    stems, times = pictured.stems[order], pictured.times[order]
    found = []
    for apart in range(1, min(MOST_APART, len(order) - 1) + 1):
        alike = stems[apart:] == stems[:-apart]
        if not alike.any():
            break
        later = np.abs(times[apart:] - times[:-apart]) > SECONDS  # False where one is not known
        one = np.flatnonzero(alike & ~later)
        found.append(np.stack([order[one], order[one + apart]], axis=1))
    return _joined(found)


def _joined(found: list[Pairs]) -> Pairs:
    return np.concatenate(found) if found else np.empty((0, 2), dtype=np.int64)
