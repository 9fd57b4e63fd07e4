"""`clipseek evaluate-classes`."""

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
from cli.notation import count, hundredths, interval, plural
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
    from searchengine.evaluation.tasks.classification import Accuracy, Classification

SHOWN = 5
"""Confusions on the terminal; the page and the JSON file have more."""


def evaluate_classes(
    pictures: Annotated[
        Path,
        typer.Argument(
            metavar="DIR|FILE",
            help="A folder of folders, one a class, or CSV or JSON Lines with image and class.",
        ),
    ],
    images: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The images of FILE. Default: beside it.")
    ] = None,
    names: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="What the classes are called: a name a line, or folder, tab, name. More names "
            "than classes are offered as well. Default: the names of the folders.",
        ),
    ] = None,
    templates: Annotated[
        str,
        typer.Option(
            metavar="openai|simple|FILE|TEXT",
            help="Around each name: open_clip's 80 or 7, a file with one a line, or one with {}.",
        ),
    ] = "openai",
    train: Annotated[
        Path | None,
        typer.Option(metavar="DIR|FILE", help="Let k-NN and a linear probe learn from these."),
    ] = None,
    probes: Annotated[
        bool,
        typer.Option("--probes", help="Probe in five folds of the images, without --train."),
    ] = False,
    model: ModelOption = "auto",
    device: DeviceOption = "auto",
    precision: PrecisionOption = "float32",
    workers: WorkersOption = None,
    max_megapixels: MaxMegapixelsOption = MAX_MEGAPIXELS,
    max_file_size: MaxFileSizeOption = MAX_FILE_SIZE,
    json_file: JsonFileOption = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Write a page to look at.")
    ] = None,
    library: LibraryOption = None,
) -> None:
    """Measure how well pictures are named without training: zero-shot classification."""
    from cli.commands.evaluating.record import STDOUT, write_record
    from cli.pages.classes_report import write_classes_report
    from cli.progress import TqdmObserver
    from searchengine import load_encoder
    from searchengine.datasets.classes import read_labelled, read_names
    from searchengine.evaluation.tasks.classification import measure_classification
    from searchengine.evaluation.tasks.pictures import ReadingOptions
    from searchengine.evaluation.tasks.templates import read_templates

    read = (pictures, names, Path(templates), train)
    require_outputs(json_file, report, read=read)
    sentences = read_templates(templates)
    labelled = read_labelled(pictures)
    taught = None if train is None else read_labelled(train)
    offered = read_names(names, [*labelled.classes, *(taught.classes if taught else ())])
    if offered.by_order:
        output.note(f"{names}: its names go to the sorted classes in their order")
    encoder = load_encoder(encoder_name(model, library), device=device, precision=precision)
    with TqdmObserver("encoding") as observer:
        result = measure_classification(
            labelled,
            offered,
            sentences,
            encoder,
            observer,
            directory=images,
            train=taught,
            with_probes=probes,
            options=ReadingOptions(workers, max_megapixels, parse_size(max_file_size)),
        )
    _print_notes(result)
    if json_file is not None:
        write_record(json_file, _record(result), images=_images(result))
    if report is not None:
        write_classes_report(report, result)
        output.note(f"the page: {report}")
    if json_file != STDOUT:
        _print(result)


def _print_notes(result: Classification) -> None:
    output.note(
        f"{result.dataset}: {plural(result.images, 'image')}, "
        f"{plural(len(result.classes), 'class', 'classes')}, "
        f"{plural(len(result.templates.texts), 'template')} ({result.templates.name}); "
        f"{result.encoder} ({result.precision}) on {result.device}"
    )
    if result.missing or result.unreadable:
        output.note(
            f"left out: {count(result.missing)} missing, {count(result.unreadable)} unreadable"
        )
    for warning in result.warnings:
        output.note(f"warning: {warning}")
    empty = len(result.classes) - len(result.per_class)
    if empty:
        output.note(f"{plural(empty, 'class', 'classes')} without images: offered, never right")


def _print(result: Classification) -> None:
    header = ["zero-shot, %", "top-1", "95 % CI", "top-5", "95 % CI", "mean per class"]
    row = [
        result.encoder,
        hundredths(result.zero_shot.top_1, 2),
        interval(result.zero_shot.interval),
        hundredths(result.top_5, 2),
        interval(result.top_5_interval),
        hundredths(result.zero_shot.mean_per_class, 2),
        hundredths(result.confidence, 2),
        hundredths(result.calibration_error, 2),
    ]
    output.print_table([*header, "confidence", "ECE"], [row], left={0})
    if result.probes:
        output.say()
        head = [f"learned from {result.learned_from}, %", "top-1", "95 % CI", "mean per class"]
        output.print_table(head, [_probe(each) for each in result.probes], left={0})
    if result.confusions:
        output.say()
        rows = [
            [each.name, each.taken_for, f"{count(each.times)} of {count(each.of)}"]
            for each in result.confusions[:SHOWN]
        ]
        output.print_table(["class", "taken for", "images"], rows, left={0, 1})


def _probe(each: Accuracy) -> list[str]:
    return [
        each.way,
        hundredths(each.top_1, 2),
        interval(each.interval),
        hundredths(each.mean_per_class, 2),
    ]


def _record(result: Classification) -> dict[str, Any]:
    """In JSON's types; the first keys and those of the first three metrics are CLIP_benchmark's."""
    from cli.commands.evaluating.record import model_of

    model, pretrained = model_of(result.encoder)
    return {
        "dataset": result.dataset,
        "model": model,
        "pretrained": pretrained,
        "task": "zeroshot_classification",
        "language": "en",
        "metrics": {
            "acc1": result.zero_shot.top_1,
            "acc5": result.top_5,
            "mean_per_class_recall": result.zero_shot.mean_per_class,
            "ece": result.calibration_error,
            "confidence": result.confidence,
            **{f"{_key(each)}_acc1": each.top_1 for each in result.probes},
            **{
                f"{_key(each)}_mean_per_class_recall": each.mean_per_class for each in result.probes
            },
        },
        "intervals_95": {
            "acc1": list(result.zero_shot.interval),
            "acc5": list(result.top_5_interval),
            **{f"{_key(each)}_acc1": list(each.interval) for each in result.probes},
        },
        "warnings": list(result.warnings),
        "per_class": result.per_class,
        "confusions": [
            {
                "class": each.name,
                "taken_for": each.taken_for,
                "times": each.times,
                "of": each.of,
                "examples": [str(path) for path in each.examples],
            }
            for each in result.confusions
        ],
        "protocol": {
            "images": result.images,
            "classes": list(result.classes),
            "missing_images": result.missing,
            "unreadable_images": result.unreadable,
            "templates": list(result.templates.texts),
            "encoder": result.encoder,
            "checkpoint": result.checkpoint,
            "precision": result.precision,
            "device": result.device,
            "logit_scale": result.logit_scale,
            "learned_from": result.learned_from,
            "ties": "the earlier class",
        },
        "seconds": result.seconds,
    }


def _key(each: Accuracy) -> str:
    return {"k-NN": "knn", "linear probe": "linear_probe"}[each.way]


def _images(result: Classification) -> list[dict[str, Any]]:
    rows = zip(
        result.files,
        result.truth.tolist(),
        result.chosen.first.tolist(),
        result.chosen.ranks.tolist(),
        result.chosen.confidence.tolist(),
        strict=True,
    )
    return [
        {
            "image": str(path),
            "class": result.classes[truth],
            "chosen": result.classes[first],
            "rank": rank,
            "confidence": confidence,
        }
        for path, truth, first, rank, confidence in rows
    ]
