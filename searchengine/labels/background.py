"""Names of other things, ImageNet's, so that "none of these" is an answer.

`background.txt` has a name a line and, behind a tab, other words for it and what it is a kind of,
the nearest first, from WordNet 3.0 (`training/background.py` wrote it). A photo of a golden
retriever is one of a dog: such names count for a person's "dog", not against it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from searchengine.labels.names import Name


@dataclass(frozen=True, slots=True)
class Other:
    """A name of the background beside a person's names."""

    name: str
    kind_of: str | None
    """The person's name that it counts for; None where it counts for none of them."""


@lru_cache
def background() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Each name with the words for it and for what it is a kind of, the nearest first."""
    text = (files("searchengine.labels") / "background.txt").read_text("utf-8")
    lines = (line.partition("\t") for line in text.splitlines())
    return tuple((name, tuple(broader.split("; "))) for name, _, broader in lines)


def beside(names: Iterable[Name]) -> tuple[Other, ...]:
    """The background of a set of names: what is one of them itself is left out."""
    owner = {word.casefold(): each.name for each in names for word in each.words}
    return tuple(
        Other(name, next((owner[word] for word in map(str.casefold, kinds) if word in owner), None))
        for name, kinds in background()
        if name.casefold() not in owner
    )
