"""The tools of an MCP server: search, describe and info. The protocol package's one home."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from importlib.metadata import version
from typing import Annotated, Any, ParamSpec

from searchengine.errors import ClipseekError, InputError, MissingExtraError
from searchengine.jsonable import jsonable
from searchengine.library.library import Library
from searchengine.library.places import listed_ids
from searchengine.retrieval.hints import notes_on
from searchengine.retrieval.query import Kind, Query, Source
from searchengine.retrieval.terms import parse_text
from serving.asking.query import located
from serving.question import Question, read_question

try:
    from mcp.server import MCPServer
    from mcp.server.mcpserver.exceptions import ToolError
    from mcp.types import ToolAnnotations
    from pydantic import Field
except ImportError as error:
    raise MissingExtraError("clipseek mcp needs the package mcp", "mcp") from error

MAX_K = 100
"""Hits of one answer: an assistant reads every word of it."""

MAX_TEXTS = 1_000

INSTRUCTIONS = (
    "The user's own photos, searched by what is seen in them and by what is written about them. "
    "Hits have whole paths on the user's machine; where `matches` is false, nothing shows that a "
    "hit is more than the nearest there is. Nothing here changes the library or its files."
)

READ_ONLY = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)

P = ParamSpec("P")


def server_of(library: Library) -> MCPServer:
    """A server that answers about an open library. Tools run in threads, several at once."""
    server = MCPServer(
        "clipseek", instructions=INSTRUCTIONS, version=version("clipseek"), log_level="ERROR"
    )
    tools = _Tools(library)
    for tool in (tools.search, tools.describe, tools.info):
        server.add_tool(_said(tool), annotations=READ_ONLY)
    return server


class _Tools:
    """The docstrings are what assistants read."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def search(
        self,
        query: Annotated[
            str,
            Field(
                description="What the photos show, in plain words: two dogs on a beach. Terms are "
                "added with ' + ' and subtracted with ' - '; words in double quotes must stand in "
                "names, captions or text in the picture."
            ),
        ],
        k: Annotated[int, Field(description="Hits, at most.", ge=1, le=MAX_K)] = 10,
        under: Annotated[
            str | None, Field(description="Only in this folder: its whole path.")
        ] = None,
        after: Annotated[
            str | None, Field(description="Only taken at or after it: 2024, 2024-05, 2024-05-31.")
        ] = None,
        before: Annotated[str | None, Field(description="Only taken before it.")] = None,
        near: Annotated[
            str | None, Field(description="Only taken there: 'Lisbon', '52.1,4.3,5km'.")
        ] = None,
        camera: Annotated[str | None, Field(description="Only by cameras named like this.")] = None,
        label: Annotated[str | None, Field(description="Only with this label.")] = None,
        album: Annotated[str | None, Field(description="Only in this album.")] = None,
        matching: Annotated[
            bool, Field(description="Only hits that match; of what is not there, none.")
        ] = False,
    ) -> dict[str, Any]:
        """Find photos by words. Copies, and shots of one moment, are one hit."""
        filters = {
            "under": under,
            "after": after,
            "before": before,
            "near": near,
            "camera": camera,
            "label": label,
            "album": album,
            "matching": "normal" if matching else None,
        }
        given = [(name, value) for name, value in filters.items() if value]
        question, taken = located(read_question([("q", query), *given]))
        hits = self._library.search(
            _query(question), k=k, where=question.where, present_only=True, fold=True
        )
        notes = [said for said in (taken, hits.no_match) if said]
        return {
            "hits": [hit.record() for hit in hits],
            "notes": notes + notes_on(parse_text(question.text), hits),
        }

    def describe(
        self,
        path: Annotated[str, Field(description="Of a photo in the library, as hits have it.")],
        texts: Annotated[
            list[str] | None,
            Field(
                description="Texts to compare with the picture: those that fit best come back.",
                max_length=MAX_TEXTS,
            ),
        ] = None,
        k: Annotated[int, Field(description="Texts, at most.", ge=1, le=MAX_K)] = 5,
    ) -> dict[str, Any]:
        """Say what is known of a photo: its facts, labels, captions, and the texts that fit it."""
        catalog = self._library.catalog
        [image_id] = listed_ids(catalog, [path])
        record = catalog.images([image_id])[image_id]
        listed = Query((Source(Kind.LISTED, image_id),))
        nearest = (
            self._library.nearest_captions(listed, k=k)
            if not texts
            else self._library.describe(listed, texts=texts, k=k)
        )
        return {
            "path": record.file.path,
            "bytes": record.file.size,
            "modified_at": record.modified_at.replace(microsecond=0),
            **jsonable(record.facts),
            "labels": catalog.labels_of([image_id]).get(image_id, []),
            "written": catalog.captions_of([image_id]).get(image_id, []),
            "texts": nearest,
        }

    def info(self) -> dict[str, Any]:
        """Say how many photos the library holds, where, and what they are searched with."""
        facts: dict[str, Any] = jsonable(self._library.info())
        return facts


def _query(question: Question) -> Query:
    """Of words alone: what names a file or an address is text too. Raises InputError."""
    query = Query(tuple(parse_text(question.text)), matching=question.matching)
    if not query:
        raise InputError("nothing to search for; describe a picture, as in: a dog on the beach")
    return query


def _said(tool: Callable[P, Any]) -> Callable[P, Any]:
    """The tool with its answer in JSON's types, and known errors as what the assistant reads."""

    @wraps(tool)
    def answer(*arguments: P.args, **options: P.kwargs) -> Any:  # noqa: ANN401 - JSON
        try:
            return jsonable(tool(*arguments, **options))
        except ClipseekError as error:
            raise ToolError(str(error)) from error

    return answer
