"""Answers for the web: one library, one encoder, and threads for what would hold up the others.

Searching, decoding and encoding each have threads of their own: a crowd that wants thumbnails does
not keep anybody from searching.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from searchengine.catalog.facets import Facets
from searchengine.errors import NothingIndexedError, QueryError
from searchengine.index.types import Modality
from searchengine.library.library import Library, LibraryInfo
from searchengine.retrieval import rank as engine
from searchengine.retrieval.hits import SearchHit
from searchengine.retrieval.terms import parse_text, unit
from searchengine.spaces.space import Space
from searchengine.types import Filter, ImageRecord, TextHit
from serving.counts import Counts
from serving.encoding import EncodingDesk
from serving.pictures import HeldPicture, HeldPictures, preview_of, read_upload
from serving.problems import NotListedError
from serving.question import Mark, Question
from serving.thumbnails import Side, ThumbnailCache, read_listed, thumbnail_of

MORE, LESS = 0.75, 0.5
"""How far liked and disliked images move a query of length 1, whatever their number: Rocchio's
relevance feedback (Manning et al., Introduction to Information Retrieval, section 9.1). The book's
weight for what is disliked, 0.15, moves a cosine too little to be seen."""

SEARCHERS = 4
"""Threads that search: each releases the interpreter while it multiplies."""

PAINTERS = 2
"""Threads that decode pictures: each may hold a full-size one."""

Vector = NDArray[np.float32]
P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer:
    """A page of hits, best first, and what the catalog lists of them."""

    hits: list[SearchHit]
    records: dict[int, ImageRecord]
    """By id; an image that has just been removed is missing."""


@dataclass(frozen=True, slots=True)
class Detail:
    """All there is to say about one image."""

    record: ImageRecord
    captions: list[TextHit]
    """The nearest of those stored in the library; none without any."""
    neighbours: Answer
    """The images nearest to it, itself left out."""


class Desk:
    """Answers questions about a library, for any number of people at once."""

    def __init__(self, library: Library, thumbnails: ThumbnailCache) -> None:
        self._library = library
        self._thumbnails = thumbnails
        self._pictures = HeldPictures()
        self._encoding = EncodingDesk(
            lambda: library.text_encoder(library.space()), lambda: library.encoder(library.space())
        )
        self._searchers = ThreadPoolExecutor(SEARCHERS, "search")
        self._painters = ThreadPoolExecutor(PAINTERS, "thumbnail")
        self._counts = Counts(
            lambda where: library.catalog.facets(self._space().info, where), library.catalog.stamp
        )

    def warm(self) -> None:
        """Load what encodes texts ahead of the first query, where the library has an encoder.

        The rest of the encoder, and torch, are loaded for the first picture that is asked with.
        """
        if self._library.catalog.spaces():
            self._encoding.warm()

    def close(self) -> None:
        """End the threads; what waits is dropped."""
        for pool in (self._searchers, self._painters):
            pool.shutdown(cancel_futures=True)
        self._encoding.close()

    @property
    def encoder_state(self) -> str:
        """Of the encoder: "not loaded", "loading", "ready", or why it cannot be loaded."""
        return self._encoding.state

    async def search(self, question: Question, *, k: int, offset: int = 0) -> Answer:
        """The hits at ranks offset + 1 to offset + k.

        Raises QueryError where the question asks nothing, NothingIndexedError, NotListedError for
        marked images, PictureForgottenError, and the encoder's errors.
        """
        query, modality = await self._query(question)
        return await self._on(self._searchers, self._rank, question, query, modality, k, offset)

    async def newest(self, where: Filter, *, k: int, offset: int = 0) -> list[ImageRecord]:
        """The images that pass the filter, last added first. Raises NothingIndexedError."""

        def read() -> list[ImageRecord]:
            space = self._space()
            return self._library.catalog.newest(space.info, where, k=k, offset=offset)

        return await self._on(self._searchers, read)

    async def facets(self, where: Filter) -> Facets:
        """Counts for the choices of a filter, of now or a little while ago.

        Raises NothingIndexedError.
        """
        known = self._counts.known(where)
        if known is not None:
            return known
        return await self._on(self._searchers, self._counts.count, where)

    async def record(self, image_id: int) -> ImageRecord:
        """What the catalog lists of an image. Raises NotListedError."""
        return await self._on(self._searchers, self._record, image_id)

    async def detail(self, image_id: int, *, captions: int, neighbours: int) -> Detail:
        """An image with its nearest captions and images. Raises NotListedError."""

        def look() -> Detail:
            record = self._record(image_id)
            space = self._space()
            [vector] = self._vectors(space, [image_id])
            answer = self._rank_near(space, vector, neighbours + 1)
            others = [hit for hit in answer.hits if hit.id != image_id][:neighbours]
            return Detail(
                record=record,
                captions=engine.nearest_captions(space, vector, k=captions),
                neighbours=Answer(others, answer.records),
            )

        return await self._on(self._searchers, look)

    async def describe(
        self, *, image_id: int | None = None, upload: bytes | None = None, k: int
    ) -> list[TextHit]:
        """The k stored captions nearest to a listed image or to an upload; none without any."""
        given = None if upload is None else (await self.look_at(upload)).vector

        def nearest() -> list[TextHit]:
            space = self._space()
            vector = given if image_id is None else self._vectors(space, [image_id])[0]
            if vector is None:
                raise QueryError("nothing to describe; give an id or an image")
            return engine.nearest_captions(space, vector, k=k)

        return await self._on(self._searchers, nearest)

    async def look_at(self, upload: bytes) -> HeldPicture:
        """The vector and a preview of an uploaded picture.

        Raises UploadTooLargeError, UploadRefusedError, and the encoder's errors.
        """
        picture = await self._on(self._painters, read_upload, upload)
        preview = await self._on(self._painters, preview_of, picture)
        return HeldPicture(await self._encoding.picture(picture), preview)

    async def hold(self, upload: bytes) -> str:
        """Keep an uploaded picture to be searched by; returns its key. Raises as `look_at`."""
        return self._pictures.keep(upload, await self.look_at(upload))

    def preview(self, key: str) -> bytes:
        """A small JPEG of an uploaded picture. Raises PictureForgottenError."""
        return self._pictures.get(key).preview

    async def thumbnail(self, record: ImageRecord, side: Side) -> bytes:
        """A JPEG of a listed image, from the cache or made now. Raises FileChangedError."""

        def paint() -> bytes:
            data = self._thumbnails.get(record.content_hash, side)
            if data is None:
                data = thumbnail_of(record, side)
                self._thumbnails.put(record.content_hash, side, data)
            return data

        return await self._on(self._painters, paint)

    async def file(self, record: ImageRecord) -> bytes:
        """The bytes of a listed image's file. Raises FileChangedError."""
        return await self._on(self._painters, read_listed, record)

    async def info(self) -> LibraryInfo:
        """The library in numbers."""
        return await self._on(self._searchers, self._library.info)

    # on the loop

    async def _on(
        self, pool: ThreadPoolExecutor, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(pool, lambda: work(*args, **kwargs))

    async def _query(self, question: Question) -> tuple[Vector, Modality | None]:
        """The unit vector of a question, shape (d,), and what it is made of."""
        terms = parse_text(question.text)
        parts: list[Vector] = []
        if terms:
            weights = np.array([term.weight for term in terms], dtype=np.float32)
            parts.append(weights @ await self._encoding.texts([term.value for term in terms]))
        if question.picture:
            parts.append(self._pictures.get(question.picture).vector)
        for marks, weight in ((question.like, MORE), (question.unlike, -LESS)):
            if marks:
                mean = await self._on(self._searchers, self._mean_of, marks)
                parts.append(np.float32(weight) * mean)
        if not parts:
            raise QueryError("nothing to search for; describe a picture, as in: a dog on the beach")
        has_images = bool(question.picture or question.like or question.unlike)
        modality = Modality.IMAGE if has_images else Modality.TEXT
        query: Vector = np.sum(parts, axis=0)
        return unit(query), None if terms and has_images else modality

    # on the searchers' threads

    def _space(self) -> Space:
        space = self._library.space()
        if self._library.catalog.rows(space.info) == 0:
            raise NothingIndexedError(self._library.path)
        return space

    def _rank(
        self, question: Question, query: Vector, modality: Modality | None, k: int, offset: int
    ) -> Answer:
        space = self._space()
        hits = engine.rank_images(
            space,
            query,
            k=k,
            offset=offset,
            where=question.where,
            min_score=question.min_score,
            modality=modality,
        )
        return Answer(hits, self._library.catalog.images([hit.id for hit in hits]))

    def _rank_near(self, space: Space, vector: Vector, k: int) -> Answer:
        hits = engine.rank_images(space, vector, k=k, modality=Modality.IMAGE)
        return Answer(hits, self._library.catalog.images([hit.id for hit in hits]))

    def _record(self, image_id: int) -> ImageRecord:
        records = self._library.catalog.images([image_id])
        if image_id not in records:
            raise NotListedError(image_id)
        return records[image_id]

    def _mean_of(self, marks: Sequence[Mark]) -> Vector:
        """The weighted mean of marked images, shape (d,)."""
        vectors = self._vectors(self._space(), [mark.id for mark in marks])
        weights = np.array([mark.weight for mark in marks], dtype=np.float32)
        mean: Vector = weights @ np.stack(vectors) / weights.sum()
        return mean

    def _vectors(self, space: Space, ids: Sequence[int]) -> list[Vector]:
        """The vectors of listed images, in order. Raises NotListedError for one without."""
        numbers = self._library.catalog.rows_of(space.info, ids)
        for image_id in ids:
            if image_id not in numbers:
                raise NotListedError(image_id)
        rows = space.images.read(self._library.catalog.rows(space.info))
        return [rows[numbers[image_id]].astype(np.float32) for image_id in ids]


def default_cache() -> Path:
    """Where thumbnails are kept: the user's cache directory."""
    import platformdirs

    return platformdirs.user_cache_path("clipseek", appauthor=False) / "thumbnails"
