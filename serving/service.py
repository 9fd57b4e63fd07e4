"""Answers for the web: one library, one encoder, and threads for what would hold up the others.

Searching, decoding and encoding each have threads of their own: a crowd that wants thumbnails does
not keep anybody from searching.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from searchengine.catalog.gathered.places import PlaceCount
from searchengine.catalog.labels.given import Label
from searchengine.catalog.records import Facets
from searchengine.errors import InputError, QueryError
from searchengine.library.library import Library
from searchengine.library.status import LibraryInfo
from searchengine.retrieval.hits import Hits
from searchengine.retrieval.query import Kind, Query, Source
from searchengine.retrieval.terms import parse_text
from searchengine.types import Filter, ImageRecord, SpaceInfo, TextHit, Vectors
from serving.asking.looking import record_of, vectors_of
from serving.asking.query import listed, located, query_of
from serving.asking.where import Maps, drawn, picture_of, wanted
from serving.files.archive import archive
from serving.files.listed import KnownContents, ListedFile
from serving.opened import Opened, OpenedLibrary
from serving.pictures import HeldPicture, preview_of, read_upload
from serving.question import Question
from serving.thumbnails import Side, ThumbnailCache, thumbnail_of

SEARCHERS = 4
"""Threads that search: each releases the interpreter while it multiplies."""

DECODERS = 2
"""Threads that decode pictures: each may hold a full-size one."""

READERS = 4
"""Threads that read pieces of files, a moment each."""

P = ParamSpec("P")
T = TypeVar("T")


class LibraryService:
    """Answers questions about a library, for any number of people at once."""

    def __init__(self, library: Library, thumbnails: ThumbnailCache) -> None:
        self._opened = OpenedLibrary(library)
        self._thumbnails = thumbnails
        self._contents = KnownContents()
        self._maps = Maps()
        self._changes = asyncio.Lock()
        self._searchers = ThreadPoolExecutor(SEARCHERS, "search")
        self._decoders = ThreadPoolExecutor(DECODERS, "thumbnail")
        self._readers = ThreadPoolExecutor(READERS, "file")

    def warm(self) -> None:
        """Load what encodes texts ahead of the first query."""
        self._opened.last.warm()

    def close(self) -> None:
        """End the threads; what waits is dropped."""
        for pool in (self._searchers, self._decoders, self._readers):
            pool.shutdown(cancel_futures=True)
        self._opened.close()

    @property
    def path(self) -> Path:
        """Where the library is."""
        return self._opened.path

    @property
    def encoder_state(self) -> str:
        """Of the encoder: "not loaded", "loading", "ready", or why it cannot be loaded."""
        return self._opened.last.queue.state

    async def check(self) -> None:
        """Raises LibraryGoneError, and the errors of opening one that took its place."""
        await self._on(self._searchers, self._opened.now)

    async def located(self, question: Question) -> tuple[Question, str | None]:
        """The question with the place it names in its filter, and which one was taken.

        Raises InputError for a name that is none, and MissingExtraError.
        """
        if question.near is None:
            return question, None
        return await self._on(self._searchers, located, question)

    async def search(self, question: Question, *, k: int, offset: int = 0) -> Hits:
        """The hits at ranks offset + 1 to offset + k.

        Raises QueryError where the question asks nothing, NothingIndexedError, NotListedError for
        marked images, PictureForgottenError, and the encoder's errors.
        """
        opened = await self._on(self._searchers, self._opened.now)
        space = await self._on(self._searchers, opened.searched_space)
        query = query_of(question, opened.pictures, space)
        if query.texts:  # encoded with those of others, and remembered: the search finds them known
            await opened.queue.texts(space, query.texts)
        return await self._on(
            self._searchers,
            opened.library.search,
            query,
            k=k,
            offset=offset,
            where=question.where,
            min_score=question.min_score,
            present_only=True,
            fold=not question.unfolded,
        )

    async def search_all(self, questions: Sequence[Question], *, k: int) -> list[Hits]:
        """The first hits of several questions, whose texts are encoded together.

        Raises as `search`.
        """
        opened = await self._on(self._searchers, self._opened.now)
        space = await self._on(self._searchers, opened.searched_space)
        queries = [query_of(question, opened.pictures, space) for question in questions]
        texts = [text for query in queries for text in query.texts]
        if texts:  # the searches find them known
            await opened.queue.texts(space, texts)
        return await asyncio.gather(*(self.search(question, k=k) for question in questions))

    async def vectors(
        self, ids: Sequence[int], texts: Sequence[str]
    ) -> tuple[SpaceInfo, Vectors, Vectors]:
        """The space that answers, and unit rows of images and of texts, shape (n, d) each.

        Raises NotListedError, QueryError for what makes no query, and the encoder's errors.
        """
        queries = [Query(tuple(parse_text(text))) for text in texts]
        opened = await self._on(self._searchers, self._opened.now)
        space = await self._on(self._searchers, opened.searched_space)
        words = [word for query in queries for word in query.texts]
        if words:
            await opened.queue.texts(space, words)
        return await self.ask(vectors_of, ids, queries)

    async def answered_by(self) -> str | None:
        """The encoder whose space answers, where the library has several; None where it has one."""

        def look() -> str | None:
            spaces = self._opened.now().library.spaces()
            return spaces[0].info.encoder if len(spaces) > 1 else None

        return await self._on(self._searchers, look)

    async def facets(self, where: Filter) -> Facets:
        """Counts for the choices of a filter, of now or a little while ago.

        Raises NothingIndexedError.
        """
        if self._opened.is_unchanged:
            known = self._opened.last.counts.known(where)
            if known is not None:
                return known
        return await self._on(self._searchers, lambda: self._opened.now().counts.get(where))

    async def change(self, work: Callable[[Library], T]) -> T:
        """What `work` writes to the library, one after another; counts follow at once."""

        def change(opened: Opened) -> T:
            try:
                return work(opened.library)
            finally:
                opened.counts.forget()
                opened.orders.forget()

        async with self._changes:
            return await self.ask(change)

    async def places(self) -> list[PlaceCount]:
        """The places where images were taken."""
        return await self.on_library(lambda library: library.places())

    async def record(self, image_id: int) -> ImageRecord:
        """What the catalog lists of an image. Raises NotListedError."""
        return await self.ask(record_of, image_id)

    async def on_library(self, work: Callable[[Library], T]) -> T:
        """What `work` says of the library that is there now. Raises LibraryGoneError."""
        return await self.ask(lambda opened: work(opened.library))

    async def labels(self, image_id: int) -> list[Label]:
        """The labels of an image, most probable first."""
        found = await self.on_library(lambda library: library.catalog.labels_of([image_id]))
        return found.get(image_id, [])

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

        def look() -> list[TextHit]:
            return self._opened.now().library.nearest_captions(asked, k=k)

        return await self._on(self._searchers, look)

    async def look_at(self, upload: bytes) -> HeldPicture:
        """The vector and a preview of an uploaded picture.

        Raises UploadTooLargeError, UploadRefusedError, and the encoder's errors.
        """
        picture = await self._on(self._decoders, read_upload, upload)
        preview = await self._on(self._decoders, preview_of, picture)
        opened = await self._on(self._searchers, self._opened.now)
        space = await self._on(self._searchers, opened.searched_space)
        vector = await opened.queue.picture(space, picture)
        return HeldPicture(vector, preview, space.info.name)

    async def hold(self, upload: bytes) -> str:
        """Keep an uploaded picture to be searched by; returns its key. Raises as `look_at`."""
        seen = await self.look_at(upload)
        return self._opened.last.pictures.keep(upload, seen)

    def preview(self, key: str) -> bytes:
        """A small JPEG of an uploaded picture. Raises PictureForgottenError."""
        return self._opened.last.pictures.get(key).preview

    async def thumbnail(self, record: ImageRecord, side: Side) -> bytes:
        """A JPEG of a listed image, from the cache or made now. Raises FileChangedError."""

        def make() -> bytes:
            data = self._thumbnails.get(record.content_hash, side)
            if data is None:
                data = thumbnail_of(record, side)
                self._thumbnails.put(record.content_hash, side, data)
            return data

        return await self._on(self._decoders, make)

    async def where(self, record: ImageRecord, text: str) -> bytes:
        """A PNG to lay over an image: it glows where the words of a question are seen.

        Raises QueryError without words, InputError where the encoder has no maps, and
        FileChangedError.
        """
        words = wanted(text)
        if not words:
            raise QueryError("no words to look for in the picture; give some with q")
        opened = await self._on(self._searchers, self._opened.now)
        space = await self._on(self._searchers, opened.searched_space)
        key = (record.content_hash, words, space.info.fingerprint)
        known = self._maps.get(key)
        if known is not None:
            return known
        picture = await self._on(self._decoders, picture_of, record)
        try:
            heat = await opened.queue.heat(space, picture, words)
        except InputError:
            self._maps.know_none(space.info.fingerprint)
            raise
        data = await self._on(self._decoders, drawn, heat, picture.size)
        self._maps.keep(key, data)
        return data

    def may_have_maps(self, fingerprint: str) -> bool:
        """Whether an encoder is not known to have no maps: asked for one, it is."""
        return not self._maps.has_none(fingerprint)

    async def file(self, record: ImageRecord) -> ListedFile:
        """The open file of a listed image, its content compared. Raises FileChangedError."""
        return await self._on(self._readers, self._contents.open, record)

    async def read_piece(self, file: ListedFile, start: int, count: int) -> bytes:
        """Up to `count` bytes of an open file. Raises FileChangedError."""
        return await self._on(self._readers, file.read, start, count)

    async def close_file(self, file: ListedFile) -> None:
        """Close a file that was opened here."""
        await self._on(self._readers, file.close)

    async def packed(self, records: Sequence[ImageRecord]) -> AsyncIterator[bytes]:
        """The pieces of an archive of these images' files, as fast as they are taken.

        A file that changes while it is read raises FileChangedError: the archive has no end then.
        """
        pieces = archive(records, self._contents.open)
        try:
            while (piece := await self._on(self._readers, next, pieces, None)) is not None:
                yield piece
        finally:
            await self._on(self._readers, pieces.close)

    async def info(self) -> LibraryInfo:
        """The library in numbers."""
        return await self.on_library(lambda library: library.info())

    async def ask(
        self, look: Callable[Concatenate[Opened, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """What a function makes of the library that is there now, on a thread that searches."""
        return await self._on(self._searchers, lambda: look(self._opened.now(), *args, **kwargs))

    # on the loop

    async def _on(
        self, pool: ThreadPoolExecutor, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(pool, lambda: work(*args, **kwargs))
