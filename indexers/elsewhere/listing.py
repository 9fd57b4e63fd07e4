"""What another program lists, as `take_over` asks for it; and what can be used of it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol, TypeGuard

import numpy as np
from numpy.typing import NDArray

from searchengine.datasets.stored_vectors import NOT_UNIT
from searchengine.paths import is_text
from searchengine.types import Vectors

LONGEST_PATH = 32_768

SAMPLE = 16
"""Pictures, and texts, that are encoded again before any vector is believed."""

LEAST_COSINE = 0.99
"""Between their vector and ours, for each of them: other programs decode and scale a little
otherwise, and other weights give another vector altogether."""


class Listed(Protocol):
    """A picture that is listed."""

    @property
    def id(self) -> int:
        """Of its vector."""

    @property
    def path(self) -> str:
        """Absolute."""

    @property
    def caption(self) -> str:
        """What is written about it; empty where nothing is."""

    def is_of(self, facts: os.stat_result) -> bool:
        """Whether a file with these facts can be the one that was encoded."""


class Listing(Protocol):
    """All of them, in one place that is not changed."""

    @property
    def program(self) -> str:
        """Whose it is. Captions are kept under this name."""

    @property
    def path(self) -> Path:
        """Where it lies."""

    def entries(self) -> Iterator[Listed | None]:
        """Every picture; None for what cannot be one."""

    def vectors(self, numbers: Sequence[int], dim: int) -> tuple[Vectors, list[bool]]:
        """Unit rows of the pictures of these ids, in order, and which of them can be used.

        Rows have shape (n, dim), float32; those that cannot be used are zeros.
        """

    def text_vectors(self, numbers: Sequence[int], dim: int) -> tuple[Vectors, list[bool]]:
        """The same of the captions of these pictures."""


def is_file_path(path: object) -> TypeGuard[str]:
    """Whether this can be the absolute path of a file."""
    if not isinstance(path, str) or not 0 < len(path) <= LONGEST_PATH:
        return False
    return os.path.isabs(path) and "\0" not in path and is_text(path)


def unit_rows(rows: NDArray[np.floating]) -> tuple[Vectors, list[bool]]:
    """Rows (n, d) brought to length 1, float32, and whether each had about that length already.

    Those that had not are zeros.
    """
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        wide = rows.astype(np.float64)
        lengths = np.linalg.norm(wide, axis=1, keepdims=True)
        is_unit = np.abs(lengths - 1) <= NOT_UNIT
        unit: Vectors = np.where(is_unit, wide / lengths, 0).astype(np.float32)
    return unit, [bool(each) for each in is_unit[:, 0]]
