"""Answers for the web: one library, one encoder, and threads for what would hold up the others.

Searching, decoding and encoding each have threads of their own: a crowd that wants thumbnails does
not keep anybody from searching.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

from searchengine.catalog.records import Facets
from searchengine.errors import NothingIndexedError, NotListedError, QueryError
from searchengine.index.types import Modality
from searchengine.library.library import Library
from searchengine.library.status import LibraryInfo
from searchengine.retrieval.hits import Hits, SearchHit
from searchengine.retrieval.query import Kind, Query, Source
from searchengine.retrieval.terms import parse_text
from searchengine.spaces.space import Space
from searchengine.types import Filter, ImageRecord, TextHit
from serving.counts import Counts
from serving.encoding import EncoderQueue
from serving.pictures import HeldPicture, HeldPictures, preview_of, read_upload
from serving.question import Question
from serving.thumbnails import Side, ThumbnailCache, read_listed, thumbnail_of

SEARCHERS = 4
"""Threads that search: each releases the interpreter while it multiplies."""

DECODERS = 2
"""Threads that decode pictures: each may hold a full-size one."""

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Detail:
    """All there is to say about one image."""

    record: ImageRecord
    captions: list[TextHit]
    """The nearest of those stored in the library; none without any."""
    neighbours: list[SearchHit]
    """The images nearest to it, itself left out."""


class LibraryService:
    """Answers questions about a library, for any number of people at once."""

    def __init__(self, library: Library, thumbnails: ThumbnailCache) -> None:
        self._library = library
        self._thumbnails = thumbnails
        self._pictures = HeldPictures()
        self._queue = library.encoders = EncoderQueue(library.encoders)
        self._searchers = ThreadPoolExecutor(SEARCHERS, "search")
        self._decoders = ThreadPoolExecutor(DECODERS, "thumbnail")
        self._counts = Counts(
            lambda where: library.catalog.facets(self._space().info, where), library.catalog.stamp
        )

    def warm(self) -> None:
        """Load what encodes texts ahead of the first query, where the library has an encoder.

        The rest of the encoder, and torch, are loaded for the first picture that is asked with.
        """
        if self._library.catalog.spaces():
            self._queue.warm(self._library.space())

    def close(self) -> None:
        """End the threads; what waits is dropped."""
        for pool in (self._searchers, self._decoders):
            pool.shutdown(cancel_futures=True)
        self._queue.close()

    @property
    def encoder_state(self) -> str:
        """Of the encoder: "not loaded", "loading", "ready", or why it cannot be loaded."""
        return self._queue.state

    async def search(self, question: Question, *, k: int, offset: int = 0) -> Hits:
        """The hits at ranks offset + 1 to offset + k.

        Raises QueryError where the question asks nothing, NothingIndexedError, NotListedError for
        marked images, PictureForgottenError, and the encoder's errors.
        """
        query = self._query(question)
        if query.texts:  # encoded with those of others, and remembered: the search finds them known
            space = await self._on(self._searchers, self._space)
            await self._queue.texts(space, query.texts)
        return await self._on(
            self._searchers,
            self._library.search,
            query,
            k=k,
            offset=offset,
            where=question.where,
            min_score=question.min_score,
            present_only=True,
        )

    def _query(self, question: Question) -> Query:
        sources = parse_text(question.text)
        if question.picture:
            vector = self._pictures.get(question.picture).vector
            sources.append(Source(Kind.VECTOR, vector, modality=Modality.IMAGE))
        query = Query(tuple(sources), question.like, question.unlike)
        if not query:
            raise QueryError("nothing to search for; describe a picture, as in: a dog on the beach")
        return query

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
            record, itself = self._record(image_id), listed(image_id)
            hits = self._library.search(itself, k=neighbours + 1)
            return Detail(
                record=record,
                captions=self._library.nearest_captions(itself, k=captions),
                neighbours=[hit for hit in hits if hit.id != image_id][:neighbours],
            )

        return await self._on(self._searchers, look)

    async def describe(
        self, *, image_id: int | None = None, upload: bytes | None = None, k: int
    ) -> list[TextHit]:
        """The k stored captions nearest to a listed image or to an upload; none without any."""
        if upload is not None:
            asked = Query((Source(Kind.VECTOR, (await self.look_at(upload)).vector),))
        elif image_id is not None:
            asked = listed(image_id)
        else:
            raise QueryError("nothing to describe; give an id or an image")
        return await self._on(self._searchers, self._library.nearest_captions, asked, k=k)

    async def look_at(self, upload: bytes) -> HeldPicture:
        """The vector and a preview of an uploaded picture.

        Raises UploadTooLargeError, UploadRefusedError, and the encoder's errors.
        """
        picture = await self._on(self._decoders, read_upload, upload)
        preview = await self._on(self._decoders, preview_of, picture)
        space = await self._on(self._searchers, self._space)
        return HeldPicture(await self._queue.picture(space, picture), preview)

    async def hold(self, upload: bytes) -> str:
        """Keep an uploaded picture to be searched by; returns its key. Raises as `look_at`."""
        return self._pictures.keep(upload, await self.look_at(upload))

    def preview(self, key: str) -> bytes:
        """A small JPEG of an uploaded picture. Raises PictureForgottenError."""
        return self._pictures.get(key).preview

    async def thumbnail(self, record: ImageRecord, side: Side) -> bytes:
        """A JPEG of a listed image, from the cache or made now. Raises FileChangedError."""

        def make() -> bytes:
            data = self._thumbnails.get(record.content_hash, side)
            if data is None:
                data = thumbnail_of(record, side)
                self._thumbnails.put(record.content_hash, side, data)
            return data

        return await self._on(self._decoders, make)

    async def file(self, record: ImageRecord) -> bytes:
        """The bytes of a listed image's file. Raises FileChangedError."""
        return await self._on(self._decoders, read_listed, record)

    async def info(self) -> LibraryInfo:
        """The library in numbers."""
        return await self._on(self._searchers, self._library.info)

    # on the loop

    async def _on(
        self, pool: ThreadPoolExecutor, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(pool, lambda: work(*args, **kwargs))

    # on the searchers' threads

    def _space(self) -> Space:
        space = self._library.space()
        if self._library.catalog.rows(space.info) == 0:
            raise NothingIndexedError(self._library.path)
        return space

    def _record(self, image_id: int) -> ImageRecord:
        records = self._library.catalog.images([image_id])
        if image_id not in records:
            raise NotListedError(image_id)
        return records[image_id]


def listed(image_id: int) -> Query:
    """The query that an image of the library is."""
    return Query((Source(Kind.LISTED, image_id),))


def default_cache() -> Path:
    """Where thumbnails are kept: the user's cache directory."""
    import platformdirs

    return platformdirs.user_cache_path("clipseek", appauthor=False) / "thumbnails"
