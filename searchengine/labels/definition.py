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
        _require_probability(self.threshold)

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


@dataclass(frozen=True, slots=True)
class Lesson:
    """One name that is learned from the examples of a set, beside it in the catalog."""

    name: str
    threshold: float
    """The least probability of a label, in [0, 1]."""
    examples: str
    """A hash of them: others teach something else."""

    def __post_init__(self) -> None:
        _require_probability(self.threshold)

    @property
    def names(self) -> tuple[Name, ...]:
        """The one name."""
        return (Name(self.name),)

    @property
    def several(self) -> bool:
        """There is but one."""
        return False

    def to_json(self) -> str:
        """As the catalog keeps it; equal lessons are equal texts."""
        return json.dumps(
            {"taught": self.name, "threshold": self.threshold, "examples": self.examples},
            ensure_ascii=False,
            sort_keys=True,
        )


def _require_probability(threshold: float) -> None:
    if not 0 <= threshold <= 1:
        raise InputError(f"a threshold is a probability, from 0 to 1, not {threshold:g}")


def read_definition(library: Path, name: str, text: str) -> Definition | Lesson:
    """What a set asks, as the catalog keeps it. Raises LibraryDamagedError for anything else."""
    try:
        told = json.loads(text)
        if "taught" in told:
            return Lesson(str(told["taught"]), float(told["threshold"]), str(told["examples"]))
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
