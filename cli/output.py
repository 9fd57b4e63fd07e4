"""Answers on stdout, in the forms people and programs read; notes on stderr.

The one door to both: nothing else of the program prints. A name or a caption cannot command the
terminal, an encoding that lacks a character shows it escaped, and a full disk or a reader who left
is an exception of its own.
"""

from __future__ import annotations

import io
import json as json_module
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from enum import Enum
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any

import typer

from cli.next_steps import of_library
from cli.notation import date_of
from cli.terminal import faint, linked, padded, shortened, visible, width
from searchengine.errors import ClipseekError
from searchengine.jsonable import jsonable

if TYPE_CHECKING:
    from searchengine import SearchHit

GAP = "  "
"""Between the columns of a table."""

NARROWEST = 20
"""Columns that a path keeps on the narrowest terminal."""

END_OF_MATCHES = "what matches ends here; the nearest others:"

SHOWN_TEXT = 60
"""Characters of a text in the table of hits."""

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


class WriteError(ClipseekError):
    """Stdout takes no more: a full disk."""

    def __init__(self, error: OSError) -> None:
        super().__init__(f"write error: {error.strerror or error}")


class ReaderGone(Exception):  # noqa: N818 - the end of a pipe is no error
    """Who read stdout has closed it, as `| head` does."""


def prepare() -> None:
    """Make stdout and stderr take any character; all three be there where they were closed."""
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115 - until the end
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - until the end
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def finish() -> None:
    """Hand on what was printed. Raises WriteError and ReaderGone, as everything that prints."""
    with _stdout():
        sys.stdout.flush()


def abandon() -> None:
    """Drop what stdout did not take, so that nobody tries again when the program ends."""
    with suppress(OSError, ValueError):  # a stream of a test, without a file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def _stdout() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        raise ReaderGone from error
    except OSError as error:
        raise WriteError(error) from error


def write(text: str) -> None:
    """Text on stdout as it is, for programs: JSON and CSV."""
    with _stdout():
        sys.stdout.write(text)


def say(line: str = "") -> None:
    """One line on stdout."""
    write(visible(line) + "\n")


def note(line: str) -> None:
    """Tell the person at the terminal; programs that read stdout do not see it."""
    line = of_library(line, sys.argv)
    with suppress(OSError):  # nobody listens: no reason to stop
        print(visible(line), file=sys.stderr, flush=True)


def print_hits(hits: Sequence[SearchHit], form: Form) -> None:
    """Hits on stdout."""
    if form is Form.TABLE:
        _print_table(hits)
    elif form is Form.JSON:
        for hit in hits:
            print_json(hit.record())
    elif form is Form.CSV:
        _print_csv(hits)
    else:
        print_paths([hit.path for hit in hits], form)


def print_paths(paths: Sequence[Path | str], form: Form) -> None:
    """Paths on stdout, one a line or each ended by NUL.

    To a program they go byte by byte as the file system has them, to a terminal made visible.
    """
    end = "\0" if form is Form.NUL else "\n"
    if sys.stdout.isatty():
        write("".join(visible(str(path)) + end for path in paths))
        return
    names = b"".join(_bytes_of(str(path)) + end.encode() for path in paths)
    with _stdout():
        sys.stdout.flush()
        sys.stdout.buffer.write(names)


def _print_table(hits: Sequence[SearchHit]) -> None:
    if not hits:
        note("no hits")
        return
    rows: list[tuple[str, ...]] = [
        (
            str(hit.rank),
            f"{hit.score:.3f}",
            str(hit.path),
            f"{hit.image.facts.width}x{hit.image.facts.height}",
            date_of(hit.image),
        )
        for hit in hits
    ]
    header = ["rank", "score", "path", "size", "date"]
    if any(hit.matched for hit in hits):
        header.append("matched")
        rows = [(*row, _why(hit)) for row, hit in zip(rows, hits, strict=True)]
    if any(hit.stack for hit in hits):
        header.append("stack")
        rows = [(*row, hit.stack_said) for row, hit in zip(rows, hits, strict=True)]
    links = links_to([hit.path for hit in hits])
    print_table(header, rows, left={2, 5, 6}, long=2, parted=_end_of_matches(hits), links=links)


