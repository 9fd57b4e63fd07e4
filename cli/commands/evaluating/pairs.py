"""`clipseek evaluate-pairs`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import output
from cli.commands.evaluating.shared import (
    JsonFileOption,
    ModelOption,
    encoder_name,
    require_outputs,
)
from cli.notation import ABSENT, count, hundredths, interval, plural
from cli.options import (
    MAX_FILE_SIZE,
    MAX_MEGAPIXELS,
    DeviceOption,
    LibraryOption,
    MaxFileSizeOption,
    MaxMegapixelsOption,
    PrecisionOption,
    WorkersOption,
    parse_size,
)

if TYPE_CHECKING:
    from searchengine.evaluation.tasks.selection import AskedChoice, Selection, SelectionRow


def evaluate_pairs(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="SugarCrepe's, ARO's or Winoground's file, or your own: JSON with image or "
            "images, captions and kind, the right caption first. A directory is its JSON files.",
        ),
    ],
    images: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The images. Default: beside FILE.")
    ] = None,
    model: ModelOption = "auto",
    device: DeviceOption = "auto",
    precision: PrecisionOption = "float32",
    workers: WorkersOption = None,
    max_megapixels: MaxMegapixelsOption = MAX_MEGAPIXELS,
    max_file_size: MaxFileSizeOption = MAX_FILE_SIZE,
    prompt: Annotated[
        str, typer.Option(metavar="TEMPLATE", help="Around each caption, which replaces {}.")
    ] = "{}",
    json_file: JsonFileOption = None,
    library: LibraryOption = None,
) -> None:
    """Measure how often the right caption or image is chosen of a few: SugarCrepe and alike."""
    from cli.commands.evaluating.record import STDOUT, write_record
    from cli.progress import TqdmObserver
    from searchengine import load_encoder
    from searchengine.datasets.selection import read_selection
    from searchengine.evaluation.evaluation_set import require_prompt
    from searchengine.evaluation.tasks.pictures import ReadingOptions
    from searchengine.evaluation.tasks.selection import measure_selection

    require_outputs(json_file, read=files)
    require_prompt(prompt)
    task = read_selection(files)
    encoder = load_encoder(encoder_name(model, library), device=device, precision=precision)
    with TqdmObserver("encoding") as observer:
        result = measure_selection(
            task,
            images,
            files[0],
            encoder,
            observer,
            prompt=prompt,
            options=ReadingOptions(workers, max_megapixels, parse_size(max_file_size)),
        )
    total = result.rows[-1]
    output.note(
        f"{result.task}: {plural(total.choices, 'choice')} of {count(len(task.choices))}, read as "
        f"{result.format}; {result.encoder} ({result.precision}) on {result.device}"
    )
    if total.without_picture:
        output.note(
            f"left out: {plural(total.without_picture, 'choice')} without a picture that is here"
        )
    if json_file is not None:
        write_record(json_file, _record(result), choices=[_asked(each) for each in result.asked])
    if json_file != STDOUT:
        _print(result)


def _print(result: Selection) -> None:
    names = list(result.rows[-1].accuracy)
    header = ["right, %", *(head for name in names for head in (name, "95 % CI", "chance"))]
    header += ["choices", "without picture"]
    shown = [row for row in result.rows[:-1] if row.choices >= result.least or not row.choices]
    rows = [_cells(row, names) for row in shown] if len(result.rows) > 2 else []
    if result.mean_of_kinds:
        means = [
            cell
            for name in names
            for cell in (_share(result.mean_of_kinds.get(name)), ABSENT, ABSENT)
        ]
        rows.append(["mean of kinds", *means, ABSENT, ABSENT])
    output.print_table(header, [*rows, _cells(result.rows[-1], names)], left={0})
    hidden = len(result.rows) - 1 - len(shown)
    if hidden:
        output.say(f"{plural(hidden, 'kind')} with fewer than {result.least} choices: only in all")


def _cells(row: SelectionRow, names: list[str]) -> list[str]:
    cells = [row.kind]
    for name in names:
        cells += [
            _share(row.accuracy.get(name)),
            interval(row.intervals.get(name)),
            _share(row.chance.get(name)),
        ]
    return [*cells, count(row.choices), count(row.without_picture)]


def _share(share: float | None) -> str:
    return ABSENT if share is None else hundredths(share, 2)


def _record(result: Selection) -> dict[str, Any]:
    """In JSON's types; the first keys are CLIP_benchmark's, whose metric of this task is "acc"."""
    from cli.commands.evaluating.record import model_of

    model, pretrained = model_of(result.encoder)
    total = result.rows[-1]
    return {
        "dataset": result.task,
        "model": model,
        "pretrained": pretrained,
        "task": "image_caption_selection",
        "language": "en",
        "metrics": {
            **({"acc": total.accuracy["text"]} if "text" in total.accuracy else {}),
            **{f"{name}_acc": share for name, share in total.accuracy.items()},
            **{f"mean_of_kinds_{name}_acc": v for name, v in result.mean_of_kinds.items()},
        },
        "kinds": {
            row.kind: {
                "choices": row.choices,
                "without_picture": row.without_picture,
                "accuracy": row.accuracy,
                "intervals_95": {name: list(bounds) for name, bounds in row.intervals.items()},
                "chance": row.chance,
            }
            for row in result.rows
        },
        "protocol": {
            "format": result.format,
            "encoder": result.encoder,
            "checkpoint": result.checkpoint,
            "precision": result.precision,
            "device": result.device,
            "prompt": result.prompt,
            "ties": "wrong",
        },
        "seconds": result.seconds,
    }


def _asked(each: AskedChoice) -> dict[str, Any]:
    return {
        "kind": each.choice.kind,
        "images": [str(path) for path in each.images],
        "captions": list(each.choice.captions),
        "cosines": each.scores.tolist(),
        "right": each.right,
    }
