"""The files of one picture, and the pictures of one moment, side by side. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from searchengine.stacks.listing import Member
from searchengine.types import Likeness
from serving.pages.facts import file_size
from serving.pages.view import Tile, tile_of
from serving.question import Question


@dataclass(frozen=True, slots=True)
class StackedTile:
    """One file of a picture, or one picture of a moment, beside the others."""

    tile: Tile
    likeness: str
    """To the one that is looked at, in words."""
    facts: str
    """Its size, format and bytes."""


LIKENESSES = {
    Likeness.EXACT: "The same file",
    Likeness.NEAR: "A copy",
    Likeness.MOMENT: "The same moment",
}


def stacked_of(question: Question, member: Member) -> StackedTile:
    """An image of a stack, as it stands beside the others."""
    facts, size = member.image.facts, file_size(member.image.file.size)
    return StackedTile(
        tile=tile_of(question, member.image),
        likeness=LIKENESSES[member.likeness] if member.likeness else "This picture",
        facts=f"{facts.width:,} \N{MULTIPLICATION SIGN} {facts.height:,}, {facts.format}, {size}",
    )
