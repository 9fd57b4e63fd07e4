"""Searches line by line, typed or piped in: the library stays open and its encoder loaded."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import suppress

import typer

from cli import output
from searchengine.errors import ClipseekError

PROMPT = "search: "


def answer_lines(answer: Callable[[str], object]) -> None:
    """Answer each line until the end of what is typed; an empty line follows each answer.

    What is wrong with one line is said, and the next is waited for. Ctrl-C gives up a line.
    """
    for line in _lines():
        if not line.strip():
            continue
        try:
            answer(line.strip())
        except (ClipseekError, typer.BadParameter) as error:
            said = error.message if isinstance(error, typer.BadParameter) else str(error)
            output.note(f"clipseek: {said}")
        except KeyboardInterrupt:
            output.note("given up")
        output.say()
        output.finish()


def _lines() -> Iterator[str]:
    if not sys.stdin.isatty():
        yield from sys.stdin
        return
    with suppress(ImportError):  # Windows has none: lines are typed without it
        import readline  # noqa: F401 - it gives `input` its keys and its memory
    while True:
        try:
            yield input(PROMPT)
        except KeyboardInterrupt:
            output.note("")
        except EOFError:
            output.note("")
            return
