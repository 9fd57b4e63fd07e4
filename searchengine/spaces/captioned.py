"""Which rows of a space's caption vectors are of which rows of its image vectors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from searchengine.catalog.catalog import CatalogReads
from searchengine.types import SpaceInfo


@dataclass(frozen=True, eq=False)
class CaptionRows:
    """The captions that have a vector, and whose images have one, by image; all arrays int64."""

    captions: NDArray[np.int64]
    """Rows of caption vectors, shape (m,)."""
    owners: NDArray[np.int64]
    """The row of each one's image, ascending, shape (m,)."""

    def __len__(self) -> int:
        return len(self.captions)

    @cached_property
    def by_caption(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The same pairs by caption: its rows, ascending, and the owners."""
        order = np.argsort(self.captions)
        return self.captions[order], self.owners[order]

    def without(self, damaged: NDArray[np.int64]) -> CaptionRows:
        """Those whose caption row is none of `damaged`."""
        if len(damaged) == 0:
            return self
        sound = ~np.isin(self.captions, damaged)
        return CaptionRows(self.captions[sound], self.owners[sound])


class KnownCaptionRows:
    """Reads them once for each state of the rows.

    Rows are only ever added, and a dead one stays dead: four counts, none of which ever falls, say
    whether anything has changed.
    """

    def __init__(self, space: SpaceInfo) -> None:
        self._space = space
        self._kept: tuple[tuple[int, ...], CaptionRows] | None = None

    def at(self, now: CatalogReads, state: tuple[int, ...]) -> CaptionRows:
        """As of a moment, of which `state` is `CatalogReads.row_state`."""
        kept = self._kept
        if kept is None or kept[0] != state:
            kept = state, CaptionRows(*now.caption_owners(self._space))
            self._kept = kept
        return kept[1]