def links_to(paths: Sequence[Path]) -> list[str]:
    """URLs of files, in ASCII, "" for what is none of this machine's; none without a terminal."""
    from urllib.parse import quote

    def url(path: Path) -> str:
        return "file://" + quote(path.as_posix().encode("utf-8", "surrogateescape"))

    shown = paths if _has_colour() else ()
    return [url(path) if path.is_absolute() else "" for path in shown]


def _end_of_matches(hits: Sequence[SearchHit]) -> tuple[int, str] | None:
    """The first hit that is no match, where there are matches before it, and what is said there."""
    matching = [hit.matches is not False for hit in hits]
    if all(matching) or not matching[0]:
        return None
    return matching.index(False), END_OF_MATCHES


def _why(hit: SearchHit) -> str:
    """What found a hit: its picture, or a text and the beginning of that."""
    if hit.matched is None:
        return "picture"
    if hit.matched.kind == "name":
        return "name"
    text = " ".join(hit.matched.text.split())
    return f"{hit.matched.kind}: {text if len(text) <= SHOWN_TEXT else text[:SHOWN_TEXT] + '…'}"


def _print_csv(hits: Sequence[SearchHit]) -> None:
    from searchengine.retrieval.hits import (
        HIT_FIELDS,
        RELEVANCE_FIELDS,
        STACK_FIELD,
        TEXT_FIELDS,
    )

    records = [hit.record() for hit in hits]
    by_text = any(hit.matched for hit in hits)
    judged = any(hit.relevance is not None for hit in hits)
    header = [
        *HIT_FIELDS, *(TEXT_FIELDS if by_text else ()), *(RELEVANCE_FIELDS if judged else ())
    ]  # fmt: skip
    if any(hit.stack for hit in hits):
        header.append(STACK_FIELD)
        for record, hit in zip(records, hits, strict=True):
            record[STACK_FIELD] = 1 + len(hit.stack)
    print_csv(header, [[record.get(name, "") for name in header] for record in records])


def print_csv(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """CSV with a header on stdout."""
    import csv as csv_module  # most answers need none

    lines = [header, *rows]
    if sys.stdout.isatty():
        lines = [[visible(str(cell)) for cell in line] for line in lines]
    text = io.StringIO()
    csv_module.writer(text).writerows(lines)
    write(text.getvalue())


def _bytes_of(path: str) -> bytes:
    try:
        return os.fsencode(path)
    except UnicodeEncodeError:  # a locale that is narrower than the names
        return path.encode("utf-8", "surrogateescape")


def print_table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    left: set[int],
    long: int | None = None,
    parted: tuple[int, str] | None = None,
    links: Sequence[str] = (),
) -> None:
    """Aligned columns on stdout; the columns in `left` to the left, the others to the right.

    On a terminal the column `long` is shortened to what its width leaves. `parted` is a line, and
    the row that it stands above; `links` is where the texts of `long` lead.
    """
    lines = [[visible(cell) for cell in line] for line in (header, *rows)]
    widths = [max(width(line[column]) for line in lines) for column in range(len(header))]
    if long is not None and sys.stdout.isatty():
        others = sum(widths) - widths[long] + len(GAP) * (len(widths) - 1)
        widths[long] = min(widths[long], max(NARROWEST, get_terminal_size().columns - others))
        for line in lines:
            line[long] = shortened(line[long], widths[long])
    for number, line in enumerate(lines):
        cells = [
            padded(cell, columns, left=column in left)
            for column, (cell, columns) in enumerate(zip(line, widths, strict=True))
        ]
        if number and long is not None and any(links[number - 1 : number]):
            cells[long] = cells[long].replace(line[long], linked(line[long], links[number - 1]))
        if parted is not None and number == parted[0] + 1:
            _say_aside(parted[1])
        text = GAP.join(cells).rstrip()
        if number == 0:
            _say_aside(text)
        else:
            write(text + "\n")


def _say_aside(text: str) -> None:
    write((faint(text) if _has_colour() else text) + "\n")


def _has_colour() -> bool:
    """Whether stdout is a terminal whose user did not ask for no colour (https://no-color.org)."""
    return (
        sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    )


def print_json(value: Any) -> None:  # noqa: ANN401 - a dataclass, or plain values
    """One JSON value on one line of stdout, in printable ASCII."""
    text = json_module.dumps(jsonable(value))
    write(text.replace("\x7f", "\\u007f") + "\n")  # DEL, which JSON lets pass
