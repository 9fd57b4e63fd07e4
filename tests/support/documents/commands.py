"""Every command with its arguments and flags, in the words of `--help`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import typer

from tests.support.commands import all_commands
from tests.support.documents.markdown import code, paragraphs, prose, table

HELP = "--help"
"""Every command has it; it is said once, for the program."""
TYPE = re.compile(r" <[\w\[\]]+>$")


def commands_page() -> str:
    """A section a command, in the order of the program's own help."""
    return "\n\n".join(_section(words, command) for words, command in all_commands().items())


def _section(words: str, command: Any) -> str:
    name = f"clipseek {words}".strip()
    context = typer.Context(command, info_name=name)
    usage = " ".join([name, *command.collect_usage_pieces(context)])
    parts = [f"## {name}", paragraphs(command.help), f"```text\n{usage}\n```"]
    rows = list(_rows(command, context, program=not words))
    if rows:
        parts.append(table(("Argument or flag", "What it does"), rows))
    return "\n\n".join(parts)


def _rows(command: Any, context: Any, program: bool) -> Iterator[tuple[str, str]]:
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record and (program or HELP not in parameter.opts):
            yield _names(record[0]), prose(record[1])


def _names(written: str) -> str:
    """Each spelling as code: "-k, --top N"; what typer thinks of an argument's type is left out."""
    shown = TYPE.sub("", written).replace("|", r"\|")
    return ", ".join(code(spelling) for spelling in shown.split(", "))
