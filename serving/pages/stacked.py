"""The files of one picture, and the pictures of one moment, side by side. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from searchengine.stacks.listing import Member
from searchengine.types import Likeness
from serving.pages.facts import bytes_said
from serving.pages.view import Tile, tile_of
from serving.question import Question, read_choice


@dataclass(frozen=True, slots=True)
class StackedTile:
    """One file of a picture, or one picture of a moment, beside the others."""

    tile: Tile
    likeness: str
    """To the one that is looked at, in words."""
    facts: str
    """Its size, format and bytes."""


LEVELS = {
    Likeness.EXACT: "The same file",
    Likeness.NEAR: "Copies",
    Likeness.MOMENT: "The same moment",
}
NONE = {
    Likeness.EXACT: "no two files are equal",
    Likeness.NEAR: "no picture was found twice",
    Likeness.MOMENT: "no two pictures are of one moment",
}

LIKENESSES = {
    Likeness.EXACT: "The same file",
    Likeness.NEAR: "A copy",
    Likeness.MOMENT: "The same moment",
}


def stacked_of(question: Question, member: Member) -> StackedTile:
    """An image of a stack, as it stands beside the others."""
    facts, size = member.image.facts, bytes_said(member.image.file.size)
    return StackedTile(
        tile=tile_of(question, member.image),
        likeness=LIKENESSES[member.likeness] if member.likeness else "This picture",
        facts=f"{facts.width:,} \N{MULTIPLICATION SIGN} {facts.height:,}, {facts.format}, {size}",
    )


def read_level(text: str | None) -> Likeness:
    """What the images of a group have in common: copies unless it is said. Raises InputError."""
    return read_choice("level", text, Likeness, Likeness.NEAR)


def groups_url(level: Likeness, offset: int = 0) -> str:
    """Where the groups of a level are shown."""
    return f"/duplicates?level={level.value}" + (f"&offset={offset}" if offset else "")


def levels(chosen: Likeness) -> list[tuple[str, str, bool]]:
    """Each level by name, with its address and whether it is shown."""
    return [(LEVELS[level], groups_url(level), level is chosen) for level in Likeness]


def said_of_groups(level: Likeness, total: int) -> str:
    """How many groups there are, in a line."""
    if not total:
        return f"There are none: {NONE[level]}"
    groups = f"{total:,} {'group' if total == 1 else 'groups'}"
    return f"{groups}, the best first in each; nothing is deleted here"
