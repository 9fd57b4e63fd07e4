"""The `clipseek` command: its parts, and the one place where errors become exit codes."""

from __future__ import annotations

import io
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from copy import copy
from itertools import pairwise
from typing import Annotated

import typer

from cli import output
from cli.commands import (
    captions,
    check,
    duplicates,
    gathered,
    index,
    inspect,
    models,
    read,
    search,
    serve,
    spaces,
    tune,
)
from cli.commands.evaluating import classes, compare, evaluate, judge, pairs, searches
from cli.commands.labels import align, label, tag
from cli.commands.sharded import exchange, look

WRONG_USAGE: type[typer.BadParameter] = typer.BadParameter.__bases__[0]
"""What typer raises for wrong usage of any kind; it has no name for it."""

app = typer.Typer(
    name="clipseek",
    invoke_without_command=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("index")(index.index)
app.command("search", cls=search.SearchCommand)(search.search)
app.command("serve")(serve.serve)
app.command("mcp")(serve.mcp)
app.command("describe")(captions.describe)
app.add_typer(captions.app, name="captions")
app.command("read")(read.read)
app.command("caption")(read.caption)
app.command("ask")(read.ask)
app.command("tag")(tag.tag)
app.add_typer(label.app, name="label")
app.command("align")(align.align)
app.command("evaluate")(evaluate.evaluate)
app.command("evaluate-classes")(classes.evaluate_classes)
app.command("evaluate-pairs")(pairs.evaluate_pairs)
app.command("evaluate-searches")(searches.evaluate_searches)
app.command("judge")(judge.judge)
app.command("compare")(compare.compare)
app.add_typer(gathered.app, name="album")
app.command("places")(gathered.places)
app.command("duplicates")(duplicates.duplicates)
app.command("tune")(tune.tune)
app.command("info")(inspect.info)
app.command("failures")(inspect.failures)
app.command("use")(spaces.use)
app.command("forget")(spaces.forget)
app.command("remove")(inspect.remove)
app.command("check")(check.check)
app.add_typer(look.app, name="snapshots")
app.command("export")(exchange.export)
app.command("import")(exchange.import_)
app.command("models")(models.models)


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        output.say(f"clipseek {version('clipseek')}")
        raise typer.Exit


@app.callback()
def _program(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Index photo folders and search them in natural language, offline."""
    if context.invoked_subcommand is None:
        from cli.next_steps import next_steps, program, shorter

        for line in [*next_steps(), *shorter(), f"Everything else: {program()} --help"]:
            output.say(line)


class _Notes(logging.Handler):
    """What the library logs, as notes."""

    def emit(self, record: logging.LogRecord) -> None:
        output.note(f"clipseek: {record.getMessage()}")


def main() -> None:
    """Run the command line. Exits with 0, with 1 after an error, with 2 after wrong usage."""
    output.prepare()
    # typer's arguments go through pydantic, which would look for plugins in every installed package
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    logging.getLogger("clipseek").handlers = [_Notes()]
    sys.exit(_run())


def _run() -> int:
    """The exit code of the command in `sys.argv`: the one place where errors become lines."""
    try:
        _require_values(sys.argv[1:])
        code = _program_for(sys.argv[1:])(prog_name="clipseek", standalone_mode=False)
        output.finish()
    except WRONG_USAGE as error:
        return _wrong_usage(error)
    except output.ReaderGone:
        output.abandon()
        return 0
    except typer.Abort:
        return output.INTERRUPTED
    except Exception as error:
        return _failed(error)
    return code if isinstance(code, int) else 0


def _require_values(arguments: Sequence[str]) -> None:
    """Raises wrong usage for an empty argument, as "$FOLDER" is where it is not set.

    As a path it would be this folder, and as a filter none. `--exclude ''` says something.
    """
    for before, argument in pairwise(["clipseek", *arguments]):
        option, sign, value = argument.partition("=")
        if not (sign and option.startswith("--")):
            option, value = before, argument
        if not value and option != "--exclude":
            raise typer.BadParameter(f"an empty argument after {option}")


def _program_for(arguments: Sequence[str]) -> typer.Typer:
    """The command that is meant, where the first argument names one, else all of them.

    typer looks at each parameter of each command that it is given, which takes 0.06 s for all.
    """
    name = arguments[0] if arguments else ""
    commands = [command for command in app.registered_commands if command.name == name]
    groups = [group for group in app.registered_groups if group.name == name]
    if not commands and not groups:
        return app
    one = copy(app)
    one.registered_commands, one.registered_groups = commands, groups
    return one


def _wrong_usage(error: typer.BadParameter) -> int:
    said = io.StringIO()
    error.show(file=said)
    for line in said.getvalue().splitlines():
        output.note(line)
    return error.exit_code


def _failed(error: Exception) -> int:
    from cli.problems import TRACEBACK, message_of  # most commands end well

    try:
        output.finish()  # what was found before it
    except (output.WriteError, output.ReaderGone):
        output.abandon()
    if os.environ.get(TRACEBACK):
        for line in "".join(traceback.format_exception(error)).splitlines():
            output.note(line)
    output.note(f"clipseek: {message_of(error)}")
    return 1
