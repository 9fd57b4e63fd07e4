"""`clipseek duplicates`: what there is more than once. It deletes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import output
from cli.notation import plural
from cli.options import JsonOption, LibraryOption, SpaceOption

if TYPE_CHECKING:
    from searchengine.stacks.listing import Group, Member

FIELDS = (
    "group", "likeness", "id", "path", "width", "height", "format", "bytes", "sharpness",
)  # fmt: skip
"""Of one image in CSV; JSON has the same but for the group."""


def duplicates(
    level: Annotated[
        str,
        typer.Option(
            metavar="exact|near|moment",
            help="exact: files that are equal byte for byte. near: these, and one picture saved "
            "anew, scaled, lightly cropped or in other tones (brighter, grey). moment: other "
            "pictures of one moment: bursts, RAW and JPEG, edits, and what is a copy of a copy but "
            "not of the best file; they are no copies.",
        ),
    ] = "near",
    keep: Annotated[
        str | None,
        typer.Option(
            metavar="best",
            help="List only the others of each group: with -0 for a program that takes them away.",
        ),
    ] = None,
    library: LibraryOption = None,
    space: SpaceOption = None,
    json_output: JsonOption = False,
    csv_output: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    paths: Annotated[bool, typer.Option("-f", "--paths", help="Print paths only.")] = False,
    print0: Annotated[
        bool, typer.Option("-0", "--print0", help="Print paths only, each ended by NUL.")
    ] = False,
) -> None:
    """List images that there are more than once, the best of each group first.

    The best has the most pixels; of several the sharpest, in the better format, under the name that
    looks like an original's. Nothing is deleted. Files that are gone or have changed since they
    were indexed are not listed.
    """
    from searchengine import open_library
    from searchengine.stacks.listing import duplicates as find
    from searchengine.types import Likeness

    form = output.choose_form(json=json_output, csv=csv_output, paths=paths, nul=print0)
    levels = {likeness.value: likeness for likeness in Likeness}
    if level not in levels:
        raise typer.BadParameter(f"--level is one of {', '.join(levels)}, not {level!r}")
    if keep not in (None, "best"):
        raise typer.BadParameter(f"--keep takes best, not {keep!r}")
    with open_library(library) as opened:
        chosen = opened.space(space)
        with opened.catalog.snapshot() as now:
            groups = list(find(chosen, now, levels[level]))
            covered = chosen.stacks.at(now.rows(chosen.info))
            late = now.rows(chosen.info) - (covered.covered if covered else 0)
    _print(groups, form, first=1 if keep else 0)
    others = [member for group in groups for member in group.members[1:]]
    size = sum(member.image.file.size for member in others) / 1e6
    output.note(
        f"{plural(len(groups), 'group')}, {plural(len(others), 'image')} beside the best of them, "
        f"{size:,.1f} MB; nothing is deleted"
    )
    if late and level != "exact":
        output.note(f"{plural(late, 'image')} not compared yet: clipseek index PATH")


def _print(groups: Sequence[Group], form: output.Form, *, first: int) -> None:
    """The members of each group from `first` on."""
    if form is output.Form.JSON:
        for number, group in enumerate(groups, start=1):
            images = [_record(member) for member in group.members[first:]]
            output.print_json({"group": number, "level": group.level.value, "images": images})
        return
    if form in (output.Form.PATHS, output.Form.NUL):
        members = (member for group in groups for member in group.members[first:])
        output.print_paths([member.image.file.path for member in members], form)
        return
    rows = list(_rows(groups, first))
    if form is output.Form.CSV:
        output.print_csv(FIELDS, [[str(row[name]) for name in FIELDS] for row in rows])
        return
    table = [
        (
            str(row["group"]),
            row["likeness"],
            row["path"],
            f"{row['width']}x{row['height']}",
            row["format"],
            f"{row['bytes'] / 1e6:,.2f}",
        )
        for row in rows
    ]
    if table:
        output.print_table(
            ("group", "is", "path", "size", "format", "MB"), table, left={1, 2, 4}, long=2
        )


def _rows(groups: Sequence[Group], first: int) -> Iterator[dict[str, Any]]:
    for number, group in enumerate(groups, start=1):
        for member in group.members[first:]:
            yield {"group": number, **_record(member)}


def _record(member: Member) -> dict[str, Any]:
    facts = member.image.facts
    return {
        "likeness": member.likeness.value if member.likeness else "best",
        "id": member.image.id,
        "path": member.image.file.path,
        "width": facts.width,
        "height": facts.height,
        "format": facts.format,
        "bytes": member.image.file.size,
        "sharpness": None if member.sharpness is None else round(member.sharpness, 1),
    }
