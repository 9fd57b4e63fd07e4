"""Names for files from many folders in one: each its own, where two are called the same."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from pathlib import PurePath


class Names:
    """Names given so far, told apart as where case and the ways to write accents are ignored."""

    def __init__(self) -> None:
        """None was given yet."""
        self._given: set[str] = set()

    def free(self, path: PurePath) -> Iterator[str]:
        """Names for this file that were not given: its own, then with a number before the suffix.

        Each that is taken from the iterator is given from then on.
        """
        number = 1
        while True:
            name = path.name if number == 1 else f"{path.stem} ({number}){path.suffix}"
            number += 1
            key = unicodedata.normalize("NFC", name).casefold()
            if key not in self._given:
                self._given.add(key)
                yield name
