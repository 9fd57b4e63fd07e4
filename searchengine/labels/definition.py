"""What a label set asks of images and what it keeps, as it lies in the catalog."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from searchengine.errors import InputError, LibraryDamagedError
from searchengine.labels.names import Name, above

LIKELY = 0.5
"""The threshold where none is said: a name is kept that is more probable than all else together."""


@dataclass(frozen=True, slots=True)
class Definition:
    """The names of a set and how they are given."""

    names: tuple[Name, ...]
    threshold: float = LIKELY
    """The least probability of a label, in [0, 1]."""
    several: bool = False
    """Whether an image may have several names that exclude each other not."""

    def __post_init__(self) -> None:
        if not 0 <= self.threshold <= 1:
            raise InputError(f"a threshold is a probability, from 0 to 1, not {self.threshold:g}")

    def to_json(self) -> str:
        """As the catalog keeps it; equal definitions are equal texts."""
        return json.dumps(
            {
                "names": [[each.name, list(each.synonyms), each.broader] for each in self.names],
                "threshold": self.threshold,
                "several": self.several,
            },
            ensure_ascii=False,
            sort_keys=True,
        )


def read_definition(library: Path, name: str, text: str) -> Definition:
    """The definition of a set as the catalog keeps it. Raises LibraryDamagedError for another."""
    try:
        told = json.loads(text)
        names = tuple(
            Name(str(word), tuple(map(str, synonyms)), None if broader is None else str(broader))
            for word, synonyms, broader in told["names"]
        )
        known = {each.name: each for each in names}
        for each in names:
            for steps, _ in enumerate(above(each, known)):
                if steps > len(names):
                    raise ValueError("a circle of broader names")
        if not names:
            raise ValueError("no names")
        return Definition(names, float(told["threshold"]), bool(told["several"]))
    except (ValueError, KeyError, TypeError, RecursionError, InputError) as error:
        raise LibraryDamagedError(library, f"label set {name!r} cannot be read: {error}") from error
