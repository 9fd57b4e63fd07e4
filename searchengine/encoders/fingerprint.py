"""The fingerprint of an encoder: which weights made a vector, told from a sample of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from numpy.typing import NDArray

SAMPLE = 64
"""Values of each tensor that go into the fingerprint: enough to tell any two trainings apart, and
a fraction of a second for the largest model."""


def stride(size: int) -> int:
    """The step by which a tensor of so many values gives at most `SAMPLE` of them."""
    return max(1, -(-size // SAMPLE))


def fingerprint_of(tensors: Iterable[tuple[str, tuple[int, ...], NDArray[Any]]]) -> str:
    """16 hexadecimal digits of SHA-256 over tensors in order of name.

    Each is a name, a shape, and every `stride`-th of its values in C order, hashed as float32:
    weights that are float16 in the file and float32 in the model have the same fingerprint.
    """
    digest = hashlib.sha256()
    for name, shape, sample in tensors:
        digest.update(f"{name}{shape}".encode())
        digest.update(sample.astype("<f4").tobytes())
    return digest.hexdigest()[:16]
