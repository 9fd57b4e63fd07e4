"""The `clipseek` command: its parts, and the one place where errors become exit codes."""

from __future__ import annotations

import logging
import os
import sys

import typer

from cli.commands import captions, evaluate, index, inspect, search, serve, tune
from searchengine.errors import ClipseekError

app = typer.Typer(
    name="clipseek",
    help="Index photo folders and search them in natural language, offline.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("index")(index.index)
app.command("search")(search.search)
app.command("serve")(serve.serve)
app.command("describe")(captions.describe)
app.add_typer(captions.app, name="captions")
app.command("evaluate")(evaluate.evaluate)
app.command("tune")(tune.tune)
app.command("info")(inspect.info)
app.command("failures")(inspect.failures)
app.command("remove")(inspect.remove)
app.command("models")(inspect.models)


def main() -> None:
    """Run the command line. Exits with 0, with 1 after a known error, with 2 after wrong usage."""
    notes = logging.StreamHandler()
    notes.setFormatter(logging.Formatter("clipseek: %(message)s"))
    logging.getLogger("clipseek").handlers = [notes]
    try:
        app(prog_name="clipseek")
    except ClipseekError as error:
        print(f"clipseek: {error}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        # The reader has gone (as in `| head`): end in silence, also at interpreter shutdown.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
