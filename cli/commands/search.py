"""`clipseek search`."""

from __future__ import annotations

import tempfile
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import output
from cli.options import LibraryOption, SpaceOption, parse_date

if TYPE_CHECKING:
    from searchengine import SearchHit


def search(
    terms: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TERMS...",
            help="Words, image files or image URLs, joined by + and -; "
            'a number gives a weight: "2:golden retriever" + ./pool.jpg - fruit',
        ),
    ] = None,
    k: Annotated[int, typer.Option("-k", "-n", "--top", metavar="N", min=1, help="Hits.")] = 10,
    offset: Annotated[
        int, typer.Option(metavar="N", min=0, help="Leave out the first N hits.")
    ] = 0,
    add: Annotated[
        list[str] | None, typer.Option("-a", "--add", metavar="TERM", help="One more term.")
    ] = None,
    sub: Annotated[
        list[str] | None, typer.Option("-s", "--sub", metavar="TERM", help="A term to subtract.")
    ] = None,
    library: LibraryOption = None,
    space: SpaceOption = None,
    under: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Only images in this folder or below.")
    ] = None,
    after: Annotated[
        str | None, typer.Option(metavar="DATE", help="Only images taken at or after it.")
    ] = None,
    before: Annotated[
        str | None, typer.Option(metavar="DATE", help="Only images taken before it.")
    ] = None,
    camera: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Only images of cameras named like this.")
    ] = None,
    min_score: Annotated[
        float | None, typer.Option(metavar="X", help="Only hits with at least this cosine.")
    ] = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="Compare with every vector, not through the index.")
    ] = False,
    json_output: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a line.")
    ] = False,
    csv_output: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    paths: Annotated[bool, typer.Option("--paths", help="Print paths only.")] = False,
    print0: Annotated[
        bool, typer.Option("-0", "--print0", help="Print paths only, each ended by NUL.")
    ] = False,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page with the pictures.")
    ] = None,
    open_page: Annotated[
        bool, typer.Option("--open", help="Show that page in the browser.")
    ] = False,
) -> None:
    """Find images by words, by other images, or by both."""
    form = output.choose_form(json=json_output, csv=csv_output, paths=paths, nul=print0)
    dates = [parse_date(text) if text else None for text in (after, before)]

    from searchengine import Filter, open_library
    from searchengine.retrieval.query import Query
    from searchengine.retrieval.terms import names_a_folder, parse_terms

    words = terms or []
    if len(words) == 1 and names_a_folder(words[0]):
        output.note(
            f"{words[0]} is searched as a word; to search in the folder of this name: "
            f"--under {words[0]}"
        )
    query = Query(tuple(parse_terms(words, add=add or [], subtract=sub or [])))
    where = Filter(
        under=under,
        after=dates[0],
        before=dates[1],
        camera=camera,
    )
    with open_library(library) as opened:
        hits = opened.search(
            query,
            k=k,
            offset=offset,
            where=where,
            min_score=min_score,
            space=space,
            exact=exact,
        )
    if html is not None or open_page:
        signed = [f"+ {text}" for text in add or ()] + [f"- {text}" for text in sub or ()]
        _write_page(html, " ".join([*words, *signed]), hits, show=open_page)
    output.print_hits(hits, form)


def _write_page(path: Path | None, query: str, hits: list[SearchHit], *, show: bool) -> None:
    from cli.pages.gallery import write_gallery

    page = path or Path(tempfile.mkdtemp(prefix="clipseek-")) / "hits.html"
    write_gallery(page, query, hits)
    output.note(f"gallery: {page.absolute()}")
    if show:
        webbrowser.open(page.absolute().as_uri())
