"""The weights of a graph as one stretch of bytes: mapped from a file, or put together from tensors.

A graph packs its weights for the CPU when it is compiled and first run, and needs the bytes it read
them from no more. Of a mapped file they are let go meanwhile, or a query by a picture would hold
all weights twice.
"""

from __future__ import annotations

import mmap
import threading
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

LET_GO_SECONDS = 0.005
"""Between two times that mapped bytes are let go: some 20 MB are read in it."""


class Weights:
    """Bytes for a graph. `data` is of shape (size,), uint8."""

    def __init__(self, data: NDArray[np.uint8], mapped: mmap.mmap | None = None) -> None:
        self.data = data
        self._mapped = mapped

    @classmethod
    def of_file(cls, path: Path) -> Weights:
        """The bytes of a file, read when they are looked at. Raises OSError and ValueError."""
        with path.open("rb") as file:  # a copy is made of what would be written; nothing is
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        return cls(np.frombuffer(mapped, dtype=np.uint8), mapped)

    @classmethod
    def of_tensors(cls, tensors: Iterable[NDArray[Any]]) -> Weights:
        """The bytes of tensors, one after another."""
        return cls(np.concatenate([_bytes(tensor) for tensor in tensors]))

    @property
    def checksum(self) -> str:
        """CRC-32 of the bytes, as eight hexadecimal digits."""
        with self.let_go():
            return f"{zlib.crc32(self.data.data):08x}"

    @contextmanager
    def let_go(self) -> Iterator[None]:
        """Bytes of a mapped file are let go while the block runs; they come back where needed."""
        drop = getattr(mmap, "MADV_DONTNEED", None)  # not on Windows
        if self._mapped is None or drop is None:
            yield
            return
        done = threading.Event()
        thread = threading.Thread(target=self._drop, args=(drop, done), daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _drop(self, advice: int, done: threading.Event) -> None:
        assert self._mapped is not None
        while not done.wait(LET_GO_SECONDS):
            self._mapped.madvise(advice)
        self._mapped.madvise(advice)


def _bytes(tensor: NDArray[Any]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(tensor).reshape(-1).view(np.uint8)
