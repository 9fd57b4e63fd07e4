"""Many items through a model in batches, and in smaller ones once its memory was too small."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
        out = np.empty((len(items), dim), dtype=np.float32)
        done = 0
        while done < len(items):
            part = items[done : done + self.size]
            try:
                out[done : done + len(part)] = embed(part)
                done += len(part)
                continue
            except (RuntimeError, MemoryError) as error:
                if not _is_lack_of_memory(error):
                    raise
                if len(part) == 1:
                    raise BatchTooLargeError from error
            # Outside the handler, whose traceback holds the tensors there was no room for.
            self.size = len(part) // 2
            _give_back()
        return out


def _is_lack_of_memory(error: Exception) -> bool:
    text = str(error).lower()
    return isinstance(error, MemoryError) or any(said in text for said in _SAID_WITHOUT_MEMORY)


def _give_back() -> None:
    """Let go of what torch, where it is loaded, keeps on a GPU for later."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
