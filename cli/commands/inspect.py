"""`clipseek info`, `failures` and `remove`: looking at a library, and tidying it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from cli import output
from cli.commands.sharded.look import print_parts_info
from cli.notation import plural
from cli.options import JsonOption, LibraryOption

if TYPE_CHECKING:
    from searchengine.index.types import IndexInfo, Setting, TunedSetting
    from searchengine.library.status import SpaceStatus
    from searchengine.types import Excluded, Failure


def info(library: LibraryOption = None, json_output: JsonOption = False) -> None:
    """Show what a library holds."""
    from cli.left_out import left_out_lines
    from cli.next_steps import of_library
    from searchengine import open_library
    from searchengine.library.layout import url_of

    if (url := url_of(library)) is not None:
        print_parts_info(url, as_json=json_output)
        return
    with open_library(library) as opened:
        facts = opened.info()
    if json_output:
        output.print_json(facts)
        return
    output.say(f"library   {facts.path}")
    output.say(f"images    {facts.images:,}")
    output.say(f"failures  {facts.failures:,}")
    output.say(f"captions  {facts.captions:,}")
    output.say(f"on disk   {facts.bytes / 1e6:,.1f} MB")
    for root, images in facts.roots:
        output.say(f"folder    {root}: {plural(images, 'image')}")
    for line in left_out_lines(facts):
        output.say(of_library(line, sys.argv))
    for space in facts.spaces:
        mark = " (default)" if space.name == facts.default_space else ""
        index = f"index over {space.indexed_rows:,} rows" if space.indexed_rows else "exact scan"
        output.say(
            f"space     {space.name}{mark}: {_images_in(space, facts.images)}, "
            f"{plural(space.captions, 'caption')}, {space.dim} dimensions, {space.precision}, "
            f"{f'{space.crops} crops, ' if space.crops > 1 else ''}"
            f"{index}, {space.bytes / 1e6:,.1f} MB"
        )
        for line in _index_lines(space.index):
            output.say(of_library(f"          {line}", sys.argv))


def _images_in(space: SpaceStatus, listed: int) -> str:
    images = plural(space.images, "image")
    return images if space.images == listed else f"{space.images:,} of {plural(listed, 'image')}"


def _index_lines(info: IndexInfo) -> list[str]:
    """What the index of a space is and how it is searched; nothing where there is none."""
    index = info.index
    if index is None:
        return []
    lines = [
        f"index {index.plan.factory}: {index.bytes / 1e6:,.1f} MB, "
        f"{index.bytes / index.listed:.0f} bytes an image, built in {index.build_seconds:.1f} s; "
        f"{info.uncovered:,} rows outside it are scanned, {info.dead:,} of all are dead"
    ]
    for kind, tuned, setting in (
        ("texts", index.text, info.text),
        ("images", index.image, info.image),
    ):
        how = f"for {kind}: {_plain_setting(setting)}"
        lines.append(f"{how}, {_measured(tuned) if tuned else 'not tuned: clipseek tune'}")
    return lines


def _plain_setting(setting: Setting | None) -> str:
    return f"nprobe {setting.nprobe:,}, shortlist {setting.shortlist:,}" if setting else ""


def _measured(tuned: TunedSetting) -> str:
    return (
        f"agreement@{tuned.k} {tuned.agreement:.3f} (target {tuned.target:g}) on {tuned.queries:,} "
        f"queries from {tuned.source} at {tuned.rows:,} rows, {tuned.p50_ms:.1f} ms"
    )


def failures(
    library: LibraryOption = None,
    excluded: Annotated[
        bool,
        typer.Option(
            "--excluded",
            help="List instead what was left out: pictures, and folders with all that is in them.",
        ),
    ] = False,
    json_output: JsonOption = False,
    paths: Annotated[bool, typer.Option("--paths", help="Print paths only.")] = False,
    print0: Annotated[
        bool, typer.Option("-0", "--print0", help="Print paths only, each ended by NUL.")
    ] = False,
) -> None:
    """List the files that could not be indexed, or that were left out, and why."""
    from searchengine import open_library

    form = output.choose_form(json=json_output, csv=False, paths=paths, nul=print0)
    with open_library(library) as opened:
        failed = [] if excluded else _by_reason(opened.failures())
        found: Sequence[Failure | Excluded] = opened.excluded() if excluded else failed
        spaces = [space.info.encoder for space in opened.spaces()]
    if form is output.Form.JSON:
        output.print_json(found)
        return
    if form is not output.Form.TABLE:
        output.print_paths([entry.path for entry in found], form)
        return
    for entry in found:
        output.say(f"{entry.path}: {entry.reason}")
    if excluded:
        output.note(f"{len(found):,} in all" if found else "nothing was left out")
    else:
        _say_what_next(failed, spaces)


def _by_reason(found: Sequence[Failure]) -> list[Failure]:
    """Those with the same reason together, the commonest first; by path within."""
    from searchengine.library.reasons import count_reasons

    reasons = count_reasons((failure.kind, failure.reason) for failure in found)
    place = {reason.kind: number for number, reason in enumerate(reasons)}
    return sorted(found, key=lambda failure: place[failure.kind])


def _say_what_next(found: Sequence[Failure], spaces: Sequence[str]) -> None:
    from searchengine.library.reasons import count_reasons

    if not found:
        output.note("no failures")
        return
    for reason in count_reasons((failure.kind, failure.reason) for failure in found):
        output.note(str(reason))
    due = _due(found, spaces)
    again = f"the next run tries {due:,} of them again, the others" if due else "tried again"
    output.note(
        f"{len(found):,} in all; {again} when they change, "
        "or with: clipseek index PATH --retry-failed"
    )


def _due(failures: Sequence[Failure], encoders: Sequence[str]) -> int:
    """How many of these a plain index run would try again although their files are as before."""
    from indexers.reading import IndexOptions
    from indexers.trial import Trial

    plain = IndexOptions()
    trial = Trial(plain.max_megapixels, plain.max_file_size, encoders[0] if encoders else "")
    return sum(trial.may_differ(failure.kind, failure.tried_with) for failure in failures)


def remove(
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Images or folders.")],
    forever: Annotated[
        bool,
        typer.Option(
            "--forever",
            help="Leave them out of all later index runs too; failures --excluded lists them.",
        ),
    ] = False,
    undo: Annotated[
        bool,
        typer.Option("--undo", help="Let the next index run take again what was removed so."),
    ] = False,
    library: LibraryOption = None,
    json_output: JsonOption = False,
) -> None:
    """Take images out of the library. The files stay; the next index run finds them again."""
    from searchengine import open_library

    if forever and undo:
        raise typer.BadParameter("--forever and --undo: choose one")
    with open_library(library) as opened:
        if undo:
            taken = opened.take_back(paths)
        else:
            removed = opened.remove(paths, forever=forever)
    if undo:
        if json_output:
            output.print_json({"taken_back": taken})
        else:
            output.note(
                f"{plural(taken, 'picture or folder', 'pictures and folders')} taken back; to have "
                "them again: clipseek index PATH"
            )
    elif json_output:
        output.print_json({"removed": removed})
    else:
        then = (
            "no index run takes them again"
            if forever
            else "the files stay, and the next index run finds them again: --forever keeps them out"
        )
        output.note(f"{plural(removed, 'image')} removed from the library; {then}")
