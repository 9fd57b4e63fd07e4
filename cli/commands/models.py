"""`clipseek models`: which encoders there are, which to take, and how fast they are here."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from cli import output
from cli.notation import plural
from cli.options import DeviceOption, JsonOption

if TYPE_CHECKING:
    from searchengine.encoders.openvino.measure import Speed
    from searchengine.encoders.table import ModelInfo


def models(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Encoders to time: --measure.")
    ] = None,
    measure: Annotated[
        bool,
        typer.Option(
            "--measure",
            help="Time the encoders named here, with random weights: nothing is downloaded.",
        ),
    ] = False,
    download: Annotated[
        str | None,
        typer.Option(
            "--download",
            metavar="NAME",
            help="Get the weights of this encoder now, so that searches need no network.",
        ),
    ] = None,
    device: DeviceOption = "auto",
    json_output: JsonOption = False,
) -> None:
    """List encoders, which to take for what, and whether they are on this machine."""
    if bool(names) != measure:
        raise typer.BadParameter("names and --measure go together: clipseek models --measure NAME")
    if download is not None:
        _download(download)
    elif names:
        _measure(names, device, as_json=json_output)
    else:
        _list(as_json=json_output)


def _download(name: str) -> None:
    from searchengine import load_encoder
    from searchengine.encoders.choice import choose_encoder

    choice = choose_encoder(name, ())
    if choice.note is not None:
        output.note(choice.note)
    output.note(f"{load_encoder(choice.name, precision='float32').name} is on this machine")


def _measure(names: Sequence[str], device: str, *, as_json: bool) -> None:
    from searchengine.encoders.openvino.measure import measure

    speeds = []
    for name in names:
        output.note(f"measuring {name}")
        speeds.append(measure(name, device=device))
    if as_json:
        output.print_json(speeds)
        return
    rows = [
        (
            speed.name,
            speed.device,
            speed.runtime,
            speed.precision,
            f"{speed.image_ms:.1f}",
            f"{speed.one_image_ms:.1f}",
            f"{speed.text_ms:.1f}",
            f"{1000 / speed.image_ms:,.0f}",
        )
        for speed in speeds
    ]
    header = (
        "name", "device", "runtime", "precision", "ms/image", "ms/image alone", "ms/text",
        "images/s",
    )  # fmt: skip
    output.print_table(header, rows, left={0, 1, 2, 3})


def _list(*, as_json: bool) -> None:
    from searchengine.encoders.openvino.measure import remembered
    from searchengine.encoders.registry import is_cached
    from searchengine.encoders.table import models

    here = {model.name: is_cached(model.name) for model in models()}
    speeds = remembered()
    if as_json:
        output.print_json(
            [
                dataclasses.asdict(model)
                | {"cached": here[model.name], "measured": speeds.get(model.name)}
                for model in models()
            ]
        )
        return
    _print_table(models(), here, speeds)
    output.say()
    output.print_table(
        ("take", "for", "because"),
        [(model.name, model.take_for, _why(model)) for model in models() if model.take_for],
        left={0, 1, 2},
    )
    output.note(
        "R@1: published zero-shot text-to-image recall; XM3600: the mean of R@1, 5 and 10 on "
        "Crossmodal-3600 in English; languages: in how many of its 36 that is half or more; "
        "GFLOPs: of an image; ms here: of an image, see --measure; *: not free for every use. Any "
        "open_clip ARCH/TAG works too."
    )


def _print_table(
    models: Sequence[ModelInfo], here: Mapping[str, bool], speeds: Mapping[str, Speed]
) -> None:
    rows = [
        (
            model.name,
            f"{model.parameters:,.0f} M",
            f"{model.input_size} px",
            model.licence if model.free else f"{model.licence} *",
            str(len(model.languages) or "?"),
            _percent(model.flickr30k_r1),
            _percent(model.coco_r1),
            _percent(model.xm3600_en),
            f"{model.image_gflops:,.1f}",
            f"{speeds[model.name].image_ms:.1f}" if model.name in speeds else "-",
            "yes" if here[model.name] else "no",
        )
        for model in models
    ]
    header = (
        "name", "params", "input", "licence", "languages", "Flickr30k R@1", "COCO R@1", "XM3600",
        "GFLOPs", "ms here", "cached",
    )  # fmt: skip
    output.print_table(header, rows, left={0, 3})


def _why(model: ModelInfo) -> str:
    """The row in words: what it costs, what it finds, in how many languages."""
    if model.hub_repo is None:
        return model.note
    cost = f"{model.bytes / 1e9:.1f} GB"
    known = plural(len(model.languages), "language")
    return f"{cost}, XM3600 {_percent(model.xm3600_en)}, {known}; {model.note}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"
