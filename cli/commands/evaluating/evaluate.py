"""`clipseek evaluate`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import output
from cli.commands.evaluating.shared import (
    ByOption,
    JsonFileOption,
    encoder_name,
    require_comparable,
    require_outputs,
)
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
    from searchengine.evaluation.evaluate import Answered
    from searchengine.evaluation.evaluation_set import EvaluationOptions

SHOWN = 3
"""Queries won and lost that are listed where two encoders are compared."""


def evaluate(
    captions: Annotated[
        Path | None,
        typer.Argument(
            metavar="[CAPTIONS]",
            help="Caption file: Karpathy or COCO JSON, token file, CSV, JSON Lines, VSE++ pair; or "
            "WebDataset tars, parquet tables or vectors in clip-retrieval's layout. Default: the "
            "library's own captions, by its vectors.",
        ),
    ] = None,
    images: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The images. Default: beside CAPTIONS.")
    ] = None,
    format: Annotated[  # noqa: A002
        str,
        typer.Option(
            metavar="NAME",
            help="auto, karpathy, coco, token, kaggle, csv, jsonl or vsepp. auto looks inside.",
        ),
    ] = "auto",
    split: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Default: test, or the only one. all takes every image."),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Encoder: small, balanced or best, or a name (see: clipseek models); two to "
            "compare them. Default: the library's, if any.",
        ),
    ] = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "float32",
    workers: WorkersOption = None,
    max_megapixels: MaxMegapixelsOption = MAX_MEGAPIXELS,
    max_file_size: MaxFileSizeOption = MAX_FILE_SIZE,
    through: Annotated[
        str,
        typer.Option(
            metavar="exact|index|both", help="Ways to the answers whose loss and speed to measure."
        ),
    ] = "exact",
    k: Annotated[str, typer.Option("-k", "--k", metavar="K,...", help="Ks of R@K.")] = "1,5,10",
    captions_per_image: Annotated[
        str, typer.Option(metavar="N|all", help="The first N of each image; papers take 5.")
    ] = "5",
    positives: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE|eccv|cxc",
            help="Measure on these right answers as well: TREC qrels or JSON.",
        ),
    ] = None,
    by: ByOption = None,
    prompt: Annotated[
        str, typer.Option(metavar="TEMPLATE", help="Around each caption, which replaces {}.")
    ] = "{}",
    distractors: Annotated[
        Path | None,
        typer.Option(
            metavar="LIBRARY", help="Add this library's images to the gallery, as wrong answers."
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Only the first N images.")
    ] = None,
    json_file: JsonFileOption = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Write a page to look at.")
    ] = None,
    results: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Write every query as JSON Lines, and TREC runs and qrels."
        ),
    ] = None,
    vectors: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write the vectors in clip-retrieval's layout."),
    ] = None,
    library: LibraryOption = None,
) -> None:
    """Measure retrieval both ways on captioned images: R@K as papers report it."""
    from cli.commands.evaluating.languages import show_languages
    from cli.progress import TqdmObserver
    from searchengine import load_encoder
    from searchengine.datasets import parquet
    from searchengine.encoders.choice import AUTO
    from searchengine.evaluation.evaluation_set import EvaluationOptions, read_language_sets
    from searchengine.evaluation.tasks.languages import measure_languages

    options = EvaluationOptions(
        images=images,
        format=format,
        split=split,
        ks=tuple(sorted({_number(part, "--k") for part in k.split(",")})),
        captions_per_image=_captions_per_image(captions_per_image),
        prompt=prompt,
        limit=limit,
        through=through,
        positives=tuple(positives or ()),
        by=by,
        workers=workers,
        max_megapixels=max_megapixels,
        max_file_size=parse_size(max_file_size),
    )
    if by is not None and captions is None:
        raise typer.BadParameter(
            "--by takes a caption file; the library's captions have no columns"
        )
    require_outputs(
        json_file,
        report,
        folders=(results, vectors),
        read=(captions, *(Path(file) for file in positives or ())),
    )
    if vectors is not None:
        parquet.require()
    models = model or [AUTO]
    require_comparable(
        models,
        writes=bool(json_file or report or results or vectors),
        measures_more=bool(by or positives or through != "exact"),
    )
    if captions is None and distractors is not None:
        raise typer.BadParameter("the library's other images are the wrong answers already")
    if captions is not None and (sets := read_language_sets(captions, options)):
        if distractors or positives or by or report or results or vectors or through != "exact":
            raise typer.BadParameter(
                "captions in several languages take a row each in the table and in --json, and no "
                "--distractors, --positives, --by, --through, --report, --results or --vectors"
            )
        encoder = load_encoder(encoder_name(models[0], library), device=device, precision=precision)
        with TqdmObserver("encoding") as observer:
            rows = measure_languages(sets, encoder, observer)
        show_languages(captions, encoder, prompt, rows, json_file)
        return

    def answer(name: str) -> AbstractContextManager[Answered]:
        if captions is None:
            return _own(library, name, options)
        return _answered(captions, options, name, library, distractors, device, precision)

    with answer(models[0]) as first:
        if len(models) == 1:
            _show(first, json_file, report, results, vectors)
            return
        with answer(models[1]) as second:
            _compare(first, second)


@contextmanager
def _own(library: str | None, model: str, options: EvaluationOptions) -> Iterator[Answered]:
    """On the library's own captions, by the vectors of the space of an encoder."""
    from cli.progress import TqdmObserver
    from searchengine import open_library
    from searchengine.encoders.choice import AUTO
    from searchengine.evaluation import evaluate as evaluation
    from searchengine.evaluation.evaluation_set import given_evaluation_set
    from searchengine.library.judging.own_captions import read_own_captions

    with open_library(library) as own:
        dataset, rows, others = read_own_captions(own, None if model == AUTO else model)
    asked = given_evaluation_set(dataset, options)
    with TqdmObserver("encoding") as observer:
        answered = evaluation.answer(asked, rows, observer, others)
    yield answered


