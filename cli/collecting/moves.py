"""Where the files of hits would go, as a script or a list for another program. Nothing is moved."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

import typer

from cli import output
from searchengine.paths import absolute, at_home
from serving.files.names import Names


def moves_to(files: Sequence[Path], directory: Path) -> list[tuple[str, str]]:
    """Each file, and where it would go in a directory: to a name that nothing there has."""
    place = Path(absolute(at_home(directory)))
    names = Names()
    return [
        (
            str(file),
            next(
                str(place / name)
                for name in names.free(file)
                if not (place / name).exists() and not (place / name).is_symlink()
            ),
        )
        for file in files
        if file.parent != place
    ]


def print_moves(files: Sequence[Path], directory: Path, form: output.Form) -> None:
    """Print them: as lines of a shell, as JSON, or as two paths a file, each ended by NUL.

    Raises BadParameter for another form.
    """
    moves = moves_to(files, directory)
    if form is output.Form.JSON:
        for source, target in moves:
            output.print_json({"from": source, "to": target})
    elif form is output.Form.NUL:
        output.print_paths([path for move in moves for path in move], form)
    elif form is output.Form.TABLE:
        place = absolute(at_home(directory))
        lines = [f"mkdir -p -- {shlex.quote(place)}"] if moves else []
        lines += [f"mv -n -- {shlex.quote(old)} {shlex.quote(new)}" for old, new in moves]
        output.print_paths(lines, output.Form.PATHS)
        output.note(f"{len(moves):,} to move; nothing is moved: pipe it into sh, or read it first")
    else:
        raise typer.BadParameter("--move-list prints a script, --json, or pairs with -0")
