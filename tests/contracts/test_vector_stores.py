"""The contract of vector stores, kept by the file of rows."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from searchengine.vectors.file import VectorFile
from tests.contracts.vector_store import DIM, Stores, VectorStoreContract


class Files(Stores):
    def __init__(self, path: Path) -> None:
        self.path = path

    def open(self) -> VectorFile:
        return VectorFile(self.path, DIM)

    def leave_garbage(self) -> None:
        with self.path.open("ab") as file:
            file.write(b"half of a row")

    def lose(self, rows: int) -> None:
        os.truncate(self.path, 2 * DIM * rows + DIM)

    @contextmanager
    def full(self) -> Iterator[None]:
        def refuse(_descriptor: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "fsync", refuse)
            yield


class TestVectorFile(VectorStoreContract):
    @pytest.fixture
    def stores(self, tmp_path: Path) -> Files:
        directory = tmp_path / "library" / "spaces" / "x"
        directory.mkdir(parents=True)
        return Files(directory / "vectors.f16")
