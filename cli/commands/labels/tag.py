"""`clipseek tag`."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import output
from cli.notation import plural
from cli.options import LibraryOption

if TYPE_CHECKING:
    from searchengine.labels.names import Name
    from searchengine.labels.tagging import Tagged
    from searchengine.library.learned.labels import ImageLabels


class Write(Enum):
    """Where labels go beside the catalog."""

    CATALOG = "catalog"
    CSV = "csv"
    XMP = "xmp"


def tag(
    names: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Names, one a line; ` = ` before a synonym, ` < ` before a broader name.",
        ),
    ] = None,
    shipped: Annotated[
        str | None,
        typer.Option(
            "--set",
            metavar="NAME",
            help="Names that ship: photographer, scenes, documents or imagenet.",
        ),
    ] = None,
    called: Annotated[
        str | None,
        typer.Option("--as", metavar="NAME", help="What the set is called. Default: as FILE is."),
    ] = None,
    threshold: Annotated[
        float,
        typer.Option(
            metavar="P",
            help="The least probability of a label, from 0 to 1. At 0.5 a name is more probable "
            "than all others and none of these together; lower finds more and errs more.",
        ),
    ] = 0.5,
    several: Annotated[
        bool,
        typer.Option("--several", help="Let an image have several names: each is asked alone."),
    ] = False,
    write: Annotated[
        Write,
        typer.Option(
            help="Also print them as CSV, or put them into XMP files beside the pictures, where "
            "they join the keywords that are there. Pictures are never written.",
        ),
    ] = Write.CATALOG,
    library: LibraryOption = None,
    json_output: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a line for each image.")
    ] = False,
) -> None:
    """Name what images show, of a list of names; "none of these" is an answer.

    The labels are kept in the library: search --label finds by them, and later index runs ask new
    images too. A run that is stopped goes on where it was.
    """
    if (names is None) == (shipped is None):
        raise typer.BadParameter("give --names FILE or --set NAME, one of them")
    if not 0 <= threshold <= 1:
        raise typer.BadParameter(f"--threshold is a probability, from 0 to 1, not {threshold:g}")
    if json_output and write is Write.CSV:
        raise typer.BadParameter("--json and --write csv: choose one")
    from searchengine import open_library

    with open_library(library) as opened:
        sets = opened.label_sets
        tagged = sets.tag(
            names if names is not None else shipped or "",
            name=called,
            threshold=threshold,
            several=several,
        )
        found = list(sets.labels(tagged.name))
        if json_output:
            for image in found:
                output.print_json(image)
        elif write is Write.CSV:
            _print_csv(found)
        else:
            _print_counts(found)
        _note(tagged, found, threshold)
        [told] = [each for each in sets if each.name == tagged.name]
        unread = None
        if tagged.asked:
            unread = opened.about_reading([word for name in told.names for word in name.words])
        refused = _write_sidecars(found, told.names) if write is Write.XMP else 0
    if unread is not None:
        output.note(unread)
    if refused:
        raise typer.Exit(1)


def _print_csv(found: Iterable[ImageLabels]) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("path", "label", "probability"))
    for image in found:
        for label in image.labels:
            writer.writerow((image.path, label.name, f"{label.probability:.4f}"))
    output.write(text.getvalue())


def _print_counts(found: Iterable[ImageLabels]) -> None:
    counts = Counter(label.name for image in found for label in image.labels)
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    rows = [(name, f"{number:,}") for name, number in ordered]
    if rows:
        output.print_table(("label", "images"), rows, left={0})


def _note(tagged: Tagged, found: list[ImageLabels], threshold: float) -> None:
    none = sum(not image.labels for image in found)
    output.note(
        f"{plural(tagged.asked, 'image')} asked; of {len(found):,} in all {len(found) - none:,} "
        f"have a label of {tagged.name}, {none:,} none of these (threshold {threshold:g})"
    )


def _write_sidecars(found: Iterable[ImageLabels], names: Iterable[Name]) -> int:
    """Returns how many could not be written."""
    from searchengine.errors import InputError
    from searchengine.labels.names import above
    from searchengine.sidecars.write import add_keywords

    known = {each.name: each for each in names}
    written = refused = 0
    for image in found:
        labels = [known[label.name] for label in image.labels if label.name in known]
        if not labels:
            continue
        paths = [[label.name, *(each.name for each in above(label, known))] for label in labels]
        try:
            written += add_keywords(
                image.path, [path[0] for path in paths], [path[::-1] for path in paths]
            )
        except InputError as error:
            refused += 1
            output.note(f"skipping {error}")
    output.note(
        f"{plural(written, 'XMP file')} written beside pictures"
        + (f", {refused:,} could not be" if refused else "")
    )
    return refused
