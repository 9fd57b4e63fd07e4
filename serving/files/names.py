"""Names for files from many folders in one: each its own, where two are called the same."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from pathlib import PurePath

_NOT_EVERYWHERE = re.compile(r'[\x00-\x1f\x7f-\x9f\ud800-\udfff<>:"/\\|?*]')
"""What Windows takes in no name, where a backslash would lead out of the folder, and what says
something to a terminal."""


def for_archives(path: PurePath) -> PurePath:
    r"""The name of a file as every system can unpack it, into the folder that it is unpacked in.

    >>> str(for_archives(PurePath(r"/photos/..\evil.jpg")))
    '.._evil.jpg'
    """
    return PurePath(_NOT_EVERYWHERE.sub("_", path.name))


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
