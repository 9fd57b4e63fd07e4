"""A query: weighted sources, each a text, a picture, an image of the library or a vector."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from searchengine.index.types import Modality
from searchengine.relevance.bar import Strictness


class By(Enum):
    """What the words of a query are looked for in."""

    BOTH = "both"
    """In pictures, and in what is written about them."""
    WORDS = "words"
    """Only images that have all of the words are hits."""
    PICTURES = "pictures"
    """In pictures alone."""


class Kind(Enum):
    """What a source is."""

    TEXT = "text"
    FILE = "file"
    """A picture, by the path of its file."""
    URL = "url"
    """A picture on the web, by its http(s) address."""
    PICTURE = "picture"
    """A picture in memory: a PIL image."""
    LISTED = "listed"
    """An image of the library, by its id: its stored vector."""
    VECTOR = "vector"
    """A vector of the space, shape (d,)."""


PICTURES = (Kind.FILE, Kind.URL, Kind.PICTURE)
"""The kinds of sources that are decoded and encoded."""


@dataclass(frozen=True, slots=True)
class Source:
    """One signed part of a query."""

    kind: Kind
    value: Any
    """A text, a path, an address, a PIL image, an id, or a float array of shape (d,)."""
    weight: float = 1.0
    modality: Modality | None = None
    """What a vector was made from, where that is known; of other kinds it is in the kind."""
    quoted: bool = False
    """Whether a text stood in double quotes: exactly these words."""

    @property
    def made_of(self) -> Modality | None:
        """Text or image; None for a vector of unknown origin."""
        if self.kind is Kind.VECTOR:
            return self.modality
        return Modality.TEXT if self.kind is Kind.TEXT else Modality.IMAGE


@dataclass(frozen=True, slots=True)
class Mark:
    """An image of the library that a person wants more of, or less."""

    id: int
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked: sources that are summed by weight, and images to be nearer to or farther from.

    `as_query` makes one of what people have at hand.
    """

    sources: tuple[Source, ...] = ()
    like: tuple[Mark, ...] = ()
    unlike: tuple[Mark, ...] = ()
    by: By = By.BOTH
    matching: Strictness | None = None
    """How far hits must stand out to be hits; None for all."""
    as_typed: bool = False
    """Whether misspelt words are searched for as they are."""

    def __bool__(self) -> bool:
        return bool(self.sources or self.like or self.unlike)

    @property
    def modality(self) -> Modality | None:
        """What the query is made of; None for texts with images, and for what is unknown."""
        kinds = {source.made_of for source in self.sources}
        if self.like or self.unlike:
            kinds.add(Modality.IMAGE)
        return kinds.pop() if len(kinds) == 1 else None

    @property
    def pictures(self) -> list[Source]:
        """The sources that are decoded and encoded, in order."""
        return [source for source in self.sources if source.kind in PICTURES]

    @property
    def wanted(self) -> list[Source]:
        """The texts that count for an image and not against it, in order."""
        return [each for each in self.sources if each.kind is Kind.TEXT and each.weight > 0]

    @property
    def texts(self) -> list[str]:
        """The texts among the sources, in order."""
        return [source.value for source in self.sources if source.kind is Kind.TEXT]
