"""`clipseek import rclip`: vectors that another program made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cli import output
from cli.commands.first_run import none_left_empty

if TYPE_CHECKING:
    from indexers.elsewhere.take_over import TakenOver
    from searchengine.encoders.interface import Encoder


def import_rclip(
    database: str | None, library: str | None, model: str | None, *, as_json: bool
) -> None:
    """Take over rclip's vectors, and say what came of it."""
    from cli.progress import TqdmObserver
    from indexers.elsewhere.rclip import default_database, open_rclip
    from indexers.elsewhere.take_over import take_over
    from searchengine import load_encoder, open_library
    from searchengine.encoders.names import canonical_name

    path = Path(database).expanduser() if database else default_database()
    with (
        open_rclip(path) as opened,
        none_left_empty(library),
        open_library(library, create=True) as ours,
        TqdmObserver("taking over") as observer,
    ):
        encoder = canonical_name(model or opened.encoder)

        def load() -> Encoder:
            observer.loading()
            return load_encoder(encoder)

        report = take_over(ours, opened, encoder=encoder, load=load, observer=observer)
    if as_json:
        output.print_json(report)
    else:
        _print(report)


def _print(report: TakenOver) -> None:
    output.note(
        f"{report.found:,} in rclip's database = {report.taken:,} taken over + {report.known:,} "
        f"known + {report.gone:,} gone + {report.changed:,} changed + {report.seen_otherwise:,} "
        f"seen otherwise + {report.removed:,} removed + {report.unusable:,} unusable"
    )
    if report.worst_cosine is not None:
        output.note(
            f"{report.checked:,} encoded again: cosines of {report.worst_cosine:.4f} and more. "
            f"Library: {report.library}"
        )
    if report.changed or report.seen_otherwise or report.unusable:
        output.note("Those that are left, and new ones: clipseek index PATH")
