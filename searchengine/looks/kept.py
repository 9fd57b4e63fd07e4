"""The looks of a space's pictures, row for row beside their vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from searchengine.errors import LibraryUnusableError, reason_of
from searchengine.files import open_own
from searchengine.looks.look import LOOK, Looks, known_looks

LOOKS_FILE = "looks.bin"

CHECKED_AT_A_TIME = 16_384


class LookFile:
    """A headerless file of looks, derived and deletable. What it lacks reads as zeros: unknown."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / LOOKS_FILE

    def write(self, first: int, looks: Looks) -> None:
        """Put looks, shape (n,), at rows `first` and on. Raises LibraryUnusableError.

        Nothing is synced: what a power cut takes is unknown, and looked at again.
        """
        try:
            with open_own(self.path) as file:
                file.seek(first * LOOK.itemsize)
                file.write(np.ascontiguousarray(looks).tobytes())
        except OSError as error:
            why = f"{LOOKS_FILE}: {reason_of(error)}"
            raise LibraryUnusableError(self.path.parents[2], why) from error

    def read(self, rows: NDArray[np.int64]) -> Looks:
        """The looks of these rows, shape (n,); zeros where there is none."""
        found = np.zeros(len(rows), dtype=LOOK)
        stored = self._stored()
        inside = rows < len(stored)
        found[inside] = stored[rows[inside]]
        return found

    def known(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of these rows have a look that is as it was made, shape (n,)."""
        parts = [
            known_looks(self.read(rows[start : start + CHECKED_AT_A_TIME]))
            for start in range(0, len(rows), CHECKED_AT_A_TIME)
        ]
        return np.concatenate(parts) if parts else np.empty(0, dtype=bool)

    def is_damaged(self, rows: int) -> bool:
        """Whether one of the first `rows` is neither as it was made nor unknown."""
        stored = self._stored()[:rows]
        for start in range(0, len(stored), CHECKED_AT_A_TIME):
            part = np.array(stored[start : start + CHECKED_AT_A_TIME])
            is_some = part.view(np.uint8).reshape(len(part), -1).any(axis=1)
            if not known_looks(part[is_some]).all():
                return True
        return False

    def _stored(self) -> Looks:
        try:
            count = self.path.stat().st_size // LOOK.itemsize
            if count == 0:
                return np.empty(0, dtype=LOOK)
            return np.memmap(self.path, dtype=LOOK, mode="r", shape=(count,))
        except OSError:
            return np.empty(0, dtype=LOOK)
