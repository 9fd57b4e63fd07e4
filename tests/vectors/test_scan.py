"""The exact scan and the vector file against numpy on everything at once."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from searchengine.errors import LibraryDamagedError, StorageFullError
from searchengine.vectors import scan as exact
from searchengine.vectors.file import VectorFile
from searchengine.vectors.scan import scan

MakeRows = Callable[[int, int], np.ndarray]


def _oracle(rows: np.ndarray, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    scores = queries @ rows.astype(np.float32).T
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(scores, order, axis=1), order


@pytest.mark.parametrize("k", [1, 10, 100, 1000])
def test_scan_agrees_with_sorting_everything(
    random_rows: MakeRows, monkeypatch: pytest.MonkeyPatch, k: int
) -> None:
    monkeypatch.setattr(exact, "BLOCK_ROWS", 64)
    rows = random_rows(500, 32).astype(np.float16)
    queries = random_rows(7, 32)
    scores, numbers = scan(rows, queries, k)
    expected_scores, expected = _oracle(rows, queries, k)
    np.testing.assert_allclose(scores, expected_scores, atol=1e-6)
    np.testing.assert_array_equal(numbers, expected)


def test_scan_among_some_rows(random_rows: MakeRows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact, "BLOCK_ROWS", 16)
    rows = random_rows(200, 16).astype(np.float16)
    queries = random_rows(3, 16)
    among = np.arange(5, 200, 3)
    _, numbers = scan(rows, queries, 10, among=among)
    _, expected = _oracle(rows[among], queries, 10)
    np.testing.assert_array_equal(numbers, among[expected])


def test_ties_go_to_the_lower_row() -> None:
    rows = np.ones((10, 4), dtype=np.float16) / np.float16(2)
    _, numbers = scan(rows, np.ones((1, 4), dtype=np.float32), 10)
    np.testing.assert_array_equal(numbers[0], np.arange(10))


@pytest.mark.parametrize(("n", "k"), [(0, 5), (3, 5), (3, 0)])
def test_small_numbers(random_rows: MakeRows, n: int, k: int) -> None:
    rows = random_rows(n, 8).reshape(n, 8).astype(np.float16)
    scores, numbers = scan(rows, random_rows(2, 8), k)
    assert scores.shape == numbers.shape == (2, min(n, k))


def test_file_round_trip(tmp_path: Path, random_rows: MakeRows) -> None:
    file = _file(tmp_path, dim=16)
    rows = random_rows(30, 16)
    file.append(rows[:10], rows=0)
    file.append(rows[10:], rows=10)
    np.testing.assert_array_equal(file.read(30), rows.astype(np.float16))
    assert file.bytes == 30 * 16 * 2


def test_garbage_behind_the_rows_is_written_over(tmp_path: Path, random_rows: MakeRows) -> None:
    file = _file(tmp_path, dim=4)
    rows = random_rows(6, 4)
    file.append(rows[:3], rows=0)
    with file.path.open("ab") as stream:
        stream.write(b"half a row of a writer that died")
    file.append(rows[3:], rows=3)
    assert file.bytes == 6 * 4 * 2
    np.testing.assert_array_equal(file.read(6), rows.astype(np.float16))


def test_fewer_rows_than_the_catalog_lists(tmp_path: Path, random_rows: MakeRows) -> None:
    file = _file(tmp_path, dim=4)
    file.append(random_rows(2, 4), rows=0)
    with pytest.raises(LibraryDamagedError, match="holds 2 rows, the catalog lists 3"):
        file.read(3)
    with pytest.raises(LibraryDamagedError, match="damaged"):
        file.append(random_rows(2, 4), rows=3)


def test_a_full_disk_names_the_library(
    tmp_path: Path, random_rows: MakeRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = _file(tmp_path, dim=4)
    file.append(random_rows(2, 4), rows=0)

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StorageFullError, match=str(tmp_path / "library")):
            file.append(random_rows(3, 4), rows=2)
    file.append(random_rows(1, 4), rows=2)
    assert file.bytes == 3 * 4 * 2


def _file(tmp_path: Path, dim: int) -> VectorFile:
    directory = tmp_path / "library" / "spaces" / "x"
    directory.mkdir(parents=True)
    return VectorFile(directory / "vectors.f16", dim)


def test_rows_to_scan_are_kept_in_float32_and_grow(
    tmp_path: Path, random_rows: MakeRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "spaces" / "x"
    directory.mkdir(parents=True)
    file = VectorFile(directory / "vectors.f16", 8)
    rows = random_rows(30, 8)
    stored = rows.astype(np.float16).astype(np.float32)
    assert file.read_to_scan(0).shape == (0, 8)
    file.append(rows[:20], rows=0)
    first = file.read_to_scan(20)
    assert first.dtype == np.float32
    np.testing.assert_array_equal(first, stored[:20])
    assert np.shares_memory(file.read_to_scan(10), first)
    file.append(rows[20:], rows=20)
    np.testing.assert_array_equal(file.read_to_scan(30), stored)
    monkeypatch.setattr("searchengine.vectors.file.KEPT_BYTES", 30 * 8 * 4 - 1)
    assert file.read_to_scan(30).dtype == np.float16, "a large file stays on the disk"
    np.testing.assert_array_equal(file.read_to_scan(30), stored)
