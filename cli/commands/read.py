"""`clipseek read`, `caption` and `ask`: what programs see in pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import output
from cli.notation import plural
from cli.options import JsonOption, LibraryOption

if TYPE_CHECKING:
    from searchengine.readers.interface import Reader
    from searchengine.readers.server import VisionServer

PathsArgument = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[PATH]...", help="Images or folders of the library. Default: all."),
]
LimitOption = Annotated[
    int | None, typer.Option(metavar="N", min=1, help="Look at so many images, then stop.")
]
RetryOption = Annotated[
    bool, typer.Option("--retry-failed", help="Try those again that could not be read.")
]
SERVER = (
    "Of an OpenAI-compatible server, as http://127.0.0.1:11434/v1 (Ollama) or "
    "http://127.0.0.1:8080/v1 (llama.cpp)."
)
RemoteOption = Annotated[
    bool, typer.Option("--allow-remote", help="Send pictures to a server on another machine.")
]


def read(
    paths: PathsArgument = None,
    limit: LimitOption = None,
    retry_failed: RetryOption = False,
    library: LibraryOption = None,
    json_output: JsonOption = False,
) -> None:
    """Read the text in the pictures of a library, so that searches find its words.

    Needs the extra `ocr`. Stop it at any time: the next run goes on from there. `captions remove
    --source ocr` takes it all out again.
    """
    from searchengine.readers.ocr import OcrReader, ocr_state
    from searchengine.types import READ

    _run(paths, OcrReader, READ, ocr_state(), "reading", limit, retry_failed, library, json_output)


def caption(
    model: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="A model of that server, or a CoCa of open_clip for this machine, as "
            "coca_ViT-B-32/mscoco_finetuned_laion2b_s13b_b90k.",
        ),
    ],
    server: Annotated[str | None, typer.Option(metavar="URL", help=SERVER)] = None,
    paths: PathsArgument = None,
    limit: LimitOption = None,
    retry_failed: RetryOption = False,
    allow_remote: RemoteOption = False,
    library: LibraryOption = None,
    json_output: JsonOption = False,
) -> None:
    """Let a model describe the pictures of a library, and search its captions.

    Without --server the model runs here, and nothing leaves this machine. A server is sent each
    picture, 768 pixels at most. Stop it at any time: the next run goes on from there. `captions
    remove --source "model NAME"` takes its captions out again.
    """
    load, source, state = _captioner(server, model, allow_remote=allow_remote)
    _run(paths, load, source, state, "captioning", limit, retry_failed, library, json_output)


def ask(
    pictures: Annotated[list[Path], typer.Argument(metavar="PHOTO...", help="Image files.")],
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="What to ask, in quotes.")],
    server: Annotated[str, typer.Option(metavar="URL", help=SERVER)],
    model: Annotated[str, typer.Option(metavar="NAME", help="A model of that server.")],
    allow_remote: RemoteOption = False,
    store: Annotated[
        bool, typer.Option("--store", help="Keep the answers as captions of these images.")
    ] = False,
    library: LibraryOption = None,
    json_output: JsonOption = False,
) -> None:
    """Ask a vision model of a server about pictures. Answers are printed and not kept."""
    from searchengine import open_library
    from searchengine.files import read_file
    from searchengine.images.decode import read_image

    asked = _server(server, model, question=question, allow_remote=allow_remote)
    answers: list[tuple[str, str]] = []
    for path in pictures:
        picture, _ = read_image(read_file(path), name=path.name, input_size=asked.side)
        answer = " ".join(asked.read(picture))
        answers.append((str(path), answer))
        if json_output:
            output.print_json({"image": path, "answer": answer})
        else:
            output.say(f"{path}: {answer}" if len(pictures) > 1 else answer)
    if store:
        with open_library(library) as opened:
            kept = [pair for pair in answers if pair[1]]
            space = opened.space()
            with opened.writing() as writer:
                added, strangers = writer.add_captions(space, kept, asked.source)
        output.note(f"{plural(added, 'answer')} kept as captions")
        for stranger in strangers:
            output.note(f"{stranger} is not in the library")


def _captioner(
    server: str | None, model: str, *, allow_remote: bool
) -> tuple[Callable[[], Reader], str, str]:
    """What loads the reader, the source of its captions, and its state."""
    if server is not None:
        asked = _server(server, model, allow_remote=allow_remote)
        return lambda: asked, asked.source, asked.state
    from searchengine.encoders.names import canonical_name
    from searchengine.readers import coca

    name = canonical_name(model)
    return lambda: coca.CocaReader(name), coca.coca_source(name), coca.STATE


def _server(url: str, model: str, *, allow_remote: bool, question: str = "") -> VisionServer:
    from searchengine.readers.server import CAPTION, VisionServer

    asked = VisionServer(url, model, question=question or CAPTION, allow_remote=allow_remote)
    if not asked.is_local:
        output.note(f"pictures leave this machine: they are sent to {url}")
    return asked


def _run(
    paths: list[Path] | None,
    load: Callable[[], Reader],
    source: str,
    state: str,
    verb: str,
    limit: int | None,
    retry_failed: bool,
    library: Path | str | None,
    json_output: bool,
) -> None:
    from cli.progress import TqdmObserver
    from searchengine import open_library
    from searchengine.library.readings import read_images

    with open_library(library) as opened, TqdmObserver(verb) as observer:
        try:
            report = read_images(
                opened,
                paths or [],
                load,
                source,
                state,
                observer,
                limit=limit,
                retry_failed=retry_failed,
            )
        except KeyboardInterrupt:
            observer.close()
            output.note("stopped; what was done is saved. Run it again to go on.")
            raise typer.Exit(output.INTERRUPTED) from None
    if json_output:
        output.print_json(report)
        return
    output.say(
        f"{plural(report.images, 'image')}: {report.read:,} read, {report.without_text:,} without "
        f"text, {report.failed:,} failed, {report.before:,} before, {report.left:,} left"
    )
    if report.changed:
        output.note(
            f"{plural(report.changed, 'file')} gone or changed since the last index run, and not "
            "looked at; run: clipseek index PATH"
        )
