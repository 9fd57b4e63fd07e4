"""The misspelt words of a query, put right before it is encoded."""

from __future__ import annotations

from dataclasses import replace

from searchengine.catalog.catalog import CatalogReads
from searchengine.encoders.languages import knows_only_english
from searchengine.retrieval.query import Kind, Query, Source
from searchengine.texts.spelling import Correction, correct
from searchengine.types import SpaceInfo


def put_right(
    query: Query, space: SpaceInfo, catalog: CatalogReads
) -> tuple[Query, tuple[Correction, ...]]:
    """The query with its misspelt words put right, and those words.

    As it is where that was asked, and for encoders that know words of other languages.
    """
    if query.as_typed or not knows_only_english(space.encoder):
        return query, ()
    found: list[Correction] = []
    sources: list[Source] = []
    for source in query.sources:
        if source.kind is Kind.TEXT and not source.quoted:
            corrected = correct(source.value, catalog.has_word, catalog.words_beginning_with)
            found += corrected.corrections
            source = replace(source, value=corrected.text)
        sources.append(source)
    return (replace(query, sources=tuple(sources)), tuple(found)) if found else (query, ())
