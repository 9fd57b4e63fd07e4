"""Decoding and encoding on the same cores: decoders pause while the encoder computes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from searchengine.encoders.interface import Encoder

BATCHES_A_PAUSE = 4
"""When a pause begins the last decodes are still under way: longer pauses, fewer such starts."""


class DecodeThrottle:
    """Holds decoders back while an encoder computes on the CPU; on a GPU both go on at once.

    A step of a model is spread over all cores and waits for the last of them. A decoder that takes
    one of these for its time slice lets the others spin: a run at 12 megapixels lost a fifth.
    """

    def __init__(self) -> None:
        self._are_shared = False
        self._free = threading.Event()
        self._free.set()

    def share_with(self, encoder: Encoder) -> None:
        """Called once it is known who encodes."""
        self._are_shared = encoder.device == "cpu"

    @property
    def batches(self) -> int:
        """How many batches to collect for one pause of the decoders."""
        return BATCHES_A_PAUSE if self._are_shared else 1

    def wait(self) -> None:
        """Called by a decoder's thread, after reading: returns when it may use the cores."""
        self._free.wait()

    @contextmanager
    def encoding(self) -> Iterator[None]:
        """The encoder computes: decoders that would begin wait until it is done."""
        if self._are_shared:
            self._free.clear()
        try:
            yield
        finally:
            self._free.set()

    @contextmanager
    def interrupted(self) -> Iterator[None]:
        """Something else goes on between two steps of the encoder: decoders may use the cores."""
        is_encoding = not self._free.is_set()
        self._free.set()
        try:
            yield
        finally:
            if is_encoding:
                self._free.clear()
