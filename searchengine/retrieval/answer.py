"""From a query to the hits of one moment, without its own pictures and without what is gone."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from searchengine.catalog.catalog import Catalog, CatalogReads
from searchengine.encoders.languages import about_scripts
from searchengine.encoders.reading import about_reading
from searchengine.errors import InputError, QueryError
from searchengine.files import content_hash
from searchengine.index.types import Modality
from searchengine.paths import absolute
from searchengine.relevance.bar import LEAST, Bar, Strictness
from searchengine.relevance.kept import read_statistics
from searchengine.retrieval.compose import encoded_part, listed_part, read_part, unit
from searchengine.retrieval.hits import Hits, SearchHit
from searchengine.retrieval.query import By, Kind, Query
from searchengine.retrieval.rank import nearest_captions, rank_images, rank_texts
from searchengine.retrieval.typed import put_right
from searchengine.retrieval.where import require_possible, why_none
from searchengine.spaces.encoders import SpaceEncoders
from searchengine.spaces.space import Space
from searchengine.stacks.folding import Listed
from searchengine.texts.beside import NOTHING, Beside, beside, why_matched, with_all
from searchengine.texts.words import read_words
from searchengine.types import Filter, Matched, TextHit

if TYPE_CHECKING:
    from searchengine.retrieval.pictures import ReadPicture


def answer(
    query: Query,
    space: Space,
    catalog: Catalog,
    encoders: SpaceEncoders,
    *,
    k: int,
    offset: int,
    where: Filter,
    min_score: float | None,
    exact: bool,
    present_only: bool,
    fold: bool,
) -> Hits:
    """What `Library.search` returns. Raises as it."""
    require_possible(where, min_score)
    if query.by is By.WORDS and not query.wanted:
        raise QueryError("there are no words to search for; write some, or search by pictures")
    query, corrections = put_right(query, space.info, catalog)
    pictures = read_part(query)
    encoded = encoded_part(query, pictures, space, encoders)
    unread = about_reading(encoders.for_texts(space), query.texts) if query.texts else None
    with catalog.snapshot() as now:
        vector = unit(encoded + listed_part(query, space, now))
        texts = _beside(query, space, now, vector)
        bar = _bar(query, space, vector)

        def ranked(left_out: LeftOut) -> Hits:
            return rank_images(
                space,
                now,
                vector,
                k=k,
                offset=offset,
                where=where,
                min_score=min_score,
                bar=bar,
                matching=query.matching,
                exact=exact,
                modality=query.modality,
                leave_out=left_out or None,
                beside=texts,
                fold=fold,
            )

        left_out = LeftOut(query, pictures, now, present_only=present_only)
        hits = ranked(left_out)
        if left_out.gone and not left_out.any_kept:
            hits = ranked(LeftOut(query, pictures, now, present_only=False))
        reasons = why_matched([hit.image for hit in hits], texts, space, now)
        hits[:] = [_judged(hit, why) for hit, why in zip(hits, reasons, strict=True)]
        hits.corrections = corrections
        hits.gone = len(left_out.gone)
        if query.by is not By.WORDS:
            hits.language = about_scripts(query.texts, space.info.encoder)
            hits.unread = unread
        hits.damage = space.damage
        hits.why_none = None if hits else why_none(where, now, space.info)
        if hits.why_none is None and offset == 0:
            hits.no_match = _about_matches(hits, query)
        return hits


def _bar(query: Query, space: Space, vector: NDArray[np.float32]) -> Bar | None:
    """Where matches end: for texts that are wanted alone, in a library that was measured.

    What is subtracted or liked takes a query to where no text is; words are there or not. Raises
    QueryError where only matches are asked for and nothing says what they are.
    """
    if query.by is By.WORDS:
        return None
    of_texts = query.modality is Modality.TEXT and len(query.wanted) == len(query.sources)
    statistics = read_statistics(space.info, space.directory, space.tied) if of_texts else None
    if statistics is None and query.matching:
        raise QueryError(
            "nothing is known yet of what matches in this library; from 50 images on the next "
            "index run measures it: clipseek index PATH"
            if of_texts
            else "what matches is told for words alone; leave out pictures and what is subtracted, "
            "or ask for a score"
        )
    return None if statistics is None else statistics.bar(vector)


def _judged(hit: SearchHit, why: Matched | None) -> SearchHit:
    """The hit with what found it, and whether it matches."""
    if hit.relevance is None:
        return replace(hit, matched=why)
    matches = hit.relevance >= LEAST[Strictness.NORMAL] or (why is not None and why.by_words)
    return replace(hit, matched=why, matches=matches)


def _about_matches(hits: Hits, query: Query) -> str | None:
    """A sentence where nothing matches."""
    if not hits and query.by is By.WORDS:
        return "no image has all of these words in its captions, names or text"
    if not hits and query.matching:
        return "nothing here matches well; ask for all hits to see the nearest"
    if hits and all(hit.matches is False for hit in hits):
        return "nothing here matches well; the nearest are"
    return None


def _beside(query: Query, space: Space, now: CatalogReads, vector: NDArray[np.float32]) -> Beside:
    """What is searched beside the pictures: for words alone, and not where that was asked.

    `vector` is the query's, of length 1.
    """
    if query.by is By.PICTURES or query.modality is not Modality.TEXT:
        return NOTHING
    words = read_words([(source.value, source.quoted) for source in query.wanted])
    how = with_all if query.by is By.WORDS else beside
    return how(words, space, now, vector)


def describe(
    query: Query,
    space: Space,
    catalog: Catalog,
    encoders: SpaceEncoders,
    *,
    texts: Sequence[str] | None,
    k: int,
    source: str | None = None,
) -> list[TextHit]:
    """What `Library.describe` returns. Raises as it, where it can before an encoder is loaded."""
    if texts is not None:
        texts = [texts] if isinstance(texts, str) else list(texts)  # a text is not its letters
    if k < 1 or texts == []:
        raise InputError(f"no texts to choose from, or k below 1: it is {k}; give texts and a k")
    pictures = read_part(query)
    if texts is None and catalog.vector_counts(space.info)[1] == 0:
        raise InputError(
            "the library holds no captions to describe with; give --texts FILE, "
            "or store some with: clipseek captions add FILE"
        )
    encoded = encoded_part(query, pictures, space, encoders)
    with catalog.snapshot() as now:
        vector = unit(encoded + listed_part(query, space, now))
        if texts is None:
            found = nearest_captions(space, now, vector, k=k, source=source)
            if not found:
                raise InputError(
                    f"no sentence is from {source!r}; see: clipseek captions list"
                    if source
                    else "the library holds no captions but those of models; to see those: "
                    "--source 'model NAME', named by clipseek captions list"
                )
            return found
    vectors = encoders.for_texts(space).encode_texts(texts)
    return rank_texts(vector, texts, vectors, k=k)


class LeftOut:
    """Tells of an image whether it is left out, and remembers which files were gone."""

    def __init__(
        self,
        query: Query,
        pictures: Sequence[ReadPicture],
        now: CatalogReads,
        *,
        present_only: bool,
    ) -> None:
        """`pictures` are those of the query, read; `present_only` leaves out what is gone."""
        listed = [source.value for source in query.sources if source.kind is Kind.LISTED]
        self._paths = {
            absolute(source.value) for source in query.sources if source.kind is Kind.FILE
        }
        self._hashes = {content_hash(each.data) for each in pictures if each.data is not None}
        self._hashes |= {record.content_hash for record in now.images(listed).values()}
        self._present_only = present_only
        self.gone: set[int] = set()
        """Ids of images whose files are gone."""
        self.any_kept = False
        """Whether there was an image that is not left out."""

    def __bool__(self) -> bool:
        """Whether anything can be left out."""
        return bool(self._paths or self._hashes or self._present_only)

    def __call__(self, image: Listed) -> bool:
        """Whether the image is no hit."""
        number, path, content = image
        if content in self._hashes or path in self._paths:
            return True
        if self._present_only and not os.path.isfile(path):
            self.gone.add(number)
            return True
        self.any_kept = True
        return False