@contextmanager
def _answered(
    captions: Path,
    options: EvaluationOptions,
    model: str,
    library: str | None,
    distractors: Path | None,
    device: str,
    precision: str,
) -> Iterator[Answered]:
    """On a caption file; what was unpacked for it goes away at the end."""
    from cli.progress import TqdmObserver
    from searchengine import load_encoder, open_library
    from searchengine.errors import InputError
    from searchengine.evaluation import evaluate as evaluation
    from searchengine.evaluation.evaluation_set import opened_evaluation_set
    from searchengine.library.distractors import read_distractors

    with (
        opened_evaluation_set(captions, options) as (asked, given),
        nullcontext() if distractors is None else open_library(distractors) as others,
    ):
        wrong_answers = None
        if given is None:
            name = encoder_name(model, library or distractors)
            encoder = load_encoder(name, device=device, precision=precision)
            wrong_answers = None if others is None else read_distractors(others, encoder)
        elif others is not None:
            raise InputError(f"{captions}: vectors of an unknown encoder, so no --distractors")
        with TqdmObserver("encoding") as observer:
            answered = evaluation.answer(asked, given or encoder, observer, wrong_answers)
        yield answered


def _compare(first: Answered, second: Answered) -> None:
    from cli.commands.evaluating.compare import print_comparison
    from cli.commands.evaluating.record import whole_record
    from cli.commands.evaluating.tables import print_notes
    from searchengine.evaluation.compare import compare_records

    both = first.evaluation, second.evaluation
    for each in both:
        print_notes(each)
    one, other = (whole_record(each) for each in both)
    names = both[0].protocol.encoder, both[1].protocol.encoder
    print_comparison(compare_records(one, other, names), SHOWN)


def _captions_per_image(text: str) -> int | None:
    return None if text == "all" else _number(text, "--captions-per-image")


def _number(text: str, flag: str) -> int:
    if not text.strip().isdecimal() or int(text) < 1:
        raise typer.BadParameter(f"{text!r} is no whole number above 0", param_hint=flag)
    return int(text)


def _show(
    answered: Answered,
    json_file: Path | None,
    report: Path | None,
    results: Path | None,
    vectors: Path | None,
) -> None:
    """Write the files and print the tables: a full disk costs the files and not the numbers."""
    from cli.commands.evaluating import record
    from cli.commands.evaluating.tables import print_notes, print_tables
    from cli.pages.report import write_report

    result = answered.evaluation
    print_notes(result)
    try:
        if json_file is not None:
            record.write(json_file, result)
        if report is not None:
            write_report(report, result)
            output.note(f"the page: {report}")
        if results is not None:
            _write_results(answered, results)
        if vectors is not None:
            _write_vectors(answered, vectors)
    finally:
        if json_file != record.STDOUT:
            print_tables(result)


def _write_results(answered: Answered, directory: Path) -> None:
    from cli.commands.evaluating import record
    from searchengine.evaluation.exchange import write_trec

    data = answered.data
    further = [str(path) for path in data.paths[len(answered.images) :]]
    write_trec(directory, answered.images, data.images, data.texts, data.owners, further)
    record.write_queries(directory / "queries.jsonl", answered.evaluation)
    output.note(f"every query: {directory}")


def _write_vectors(answered: Answered, directory: Path) -> None:
    from searchengine.datasets.stored_vectors import write_vectors

    data = answered.data
    write_vectors(directory, data.images, data.texts, data.owners, data.paths, data.captions)
    output.note(f"the vectors: {directory}")
