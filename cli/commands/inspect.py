"""`clipseek info`, `failures`, `remove` and `models`: looking at a library, and tidying it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import output
from cli.left_out import left_out_lines
from cli.options import JsonOption, LibraryOption

if TYPE_CHECKING:
    from searchengine.index.types import IndexInfo, Setting, TunedSetting
    from searchengine.types import Excluded, Failure


def info(library: LibraryOption = None, json_output: JsonOption = False) -> None:
    """Show what a library holds."""
    from searchengine import open_library

    with open_library(library) as opened:
        facts = opened.info()
    if json_output:
        output.print_json(facts)
        return
    print(f"library   {facts.path}")
    print(f"images    {facts.images:,}")
    print(f"failures  {facts.failures:,}")
    print(f"captions  {facts.captions:,}")
    print(f"on disk   {facts.bytes / 1e6:,.1f} MB")
    for line in left_out_lines(facts):
        print(line)
    for space in facts.spaces:
        mark = " (default)" if space.name == facts.default_space else ""
        index = f"index over {space.indexed_rows:,} rows" if space.indexed_rows else "exact scan"
        print(
            f"space     {space.name}{mark}: {space.images:,} images, {space.captions:,} captions, "
            f"{space.dim} dimensions, {space.precision}, {index}, {space.bytes / 1e6:,.1f} MB"
        )
        for line in _index_lines(space.index):
            print(f"          {line}")


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
        found: Sequence[Failure | Excluded] = opened.excluded() if excluded else opened.failures()
    if form is output.Form.JSON:
        output.print_json(found)
        return
    if form is not output.Form.TABLE:
        output.print_paths([entry.path for entry in found], form)
        return
    for entry in found:
        print(f"{entry.path}: {entry.reason}")
    if excluded:
        output.note(f"{len(found):,} in all" if found else "nothing was left out")
    elif found:
        output.note(
            f"{len(found):,} in all; tried again when they change, "
            "or with: clipseek index PATH --retry-failed"
        )
    else:
        output.note("no failures")


def remove(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Images or folders.")],
    library: LibraryOption = None,
    json_output: JsonOption = False,
) -> None:
    """Take images out of the library. The files stay; the next index run finds them again."""
    from searchengine import open_library

    with open_library(library) as opened:
        removed = opened.remove(paths)
    if json_output:
        output.print_json({"removed": removed})
    else:
        output.note(f"{removed:,} images removed from the library; the files stay")


def models(json_output: JsonOption = False) -> None:
    """List encoders: what they weigh, what they reach, and whether they are on this machine."""
    from searchengine.encoders.registry import MODELS, is_cached

    if json_output:
        output.print_json(
            [dataclasses.asdict(model) | {"cached": is_cached(model.name)} for model in MODELS]
        )
        return
    rows = [
        (
            model.name,
            f"{model.parameters:.0f} M",
            f"{model.input_size} px",
            str(model.dim),
            model.licence,
            _percent(model.flickr30k_r1),
            _percent(model.coco_r1),
            "yes" if is_cached(model.name) else "no",
        )
        for model in MODELS
    ]
    header = ("name", "params", "input", "dim", "licence", "Flickr30k R@1", "COCO R@1", "cached")
    output.print_table(header, rows, left={0, 4})
    output.note("R@1: published zero-shot text-to-image recall. Any open_clip ARCH/TAG works too.")


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"
