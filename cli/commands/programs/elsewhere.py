"""`clipseek import rclip` and `clip-retrieval`: vectors that another program made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli import output
from cli.commands.first_run import none_left_empty
from cli.notation import plural

if TYPE_CHECKING:
    from indexers.elsewhere.listing import Listing
    from indexers.elsewhere.take_over import TakenOver
    from searchengine.encoders.interface import Encoder


def import_rclip(
    database: str | None, library: str | None, model: str | None, *, as_json: bool
) -> None:
    """Take over rclip's vectors, and say what came of it."""
    from indexers.elsewhere.rclip import default_database, open_rclip
    from searchengine.paths import at_home

    path = at_home(database) if database else default_database()
    with open_rclip(path) as opened:
        _take_over(opened, library, model or opened.encoder, as_json=as_json)


def import_clip_retrieval(folder: str, library: str | None, model: str, *, as_json: bool) -> None:
    """Take over clip-retrieval's vectors and captions, and say what came of it."""
    from indexers.elsewhere.clip_retrieval import ClipRetrievalFolder
    from searchengine.paths import at_home

    _take_over(ClipRetrievalFolder(at_home(folder)), library, model, as_json=as_json)


def _take_over(listing: Listing, library: str | None, model: str, *, as_json: bool) -> None:
    from cli.progress import TqdmObserver
    from indexers.elsewhere.take_over import take_over
    from searchengine import load_encoder, open_library
    from searchengine.encoders.names import canonical_name
    from searchengine.errors import InputError

    encoder = canonical_name(model)
    with none_left_empty(library), open_library(library, create=True) as ours:
        with TqdmObserver("taking over") as observer:

            def load() -> Encoder:
                observer.loading()
                return load_encoder(encoder)

            report = take_over(ours, listing, encoder=encoder, load=load, observer=observer)
        if as_json:
            output.print_json(report)
        else:
            _print(report, listing)
        if not len(ours):
            raise InputError(
                f"nothing in {listing.path} could be taken over, so that there is nothing to "
                f"search yet; begin with: clipseek index PATH --model {encoder}"
            )


def _print(report: TakenOver, listing: Listing) -> None:
    place = "folder" if listing.path.is_dir() else "database"
    output.note(
        f"{report.found:,} in {listing.program}'s {place} = {report.taken:,} taken over + "
        f"{report.known:,} known + {report.twice:,} twice + {report.gone:,} gone + "
        f"{report.changed:,} changed + {report.seen_otherwise:,} seen otherwise + "
        f"{report.removed:,} removed + {report.unusable:,} unusable"
    )
    if report.worst_cosine is not None:
        output.note(
            f"{report.checked:,} encoded again: cosines of {report.worst_cosine:.4f} and more. "
            f"Library: {report.library}"
        )
    if report.captions:
        output.note(
            f"{plural(report.captions, 'caption')} too; without them: clipseek captions remove "
            f"--source {listing.program}"
        )
    if report.first_gone is not None:
        output.note(
            f"No file is at {plural(report.gone, 'path')}, the first of them {report.first_gone}; "
            "relative paths start where this command runs"
        )
    if report.changed or report.seen_otherwise or report.unusable:
        output.note("Those that are left, and new ones: clipseek index PATH")
