"""An encoder that is loaded when the first picture needs it, and not before."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any, TypeVar

from searchengine.encoders.interface import Encoder

Result = TypeVar("Result")


class EncoderOnCall:
    """Reading threads ask for the encoder; the thread that waits for what they read loads it.

    So it is loaded where an interrupt comes to, and where a library may set up threads of its own.
    """

    loaded: Encoder | None
    """None before the first picture needs it."""
    load_seconds: float
    """Spent in loading."""

    def __init__(self, load: Callable[[], Encoder]) -> None:
        self.loaded = None
        self.load_seconds = 0.0
        self._load = load
        self._asking = threading.Lock()
        self._asked: Future[None] = Future()
        self._encoder: Future[Encoder] = Future()

    def ask(self) -> Encoder:
        """The encoder. A reading thread waits here until it is loaded.

        Raises what loading it raised, and CancelledError where nobody waits any more.
        """
        with self._asking:
            if not self._asked.done():
                self._asked.set_result(None)
        return self._encoder.result()

    def result_of(self, reading: Future[Result]) -> Result:
        """What a reading thread returns; meanwhile the encoder is loaded, where one asks for it."""
        if not self._encoder.done():
            either: tuple[Future[Any], ...] = (reading, self._asked)
            wait(either, return_when=FIRST_COMPLETED)
            if not reading.done():
                self._load_now()
        return reading.result()

    def dismiss(self) -> None:
        """Nobody waits any more: threads that ask for an encoder that is not loaded go on."""
        self._encoder.cancel()

    def _load_now(self) -> None:
        started = time.perf_counter()
        self.loaded = self._load()
        self.load_seconds = time.perf_counter() - started
        self._encoder.set_result(self.loaded)
