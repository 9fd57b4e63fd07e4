"""Vectors of names, kept in a space beside those of its images: an encoder reads a list once."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from searchengine.encoders.interface import TextEncoder
from searchengine.files import read_small, replacing
from searchengine.float16 import widened
from searchengine.types import Vectors

MOST_BYTES = 200_000_000
"""Of a file of them: 20,000 names of five words at 1,000 dimensions."""

CHECKSUM_BYTES = 4
"""CRC-32, little-endian."""


def vectors_of_texts(
    texts: Sequence[str], encoder: TextEncoder, directory: Path, use: str
) -> Vectors:
    """Unit rows of texts, shape (n, d), rounded to float16 as stored rows are.

    They are kept in `directory` for a `use`, a checksum behind them, and other texts' of that use
    are taken away. A directory that cannot be written is no error: the file saves time, and nothing
    depends on it.
    """
    told = "\0".join((encoder.fingerprint, *texts))
    path = directory / f"names-{use}-{hashlib.sha256(told.encode()).hexdigest()[:16]}.f16"
    kept = _read(path, len(texts), encoder.dim)
    if kept is not None:
        return kept
    rows = encoder.encode_texts(texts).astype(np.float16)
    with suppress(OSError):
        for other in directory.glob(f"names-{use}-*.f16"):
            other.unlink(missing_ok=True)
        with replacing(path) as beside:
            beside.write_bytes(rows.tobytes() + _checksum(rows.tobytes()))
    return widened(rows)


def _read(path: Path, n: int, d: int) -> Vectors | None:
    try:
        data = read_small(path, most=MOST_BYTES)
    except OSError:
        return None
    values, checksum = data[:-CHECKSUM_BYTES], data[-CHECKSUM_BYTES:]
    if len(values) != 2 * n * d or checksum != _checksum(values):
        return None
    return widened(np.frombuffer(values, dtype="<f2").reshape(n, d))


def _checksum(values: bytes) -> bytes:
    return zlib.crc32(values).to_bytes(CHECKSUM_BYTES, "little")
