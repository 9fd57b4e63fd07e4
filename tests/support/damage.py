"""What disks and people do to a library: bits that flip, rows that are written over."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from searchengine.catalog.records import Batch
from searchengine.library.library import Library, open_library
from searchengine.spaces.space import Space
from searchengine.types import FileState, ImageEntry, ImageFacts, Vectors
from tests.support.fake import FakeEncoder

DIM = 32
FACTORY = "IVF4,PQ8np"


def flip(path: Path, byte: int, bit: int = 6) -> None:
    """Turn one bit of a file around."""
    data = bytearray(path.read_bytes())
    data[byte] ^= 1 << bit
    path.write_bytes(data)


def set_row(path: Path, row: int, values: Vectors | float, dim: int) -> None:
    """Write over one row of a vector file."""
    rows = np.fromfile(path, dtype=np.float16).reshape(-1, dim)
    rows[row] = values
    path.write_bytes(rows.tobytes())


def unit_rows(count: int, dim: int = DIM, seed: int = 3) -> Vectors:
    """Shape (count, dim), of length 1."""
    rows = np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32)
    unit: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def entries(start: int, stop: int) -> list[ImageEntry]:
    """Images that are not there, by number."""
    return [
        ImageEntry(FileState(f"/p/{n}", 1, 1), n.to_bytes(16, "big"), ImageFacts(1, 1, "PNG"))
        for n in range(start, stop)
    ]


def wide_encoder() -> FakeEncoder:
    """The fake encoder with room for an index."""
    encoder = FakeEncoder()
    encoder.dim = DIM
    return encoder


def make_indexed(path: Path, count: int) -> None:
    """A library of so many random rows, at least 256, with an index over them."""
    with open_library(path, create=True, load=lambda _: wide_encoder()) as library:
        space = fill(library, unit_rows(count))
        with library.writing():
            space.refresh_index(factory=FACTORY)


def fill(library: Library, rows: Vectors, start: int = 0) -> Space:
    """List an image for each of the rows, shape (n, DIM)."""
    with library.writing() as writer:
        space = writer.space_for(wide_encoder())
        writer.commit(space, Batch(added=entries(start, start + len(rows))), rows)
    return space
