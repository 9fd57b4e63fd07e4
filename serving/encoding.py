"""The encoders of the server, and the one thread that asks them.

Texts that arrive while the thread is busy wait together and are encoded as one batch: nobody waits
for a timer, and a crowd costs little more than one.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from searchengine.embedding.heat import Heat, heat_of
from searchengine.encoders.interface import Encoder, TextEncoder
from searchengine.encoders.reading import tokens_of
from searchengine.errors import ClipseekError
from searchengine.spaces.encoders import SpaceEncoders
from searchengine.spaces.space import Space
from searchengine.types import Vectors

MAX_JOINED = 32
"""Texts encoded together: more would make the first of them wait for the last."""

REMEMBERED = 2_000
"""Texts whose vectors are kept, some 2 KB each: every page of hits asks for its query again."""

Vector = NDArray[np.float32]
Loaded = TypeVar("Loaded")


@dataclass(frozen=True, slots=True)
class _Waiting:
    space: Space
    text: str
    future: Future[Vector]


class EncoderQueue:
    """The encoders of a library for any number of callers, one batch at a time.

    It is a `SpaceEncoders` itself: a library that has it for its own gets the vectors of texts from
    the queue, whatever thread asks.
    """

    def __init__(self, encoders: SpaceEncoders) -> None:
        """`encoders` are asked by the queue's own thread alone."""
        self._encoders = encoders
        self._pool = ThreadPoolExecutor(1, "encoder")
        self._lock = threading.Lock()
        self._waiting: deque[_Waiting] = deque()
        self._known: OrderedDict[tuple[str, str], Vector] = OrderedDict()
        self.state = "not loaded"
        """Of the encoder: "not loaded", "loading", "ready", or why it cannot be loaded."""

    def warm(self, space: Space) -> None:
        """Begin to load what encodes texts. A failure is kept in `state`; a query tells it."""
        self._pool.submit(self._load, self._encoders.for_texts, space)

    def close(self) -> None:
        """End the thread; what waits is dropped."""
        self._pool.shutdown(cancel_futures=True)

    async def texts(self, space: Space, texts: Sequence[str]) -> Vectors:
        """Unit rows, shape (len(texts), d). Raises the encoder's errors."""
        futures = [asyncio.wrap_future(self._vector_of(space, text)) for text in texts]
        return np.stack(await asyncio.gather(*futures))

    async def picture(self, space: Space, picture: Image.Image) -> Vector:
        """A unit vector, shape (d,). Raises the encoder's errors."""
        return await asyncio.wrap_future(self._pool.submit(self._encode_picture, space, picture))

    async def heat(self, space: Space, picture: Image.Image, text: str) -> Heat:
        """Where a text is seen in a picture. Raises InputError where the encoder has no maps."""

        def look() -> Heat:
            return heat_of(self._load(self._encoders.whole, space), picture, text)

        return await asyncio.wrap_future(self._pool.submit(look))

    # as the encoders of a library

    def whole(self, space: Space) -> Encoder:
        """The encoder of a space, loaded by the queue's thread."""
        return self._pool.submit(self._load, self._encoders.whole, space).result()

    def for_rows(self, space: Space) -> Encoder:
        """The same in the precision that rows are made in."""
        return self._pool.submit(self._load, self._encoders.for_rows, space).result()

    def for_texts(self, space: Space) -> TextEncoder:
        """What encodes texts for a space, through the queue."""
        return QueuedTextEncoder(self, space)

    def use(self, encoder: Encoder, spaces: Iterable[Space]) -> None:
        """Use an encoder that is loaded already for its space."""
        self._encoders.use(encoder, spaces)

    def encode_texts(self, space: Space, texts: Sequence[str]) -> Vectors:
        """As `texts`, for any thread but the queue's own and that of the event loop."""
        futures = [self._vector_of(space, text) for text in texts]
        return np.stack([future.result() for future in futures])

    def tokens(self, space: Space, texts: Sequence[str]) -> Sequence[Sequence[int]]:
        """The ids of texts, cut at the context. Raises the encoder's errors."""
        load = self._encoders.for_texts
        return self._pool.submit(lambda: tokens_of(self._load(load, space), texts)).result()

    # on the queue's thread

    def _vector_of(self, space: Space, text: str) -> Future[Vector]:
        future: Future[Vector] = Future()
        key = (space.info.name, text)
        with self._lock:
            known = self._known.get(key)
            if known is None:
                self._waiting.append(_Waiting(space, text, future))
            else:
                self._known.move_to_end(key)
        if known is None:
            self._pool.submit(self._encode_waiting)  # finds nothing where an earlier one took it
        else:
            future.set_result(known)
        return future

    def _encode_waiting(self) -> None:
        with self._lock:
            taken = self._take()
        asked = [each for each in taken if each.future.set_running_or_notify_cancel()]
        if not asked:
            return
        space, texts = asked[0].space, list(dict.fromkeys(each.text for each in asked))
        try:
            encoder = self._load(self._encoders.for_texts, space)
            vectors = dict(zip(texts, encoder.encode_texts(texts), strict=True))
        except BaseException as error:
            for each in asked:
                each.future.set_exception(error)
            return
        with self._lock:
            self._known.update({(space.info.name, text): row for text, row in vectors.items()})
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        for each in asked:
            each.future.set_result(vectors[each.text])

    def _take(self) -> list[_Waiting]:
        """The first that wait, all for the same space."""
        taken: list[_Waiting] = []
        while self._waiting and len(taken) < MAX_JOINED:
            if taken and self._waiting[0].space is not taken[0].space:
                break
            taken.append(self._waiting.popleft())
        return taken

    def _encode_picture(self, space: Space, picture: Image.Image) -> Vector:
        vector: Vector = self._load(self._encoders.whole, space).encode_images([picture])[0]
        return vector

    def _load(self, load: Callable[[Space], Loaded], space: Space) -> Loaded:
        if self.state != "ready":
            self.state = "loading"
        try:
            encoder = load(space)
        except ClipseekError as error:
            self.state = str(error)
            raise
        self.state = "ready"
        return encoder


class QueuedTextEncoder:
    """A `searchengine.encoders.interface.TextEncoder` for any thread, through a queue."""

    def __init__(self, queue: EncoderQueue, space: Space) -> None:
        self._queue = queue
        self._space = space

    @property
    def name(self) -> str:
        """The name of the whole encoder."""
        return self._space.info.encoder

    @property
    def dim(self) -> int:
        """Length d of the vectors."""
        return self._space.info.dim

    @property
    def fingerprint(self) -> str:
        """Of the weights that made the space."""
        return self._space.info.fingerprint

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Texts to unit rows, shape (n, d), float32. Raises the encoder's errors."""
        return self._queue.encode_texts(self._space, texts)

    def tokens(self, texts: Sequence[str]) -> Sequence[Sequence[int]]:
        """The ids of texts, cut at the context, by the queue's thread."""
        return self._queue.tokens(self._space, texts)
