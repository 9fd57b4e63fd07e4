"""Decoding and encoding on the same cores: in turns."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from searchengine.encoders.interface import Encoder

BATCHES_A_TURN = 4
"""At the start of a turn the last decodes are still under way: longer turns, fewer such starts."""


class Turns:
    """Holds decoders back while an encoder computes on the CPU; on a GPU both go on at once.

    A step of a model is spread over all cores and waits for the last of them. A decoder that takes
    one of these for its time slice lets the others spin: a run at 12 megapixels lost a fifth.
    """

    def __init__(self, encoder: Encoder) -> None:
        self._are_shared = encoder.device == "cpu"
        self._free = threading.Event()
        self._free.set()

    @property
    def batches(self) -> int:
        """How many batches to collect for one turn of the encoder."""
        return BATCHES_A_TURN if self._are_shared else 1

    def wait(self) -> None:
        """Called by a decoder's thread, after reading: returns when it may use the cores."""
        self._free.wait()

    @contextmanager
    def encoding(self) -> Iterator[None]:
        """The encoder's turn."""
        if self._are_shared:
            self._free.clear()
        try:
            yield
        finally:
            self._free.set()
