"""`clipseek label`: label sets that are learned from examples, and all that there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from cli import output
from cli.notation import plural
from cli.options import JsonOption, LibraryOption

if TYPE_CHECKING:
    from searchengine.labels.tagging import Tagged
    from searchengine.labels.teaching import Prospect

app = typer.Typer(help="Teach names by examples, list and remove label sets.", no_args_is_help=True)


@app.command("teach")
def teach(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The label, in a word or a few: a lighthouse.")
    ],
    yes: Annotated[
        list[str] | None,
        typer.Option(metavar="PATH", help="An image that shows it, or a folder of such; again."),
    ] = None,
    no: Annotated[
        list[str] | None,
        typer.Option(metavar="PATH", help="An image that does not show it, or a folder; again."),
    ] = None,
    threshold: Annotated[
        float,
        typer.Option(metavar="P", help="The least probability of a label, from 0 to 1."),
    ] = 0.5,
    library: LibraryOption = None,
    json_output: JsonOption = False,
) -> None:
    """Learn what a name means from images that show it and images that do not, and label by it.

    Says first how well the examples find each other, and how many labels are likely to be wrong.
    Examples are kept and join those given before, as does what is said on the page for review;
    without --yes and --no it learns anew from those. Later index runs ask new images too.
    """
    if not 0 <= threshold <= 1:
        raise typer.BadParameter(f"--threshold is a probability, from 0 to 1, not {threshold:g}")
    from searchengine import open_library

    with open_library(library) as opened:
        sets = opened.label_sets
        found = sets.prospect(name, yes or (), no or (), threshold=threshold)
        if not json_output:
            _note(found)
        tagged = sets.teach(name, yes or (), no or (), threshold=threshold)
        labelled = next(each.labelled for each in sets if each.name == tagged.name)
    if json_output:
        output.print_json(_record(found, tagged, labelled))
    else:
        output.note(
            f"{plural(labelled, 'image')} of {found.images:,} labelled {name}; look them through "
            f"on the page of clipseek serve, at /labels/{quote(name)}/review"
        )


def _note(found: Prospect) -> None:
    trial = found.trial
    precision = "none found" if trial.precision is None else f"precision {trial.precision:.0%}"
    output.say(
        f"on your own {trial.yes} + {trial.no} examples, each by the others: {precision}, recall "
        f"{trial.recall:.0%} ({trial.found} of {trial.yes} found, and {trial.wrong} of {trial.no} "
        "wrongly)"
    )
    output.say(
        f"of {found.images:,} images {found.labelled:,} would be labelled, some "
        f"{found.mistakes:.0f} of them wrongly if your examples are like them"
    )


def _record(found: Prospect, tagged: Tagged, labelled: int) -> dict[str, object]:
    trial = found.trial
    return {
        "name": tagged.name,
        "examples": {"yes": trial.yes, "no": trial.no},
        "precision": trial.precision,
        "recall": trial.recall,
        "images": found.images,
        "labelled": labelled,
        "mistakes_expected": found.mistakes,
    }


@app.command("list")
def list_(library: LibraryOption = None, json_output: JsonOption = False) -> None:
    """List the label sets of the library."""
    from searchengine import open_library

    with open_library(library) as opened:
        sets = list(opened.label_sets)
    if json_output:
        for each in sets:
            output.print_json(
                {
                    "name": each.name,
                    "names": [name.name for name in each.names],
                    "taught": each.taught,
                    "threshold": each.threshold,
                    "several": each.several,
                    "labelled": each.labelled,
                    "examples": each.examples,
                }
            )
        return
    rows = [
        (
            each.name,
            "examples" if each.taught else plural(len(each.names), "name"),
            f"{each.threshold:g}",
            f"{each.labelled:,}",
            f"{each.examples:,}",
        )
        for each in sets
    ]
    if rows:
        output.print_table(("set", "by", "threshold", "images", "examples"), rows, left={0, 1})
    else:
        output.note("no label sets; make one with: clipseek tag, or clipseek label teach")


@app.command("remove")
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the label set is called.")],
    library: LibraryOption = None,
) -> None:
    """Take a label set out of the library, with its labels and examples."""
    from searchengine import open_library

    with open_library(library) as opened:
        opened.label_sets.remove(name)
    output.note(f"label set {name}: removed")
