"""What filters alone leave: nothing ranks these images, so the latest come first."""

from __future__ import annotations

import os
from collections.abc import Sequence

from cli import output
from cli.notation import date_of, plural
from cli.searching.answer import How, write_page
from searchengine.catalog.catalog import CatalogReads
from searchengine.errors import InputError
from searchengine.library.library import Library
from searchengine.library.places import placed
from searchengine.retrieval.hits import HIT_FIELDS, Order, fields_of
from searchengine.retrieval.where import why_none
from searchengine.types import ImageRecord
from serving.asking.orders import in_order

AT_A_TIME = 256
"""Images whose files are looked at together."""

MOST_GONE = 1000
"""Files that are gone and passed by: a search passes by as many."""

LATEST_FIRST = "the latest first"


def list_images(library: Library, how: How) -> list[ImageRecord]:
    """Show the images that pass the filter, and what there is to say of them; returns them.

    Raises InputError where the filter can leave nothing, NothingListedError for a folder in which
    nothing is listed, SpaceNotFoundError and NothingIndexedError.
    """
    if how.preview:
        from cli.searching.preview import require_terminal

        require_terminal(how.form)
    info = library.space(how.space).info
    order = Order.PATH if how.order is Order.PATH else Order.DATE
    with library.catalog.snapshot() as now:
        where = placed(now, how.where)
        ids = in_order(now, info, where, order).ids.tolist()
        images, gone = _present(now, ids, how.offset + how.k)
        why = None if ids else why_none(where, now, info)
    if why is not None:
        raise InputError(why)
    images = images[how.offset :]
    said = f"Pictures, {LATEST_FIRST if order is Order.DATE else 'by path'}"
    if how.html is not None or how.open_page:
        write_page(how.html, said, images, show=how.open_page)
    if how.taken is not None:
        output.note(how.taken)
    if how.move_list is not None:
        from cli.collecting.moves import print_moves

        print_moves([image.path for image in images], how.move_list, how.form)
    else:
        _print(images, how.form)
    if how.preview:
        from cli.searching.preview import print_pictures

        print_pictures([(image.path.name, image.path) for image in images])
    if how.offset + len(images) < len(ids) - gone:
        output.note(f"{len(images):,} of {plural(len(ids) - gone, 'picture')}; more: --top N")
    if gone:
        output.note(
            f"the files of {plural(gone, 'picture')} are gone; if no drive is missing, bring the "
            "library up to date with: clipseek index PATH"
        )
    return images


def _present(now: CatalogReads, ids: Sequence[int], most: int) -> tuple[list[ImageRecord], int]:
    """The first images of `ids` whose files are there, and how many were passed by.

    Where none is there, the first of those that are gone: a drive may be missing.
    """
    there: list[ImageRecord] = []
    gone: list[ImageRecord] = []
    for start in range(0, len(ids), AT_A_TIME):
        some = ids[start : start + AT_A_TIME]
        records = now.images(some)
        for image in (records[number] for number in some):
            (there if os.path.isfile(image.file.path) else gone).append(image)
            if len(there) == most:
                return there, len(gone)
        if len(gone) >= MOST_GONE:
            break
    return there or gone[:most], len(gone)


def _print(images: Sequence[ImageRecord], form: output.Form) -> None:
    if form is output.Form.JSON:
        for image in images:
            output.print_json(fields_of(image))
    elif form is output.Form.CSV:
        header = HIT_FIELDS[2:]
        fields = map(fields_of, images)
        output.print_csv(header, [[each[name] for name in header] for each in fields])
    elif form is not output.Form.TABLE:
        output.print_paths([image.path for image in images], form)
    elif not images:
        output.note("no pictures")
    else:
        rows = [
            (
                str(image.path),
                f"{image.facts.width}x{image.facts.height}",
                date_of(image),
            )
            for image in images
        ]
        links = output.links_to([image.path for image in images])
        output.print_table(("path", "size", "date"), rows, left={0}, long=0, links=links)
