"""Answers on stdout, in the forms people and programs read; notes on stderr."""

from __future__ import annotations

import csv as csv_module
import json as json_module
import os
import sys
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from searchengine.errors import InputError
from searchengine.jsonable import jsonable

if TYPE_CHECKING:
    from searchengine import SearchHit

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it: 128 + SIGINT."""


class Form(Enum):
    """How hits are printed; the values are the flags that choose it."""

    TABLE = "no flag"
    JSON = "--json"
    CSV = "--csv"
    PATHS = "--paths"
    NUL = "--print0"


def choose_form(*, json: bool, csv: bool, paths: bool, nul: bool) -> Form:
    """The one form asked for, a table without any flag. Wrong usage to ask for two."""
    asked = {Form.JSON: json, Form.CSV: csv, Form.PATHS: paths, Form.NUL: nul}
    chosen = [form for form, is_set in asked.items() if is_set]
    if len(chosen) > 1:
        raise typer.BadParameter(f"{' and '.join(form.value for form in chosen)}: choose one")
    return chosen[0] if chosen else Form.TABLE


def note(text: str) -> None:
    """Tell the person at the terminal; programs that read stdout do not see it."""
    print(text, file=sys.stderr)


def require_place(path: Path) -> None:
    """Raises InputError where no file can be written at `path`, before the work and not after."""
    if path.is_dir():
        why = "it is a directory"
    elif not path.parent.is_dir():
        why = f"there is no directory {path.parent}"
    elif not os.access(path if path.exists() else path.parent, os.W_OK):
        why = "permission denied"
    else:
        return
    raise InputError(f"cannot write {path}: {why}; choose another FILE")


def print_hits(hits: Sequence[SearchHit], form: Form) -> None:
    """Hits on stdout."""
    if form is Form.TABLE:
        _print_table(hits)
    elif form is Form.JSON:
        for hit in hits:
            print(json_module.dumps(hit.record()))
    elif form is Form.CSV:
        from searchengine.retrieval.hits import HIT_FIELDS

        writer = csv_module.writer(sys.stdout)
        writer.writerow(HIT_FIELDS)
        writer.writerows(hit.record().values() for hit in hits)
    else:
        print_paths([hit.path for hit in hits], form)


def print_paths(paths: Sequence[Path | str], form: Form) -> None:
    """Paths on stdout, one a line, or each ended by NUL."""
    end = "\0" if form is Form.NUL else "\n"
    sys.stdout.write("".join(f"{path}{end}" for path in paths))


def _print_table(hits: Sequence[SearchHit]) -> None:
    if not hits:
        note("no hits")
        return
    rows = [
        (
            str(hit.rank),
            f"{hit.score:.3f}",
            str(hit.path),
            f"{hit.image.facts.width}x{hit.image.facts.height}",
            f"{hit.image.facts.taken_at or hit.image.modified_at:%Y-%m-%d}",
        )
        for hit in hits
    ]
    print_table(("rank", "score", "path", "size", "date"), rows, left={2})


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, left: set[int]) -> None:
    """Aligned columns on stdout; the columns in `left` to the left, the others to the right."""
    lines = [header, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    for line in lines:
        cells = (
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        print("  ".join(cells).rstrip())


def print_json(value: Any) -> None:  # noqa: ANN401 - a dataclass, or plain values
    """One JSON value on one line of stdout."""
    print(json_module.dumps(jsonable(value)))
