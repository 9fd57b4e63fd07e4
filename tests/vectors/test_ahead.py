"""Scattered rows, asked of the disk all at once."""

from __future__ import annotations

import os
from itertools import pairwise
from mmap import PAGESIZE
from pathlib import Path

import numpy as np
import pytest

from searchengine.vectors import ahead
from searchengine.vectors.ahead import ask_ahead, stretches
from searchengine.vectors.file import Rows, VectorFile
from searchengine.vectors.scan import scan

DIM, COUNT = 384, 20_000
asks_the_system = pytest.mark.skipif(
    not hasattr(os, "RWF_NOWAIT") or not hasattr(os, "posix_fadvise"),
    reason="this system cannot be asked what is in memory",
)


@pytest.fixture
def stored(tmp_path: Path) -> VectorFile:
    file = VectorFile(tmp_path / "vectors.f16", DIM)
    rows = np.random.default_rng(1).normal(size=(COUNT, DIM)).astype(np.float32)
    file.append(rows / np.linalg.norm(rows, axis=1, keepdims=True), rows=0, last=None)
    return file


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Every stretch that the system was asked for, where it begins and ends."""
    found: list[tuple[int, int]] = []

    def note(_file: int, start: int, length: int, advice: int) -> None:
        assert advice == os.POSIX_FADV_WILLNEED
        found.append((start, start + length))

    monkeypatch.setattr(os, "posix_fadvise", note)
    return found


def cold(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a system says it of rows that are not in memory."""

    def not_there(*_: object) -> int:
        raise BlockingIOError

    monkeypatch.setattr(os, "preadv", not_there)


@pytest.mark.parametrize("row_bytes", [512, 768, 1024, 1536, PAGESIZE, 5000])
def test_stretches_are_the_pages_of_the_rows_and_no_others(row_bytes: int) -> None:
    numbers = np.sort(np.random.default_rng(row_bytes).choice(5_000, 300, replace=False))
    wanted = {
        page
        for number in numbers.tolist()
        for page in range(
            number * row_bytes // PAGESIZE, ((number + 1) * row_bytes - 1) // PAGESIZE + 1
        )
    }
    found = [*stretches(numbers, row_bytes)]
    pages = [page for start, stop in found for page in range(start // PAGESIZE, stop // PAGESIZE)]
    assert sorted(pages) == sorted(wanted)
    assert all(before < after for (_, before), (after, _) in pairwise(found))


@asks_the_system
def test_rows_on_the_disk_alone_are_asked_for(
    stored: VectorFile, asked: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    cold(monkeypatch)
    numbers = np.arange(0, COUNT, 50)
    scan(stored.read(COUNT), stored.read(1).astype(np.float32), 3, among=numbers)
    assert asked == [*stretches(numbers, 2 * DIM)]


@asks_the_system
def test_rows_in_memory_are_not(stored: VectorFile, asked: list[tuple[int, int]]) -> None:
    assert stored.path.read_bytes()
    ask_ahead(stored.read(COUNT), np.arange(0, COUNT, 50))
    assert not asked


@asks_the_system
def test_a_few_rows_arrays_and_parts_of_files_are_not(
    stored: VectorFile, asked: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    cold(monkeypatch)
    rows: list[tuple[Rows, int]] = [
        (stored.read(COUNT), ahead.LEAST_ROWS - 1),
        (np.array(stored.read(COUNT)), 400),
        (stored.read(COUNT)[100:], 400),
    ]
    for some, count in rows:
        ask_ahead(some, np.arange(count))
    assert not asked


@asks_the_system
def test_where_the_disk_is_not_to_be_asked_the_answer_is_the_same(
    stored: VectorFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError("not here")

    numbers, query = np.arange(0, COUNT, 50), stored.read(1).astype(np.float32)
    before = scan(stored.read(COUNT), query, 5, among=numbers)
    cold(monkeypatch)
    monkeypatch.setattr(os, "posix_fadvise", refused)
    for mine, theirs in zip(scan(stored.read(COUNT), query, 5, among=numbers), before, strict=True):
        np.testing.assert_array_equal(mine, theirs)
