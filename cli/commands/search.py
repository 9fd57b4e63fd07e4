"""`clipseek search`."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from cli import output
from cli.options import LibraryOption, SpaceOption, parse_date

if TYPE_CHECKING:
    from cli.searching.answer import How
    from searchengine import Library, SearchHit
    from searchengine.gazetteer.lookup import Meant


_GLUED = re.compile(r"-[^\W\d_]{2}\S*")
_FLAGS_TOGETHER = re.compile(r"-f[knt]\d*")


class SearchCommand(TyperCommand):
    """Search, where `-snow` is what somebody subtracts and not `-s now`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - of typer's own
        """As typer does. Raises BadParameter for a word that has its minus before it."""
        for word in itertools.takewhile(lambda word: word != "--", args):
            if _GLUED.fullmatch(word) and not _FLAGS_TOGETHER.fullmatch(word):
                raise typer.BadParameter(
                    f"{word!r} is no option; to subtract it, put a space: - {word[1:]}. Words that "
                    "begin with a dash come after --",
                    ctx=ctx,
                )
        parsed: list[str] = super().parse_args(ctx, args)
        return parsed


def search(
    terms: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TERMS...",
            help="Words, image files or image URLs, joined by + and - with space around them, in "
            "quotes or not. A number before a term is its weight: 2:golden retriever + ./pool.jpg "
            "- fruit. After its colon comes a letter: 10:10 and 16:9 are words, and so is what "
            "stands in double quotes of its own.",
        ),
    ] = None,
    k: Annotated[
        int, typer.Option("-k", "-n", "-t", "--top", metavar="N", min=1, help="Hits.")
    ] = 10,
    offset: Annotated[
        int, typer.Option(metavar="N", min=0, help="Leave out the first N hits.")
    ] = 0,
    add: Annotated[
        list[str] | None, typer.Option("-a", "--add", metavar="TERM", help="One more term.")
    ] = None,
    sub: Annotated[
        list[str] | None,
        typer.Option("-s", "--sub", "--subtract", metavar="TERM", help="A term to subtract."),
    ] = None,
    library: LibraryOption = None,
    space: SpaceOption = None,
    under: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Only images in this folder or below.")
    ] = None,
    after: Annotated[
        str | None,
        typer.Option(
            metavar="DATE",
            help="Only images taken at or after it: 2024, 2024-05 or 2024-05-31. Where a picture "
            "has no date of its own, that of the file decides, marked ~ in the table.",
        ),
    ] = None,
    before: Annotated[
        str | None, typer.Option(metavar="DATE", help="Only images taken before it; as --after.")
    ] = None,
    camera: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Only images of cameras named like this.")
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Only images with this label (see: clipseek tag)."),
    ] = None,
    album: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only images in this album.")
    ] = None,
    near: Annotated[
        str | None,
        typer.Option(
            metavar="PLACE",
            help='Only images taken there, as their files say: "52.1,4.3,5km", Lisbon, or "Paris, '
            'Texas, 20km". Names need the extra places.',
        ),
    ] = None,
    min_score: Annotated[
        float | None,
        typer.Option(metavar="X", help="Only hits with at least this cosine, from -1 to 1."),
    ] = None,
    matching: Annotated[
        bool,
        typer.Option(
            "--matching",
            help="Only hits that stand out as what was asked for does; of what is not there, none.",
        ),
    ] = False,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="As --matching, with less that is wrong and missing more."),
    ] = False,
    loose: Annotated[
        bool,
        typer.Option("--loose", help="As --matching, with more that is wrong and missing less."),
    ] = False,
    words_only: Annotated[
        bool,
        typer.Option(
            "--words-only",
            help="Only images with all of the words in captions, names or text read in them.",
        ),
    ] = False,
    pictures_only: Annotated[
        bool, typer.Option("--pictures-only", help="Look at pictures alone, not at texts.")
    ] = False,
    as_typed: Annotated[
        bool,
        typer.Option("--as-typed", help="Search for misspelt words as they are."),
    ] = False,
    unfolded: Annotated[
        bool,
        typer.Option(
            "--all",
            help="Show every image; without it copies of a picture, and pictures of one moment "
            "(bursts, RAW and JPEG, edits), are one hit.",
        ),
    ] = False,
    sort: Annotated[
        str,
        typer.Option(
            metavar="ORDER",
            help="Show these hits by relevance, date (the latest first) or path; matches come "
            "before the others.",
        ),
    ] = "relevance",
    exact: Annotated[
        bool, typer.Option("--exact", help="Compare with every vector, not through the index.")
    ] = False,
    json_output: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a line.")
    ] = False,
    csv_output: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    paths: Annotated[bool, typer.Option("-f", "--paths", help="Print paths only.")] = False,
    print0: Annotated[
        bool, typer.Option("-0", "--print0", help="Print paths only, each ended by NUL.")
    ] = False,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page with the pictures.")
    ] = None,
    open_page: Annotated[
        bool, typer.Option("--open", help="Show that page in the browser.")
    ] = False,
    preview: Annotated[
        bool, typer.Option("--preview", help="Show the pictures in the terminal.")
    ] = False,
    copy_to: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Copy the hits into this folder.")
    ] = None,
    link_to: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Put links to the hits into this folder.")
    ] = None,
    zip_to: Annotated[
        Path | None, typer.Option("--zip", metavar="FILE", help="Pack the hits into an archive.")
    ] = None,
    move_list: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Print a script that would move the hits into this folder (-0: pairs of paths for "
            "another program). It moves nothing itself.",
        ),
    ] = None,
    save: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Keep this search: clipseek album show NAME."),
    ] = None,
    interactive: Annotated[
        bool,
        typer.Option(
            "-i",
            "--interactive",
            help="Answer line by line, typed or piped in, with the encoder loaded once. An empty "
            "line ends each answer.",
        ),
    ] = False,
) -> None:
    """Find images by words, by other images, or by both.

    Words are looked for in the pictures, and in captions, names of files and folders. A rare name
    brings the images first that have it; so do words in double quotes, exactly as they stand.
    The pictures that are searched by are no hits themselves. Filters alone list all by date.
    """
    asked = dict(locals())
    form = output.choose_form(json=json_output, csv=csv_output, paths=paths, nul=print0)
    dates = [parse_date(text) if text else None for text in (after, before)]

    from cli.searching.answer import How, answer
    from cli.searching.flags import (
        by_of,
        order_of,
        require_places,
        require_possible_filter,
        strictness_of,
    )
    from searchengine import Filter, open_library
    from searchengine.retrieval.query import By, Query
    from searchengine.retrieval.terms import parse_terms

    require_places(html, zip_to, copy_to, link_to)
    place = _meant(near) if near else None
    where = Filter(
        under=under,
        after=dates[0],
        before=dates[1],
        camera=camera,
        label=label,
        near=place.near if place else None,
        album=album,
    )
    require_possible_filter(where, min_score)
    by = by_of(words_only=words_only, pictures_only=pictures_only)
    strictness = strictness_of(matching=matching, strict=strict, loose=loose)
    how = How(
        k, offset, where, min_score, space, exact, not unfolded, order_of(sort), form,
        place.said if place else None, html, open_page, move_list, preview,
    )  # fmt: skip

    def ask(opened: Library, words: list[str]) -> list[SearchHit]:
        sources = tuple(parse_terms(words, add=add or [], subtract=sub or []))
        query = Query(sources, by=by, matching=strictness, as_typed=as_typed)
        if save and query.pictures:
            raise typer.BadParameter("--save keeps words and filters; leave out the pictures")
        signed = [f"+ {text}" for text in add or ()] + [f"- {text}" for text in sub or ()]
        return answer(opened, query, words, " ".join([*words, *signed]), how)

    if interactive:
        if copy_to or link_to or zip_to or save:
            raise typer.BadParameter("-i collects and saves nothing: search for that without it")
        from cli.searching.lines import answer_lines

        with open_library(library) as opened:
            if terms:
                ask(opened, terms)
            answer_lines(lambda line: ask(opened, [line]))
        return
    ranks = min_score is not None or strictness is not None or by is not By.BOTH
    alone = where != Filter() and _is_empty(terms, add, sub, ranks=ranks)
    if not alone:
        parse_terms(terms or [], add=add or [], subtract=sub or [])  # before a library is opened
    with open_library(library) as opened:
        found = _list(opened, how) if alone else [hit.path for hit in ask(opened, terms or [])]
        if save:
            from cli.searching.saved import keep

            keep(opened, save, terms or [], add or [], sub or [], asked)
    if copy_to or link_to or zip_to:
        from cli.collecting.asked import collect_all

        if collect_all(found, copy_to, link_to, zip_to):
            raise typer.Exit(1)


def _is_empty(*terms: list[str] | None, ranks: bool) -> bool:
    if ranks and not any(terms):
        raise typer.BadParameter("only what is searched for has scores, matches or words: say it")
    return not any(terms)


def _list(library: Library, how: How) -> list[Path]:
    from cli.searching.listed import list_images

    return [image.path for image in list_images(library, how)]


def _meant(near: str) -> Meant:
    from searchengine.gazetteer.lookup import meant

    return meant(near)
