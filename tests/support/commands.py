"""The commands of `clipseek`, as the program itself lists them."""

from __future__ import annotations

from typing import Any

from typer.main import get_command

from cli.main import app


def all_commands() -> dict[str, Any]:
    """Every command and group by the words that call it, "captions add"; "" is the program."""
    return _below(get_command(app), "")


def leaf_commands() -> list[str]:
    """The words of those that do something, in the order of the help."""
    return [words for words, command in all_commands().items() if not _parts(command)]


def _below(command: Any, words: str) -> dict[str, Any]:
    found = {words: command}
    for name, part in _parts(command).items():
        found |= _below(part, f"{words} {name}".strip())
    return found


def _parts(command: Any) -> dict[str, Any]:
    parts: dict[str, Any] = getattr(command, "commands", {})
    return parts
