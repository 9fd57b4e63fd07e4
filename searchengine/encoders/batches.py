"""Many items through a model in batches, and in smaller ones once its memory was too small."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np

from searchengine.types import Vectors

Item = TypeVar("Item")

_SAID_WITHOUT_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")
"""Words of torch's allocators for CUDA, MPS and CPUs; only the first has an exception type."""


class BatchTooLargeError(Exception):
    """The memory does not suffice for a single item."""


@dataclass(slots=True)
class BatchLimit:
    """How many items go through at once. It is halved for good where the memory is too small."""

    size: int

    def embed(
        self, items: Sequence[Item], dim: int, embed: Callable[[Sequence[Item]], Vectors]
    ) -> Vectors:
        """Rows of all items, shape (n, dim), float32.

        Raises BatchTooLargeError where even one item is too many, and what `embed` raises else.
        """
        return self.embed_ahead(items, dim, lambda part: partial(_same, embed(part)))

    def embed_ahead(
        self,
        items: Sequence[Item],
        dim: int,
        begin: Callable[[Sequence[Item]], Callable[[], Vectors]],
    ) -> Vectors:
        """As `embed`, of a device that computes by itself.

        `begin` returns what waits for the rows of a batch: the next one is begun before.
        """
        out = np.empty((len(items), dim), dtype=np.float32)
        begun, finish = 0, _nothing
        while begun < len(items):
            part = items[begun : begun + self.size]
            try:
                wait = begin(part)
            except (RuntimeError, MemoryError) as error:
                if not _is_lack_of_memory(error):
                    raise
                if len(part) == 1:
                    raise BatchTooLargeError from error
            else:
                finish()
                finish = partial(_put, out[begun : begun + len(part)], wait)
                begun += len(part)
                continue
            # Outside the handler, whose traceback holds the tensors there was no room for.
            self.size = len(part) // 2
            finish()
            finish = _nothing
            _give_back()
        finish()
        return out


def _same(rows: Vectors) -> Vectors:
    return rows


def _put(place: Vectors, wait: Callable[[], Vectors]) -> None:
    place[:] = wait()


def _nothing() -> None:
    """Nothing is under way."""


def _is_lack_of_memory(error: Exception) -> bool:
    text = str(error).lower()
    return isinstance(error, MemoryError) or any(said in text for said in _SAID_WITHOUT_MEMORY)


def _give_back() -> None:
    """Let go of what torch, where it is loaded, keeps on a GPU for later."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
