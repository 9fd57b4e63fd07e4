"""One search of the command line: from words to what is printed, written and said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cli import output
from cli.terminal import visible
from searchengine.errors import InputError
from searchengine.library.library import Library
from searchengine.retrieval.hints import (
    about_folder,
    about_gone,
    about_language,
    about_spelling,
    hints,
)
from searchengine.retrieval.hits import Order, SearchHit
from searchengine.retrieval.query import Query
from searchengine.types import Filter, ImageRecord


@dataclass(frozen=True, slots=True)
class How:
    """How searches are asked and shown, whatever their words."""

    k: int
    offset: int
    where: Filter
    min_score: float | None
    space: str | None
    exact: bool
    fold: bool
    order: Order
    form: output.Form
    taken: str | None
    """Which place of a name is searched near."""
    html: Path | None
    open_page: bool
    move_list: Path | None
    preview: bool


def answer(
    library: Library, query: Query, words: Sequence[str], said: str, how: How
) -> list[SearchHit]:
    """Search, show the hits and what there is to say of them; returns them.

    `words` are those that were typed, `said` the whole of it for the page. Raises InputError where
    the filter can leave nothing, and what `Library.search` does.
    """
    if how.preview:
        from cli.searching.preview import require_terminal

        require_terminal(how.form)
    hits = library.search(
        query,
        k=how.k,
        offset=how.offset,
        where=how.where,
        min_score=how.min_score,
        space=how.space,
        exact=how.exact,
        present_only=True,
        fold=how.fold,
    )
    hits.put_in(how.order)
    if hits.why_none is not None:
        raise InputError("; ".join([hits.why_none, *about_spelling(hits)]))
    if how.html is not None or how.open_page:
        write_page(how.html, said, hits, show=how.open_page)
    if how.taken is not None:
        output.note(how.taken)
    if hits.no_match is not None:
        output.note(hits.no_match + (":" if hits else ""))
    if how.move_list is not None:
        from cli.collecting.moves import print_moves

        print_moves([hit.path for hit in hits], how.move_list, how.form)
    else:
        output.print_hits(hits, how.form)
    if how.preview:
        from cli.searching.preview import print_pictures

        print_pictures([(f"{hit.rank}  {hit.path.name}", hit.path) for hit in hits])
    lines = [f"{line}; as typed: --as-typed" for line in about_spelling(hits)]
    lines += about_language(hits) + hints(query.sources) + about_folder(words, query.sources)
    for line in lines + about_gone(hits):
        output.note(line)
    return hits


def write_page(
    path: Path | None, said: str, shown: Sequence[SearchHit | ImageRecord], *, show: bool
) -> None:
    """Write the gallery, to a place of its own without a path, and say where; `show` opens it."""
    import tempfile

    from cli.pages.gallery import write_gallery

    page = path or Path(tempfile.mkdtemp(prefix="clipseek-")) / "hits.html"
    write_gallery(page, visible(said), shown)
    output.note(f"gallery: {page.absolute()}")
    if show:
        import webbrowser

        webbrowser.open(page.absolute().as_uri())
