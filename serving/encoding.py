"""The one encoder of the server, and the one thread that asks it.

Texts that arrive while the thread is busy wait together and are encoded as one batch: nobody waits
for a timer, and a crowd costs little more than one.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from searchengine.encoders.interface import Encoder, TextEncoder
from searchengine.errors import ClipseekError
from searchengine.types import Vectors

MAX_JOINED = 32
"""Texts encoded together: more would make the first of them wait for the last."""

REMEMBERED = 2_000
"""Texts whose vectors are kept, some 2 KB each: every page of hits asks for its query again."""

Vector = NDArray[np.float32]
Loaded = TypeVar("Loaded")


class EncodingDesk:
    """Encodes texts and pictures for any number of callers, one batch at a time."""

    def __init__(
        self, for_texts: Callable[[], TextEncoder], for_pictures: Callable[[], Encoder]
    ) -> None:
        """Each gives an encoder, loading it when it is first called; only one thread asks.

        What encodes texts may be a part of the other, and loads in a moment.
        """
        self._for_texts = for_texts
        self._for_pictures = for_pictures
        self._pool = ThreadPoolExecutor(1, "encoder")
        self._lock = threading.Lock()
        self._waiting: deque[tuple[str, Future[Vector]]] = deque()
        self._known: OrderedDict[str, Vector] = OrderedDict()
        self.state = "not loaded"
        """Of the encoder: "not loaded", "loading", "ready", or why it cannot be loaded."""

    def warm(self) -> None:
        """Begin to load what encodes texts. A failure is kept in `state`; a query tells it."""
        self._pool.submit(self._load, self._for_texts)

    def close(self) -> None:
        """End the thread; what waits is dropped."""
        self._pool.shutdown(cancel_futures=True)

    async def texts(self, texts: Sequence[str]) -> Vectors:
        """Unit rows, shape (len(texts), d). Raises the encoder's errors."""
        futures = [asyncio.wrap_future(self._vector_of(text)) for text in texts]
        return np.stack(await asyncio.gather(*futures))

    async def picture(self, picture: Image.Image) -> Vector:
        """A unit vector, shape (d,). Raises the encoder's errors."""
        return await asyncio.wrap_future(self._pool.submit(self._encode_picture, picture))

    def _vector_of(self, text: str) -> Future[Vector]:
        future: Future[Vector] = Future()
        with self._lock:
            known = self._known.get(text)
            if known is None:
                self._waiting.append((text, future))
            else:
                self._known.move_to_end(text)
        if known is None:
            self._pool.submit(self._encode_waiting)  # finds nothing where an earlier one took it
        else:
            future.set_result(known)
        return future

    def _encode_waiting(self) -> None:
        with self._lock:
            count = min(len(self._waiting), MAX_JOINED)
            taken = [self._waiting.popleft() for _ in range(count)]
        asked = [(text, future) for text, future in taken if future.set_running_or_notify_cancel()]
        if not asked:
            return
        texts = list(dict.fromkeys(text for text, _ in asked))
        try:
            vectors = dict(zip(texts, self._load(self._for_texts).encode_texts(texts), strict=True))
        except BaseException as error:
            for _, future in asked:
                future.set_exception(error)
            return
        with self._lock:
            self._known.update(vectors)
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        for text, future in asked:
            future.set_result(vectors[text])

    def _encode_picture(self, picture: Image.Image) -> Vector:
        vector: Vector = self._load(self._for_pictures).encode_images([picture])[0]
        return vector

    def _load(self, load: Callable[[], Loaded]) -> Loaded:
        if self.state != "ready":
            self.state = "loading"
        try:
            encoder = load()
        except ClipseekError as error:
            self.state = str(error)
            raise
        self.state = "ready"
        return encoder
