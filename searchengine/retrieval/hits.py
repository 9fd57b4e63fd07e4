"""What a search answers: ranked images, for people, notebooks and programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from searchengine.jsonable import jsonable
from searchengine.types import ImageRecord

HIT_FIELDS = ("rank", "score", "id", "path", "width", "height", "taken_at")
"""What a program is told of a hit, in this order."""


@dataclass(frozen=True, slots=True)
class SearchHit:
    """One ranked image. `score` is the cosine with the query, in [-1, 1]; `rank` counts from 1."""

    rank: int
    score: float
    image: ImageRecord

    @property
    def id(self) -> int:
        """The image's id in the library."""
        return self.image.id

    @property
    def path(self) -> Path:
        """Where the image's file is."""
        return self.image.path

    def record(self) -> dict[str, Any]:
        """The hit in JSON's own types, with the keys of `HIT_FIELDS`."""
        facts = self.image.facts
        values = (
            self.rank, self.score, self.id, self.path, facts.width, facts.height, facts.taken_at
        )  # fmt: skip
        return {name: jsonable(value) for name, value in zip(HIT_FIELDS, values, strict=True)}


class Hits(list[SearchHit]):
    """The hits of a search, best first."""

    def records(self) -> list[dict[str, Any]]:
        """One dict a hit, in JSON's own types: `pandas.DataFrame(hits.records())` is a table."""
        return [hit.record() for hit in self]


def ranked_hits(
    ranked: Sequence[tuple[int, float]], images: dict[int, ImageRecord], first_rank: int
) -> Hits:
    """Rows and their scores, best first, as hits of the images that the rows belong to."""
    return Hits(
        SearchHit(rank, score, images[row])
        for rank, (row, score) in enumerate(ranked, start=first_rank)
    )
