"""What every store of exact rows must do, whatever keeps them, as tests.

A class of tests for an implementation inherits `VectorStoreContract` and overrides `stores`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from typing import Protocol

import numpy as np
import pytest

from searchengine.errors import LibraryDamagedError, StorageFullError
from searchengine.types import Vectors
from searchengine.vectors.file import Rows

DIM = 12


class VectorStore(Protocol):
    """Rows of one width, in the order they were appended; the catalog knows how many count."""

    @property
    def bytes(self) -> int:
        """What it takes on the disk."""

    def append(self, vectors: Vectors, *, rows: int) -> object:
        """Keep `vectors`, shape (n, d), behind the first `rows` rows; lasting when it returns."""

    def read(self, rows: int) -> Rows:
        """The first `rows` rows, shape (rows, d), float16, read-only."""


class Stores(ABC):
    """One place for rows of width `DIM`: opened as often as wished, and harmed."""

    @abstractmethod
    def open(self) -> VectorStore:
        """The store in this place, as another process would open it."""

    @abstractmethod
    def leave_garbage(self) -> None:
        """What a writer leaves behind the rows that dies in the middle of one."""

    @abstractmethod
    def lose(self, rows: int) -> None:
        """Keep the first `rows` rows and half of the next, as a disk that lost the others."""

    @abstractmethod
    def full(self) -> AbstractContextManager[object]:
        """Inside it the disk is full."""


def unit_rows(n: int, seed: int = 7) -> Vectors:
    """Shape (n, DIM), of length 1, and different with each seed."""
    rows = np.random.default_rng(seed).normal(size=(n, DIM)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def assert_rows(found: Rows, wanted: Vectors) -> None:
    """`found` are `wanted`, rounded to float16, and cannot be written to."""
    assert found.dtype == np.float16
    assert not found.size or not found.flags.writeable
    np.testing.assert_array_equal(found, wanted.astype(np.float16))


class VectorStoreContract:
    """What a store promises."""

    @pytest.fixture
    def stores(self) -> Stores:
        """An empty place."""
        raise NotImplementedError

    def test_rows_come_back_in_order(self, stores: Stores) -> None:
        store, rows = stores.open(), unit_rows(30)
        store.append(rows[:10], rows=0)
        store.append(rows[10:], rows=10)
        for count in (1, 10, 11, 30):
            assert_rows(store.read(count), rows[:count])
        assert_rows(stores.open().read(30), rows)
        assert store.bytes >= rows.astype(np.float16).nbytes

    def test_an_empty_store_has_no_rows(self, stores: Stores) -> None:
        store = stores.open()
        assert store.read(0).shape == (0, DIM)
        assert store.read(0).dtype == np.float16
        assert store.bytes == 0

    def test_nothing_appended_changes_nothing(self, stores: Stores) -> None:
        store, rows = stores.open(), unit_rows(3)
        store.append(rows[:0], rows=0)
        assert store.read(0).shape == (0, DIM)
        store.append(rows, rows=0)
        store.append(rows[:0], rows=3)
        assert_rows(store.read(3), rows)

    def test_rows_need_not_lie_together(self, stores: Stores) -> None:
        store, rows = stores.open(), unit_rows(20)
        store.append(rows[::2], rows=0)
        store.append(np.asfortranarray(rows[1::2]), rows=10)
        assert_rows(store.read(20), np.concatenate([rows[::2], rows[1::2]]))

    def test_garbage_behind_the_rows_is_not_read_and_written_over(self, stores: Stores) -> None:
        store, rows = stores.open(), unit_rows(6)
        store.append(rows[:3], rows=0)
        stores.leave_garbage()
        assert_rows(stores.open().read(3), rows[:3])
        stores.open().append(rows[3:], rows=3)
        assert_rows(stores.open().read(6), rows)

    def test_rows_that_were_never_recorded_are_written_over(self, stores: Stores) -> None:
        store, rows = stores.open(), unit_rows(6)
        store.append(unit_rows(5, seed=1), rows=0)
        store.append(rows, rows=0)
        assert_rows(store.read(6), rows)
        store.append(rows[:2], rows=4)
        assert_rows(store.read(6), np.concatenate([rows[:4], rows[:2]]))

    def test_lost_rows_are_damage(self, stores: Stores) -> None:
        rows = unit_rows(5)
        stores.open().append(rows, rows=0)
        stores.lose(rows=2)
        store = stores.open()
        assert_rows(store.read(2), rows[:2])
        with pytest.raises(LibraryDamagedError, match="holds 2 rows, the catalog lists 3"):
            store.read(3)
        with pytest.raises(LibraryDamagedError, match="holds 2 rows, the catalog lists 5"):
            store.append(rows, rows=5)
        store.append(rows[2:], rows=2)
        assert_rows(store.read(5), rows)

    def test_rows_of_another_width_are_refused(self, stores: Stores) -> None:
        store, rows = stores.open(), unit_rows(4)
        store.append(rows, rows=0)
        size = store.bytes
        with pytest.raises(ValueError, match=f"width {DIM - 1} .* width {DIM}"):
            store.append(np.ascontiguousarray(rows[:, 1:]), rows=4)
        assert store.bytes == size
        assert_rows(store.read(4), rows)

    def test_a_full_disk_loses_no_row(self, stores: Stores) -> None:
        store, rows = stores.open(), unit_rows(6)
        store.append(rows[:3], rows=0)
        with stores.full(), pytest.raises(StorageFullError):
            store.append(unit_rows(3, seed=1), rows=3)
        assert_rows(store.read(3), rows[:3])
        store.append(rows[3:], rows=3)
        assert_rows(stores.open().read(6), rows)

    def test_what_a_reader_holds_stays_while_a_writer_appends(self, stores: Stores) -> None:
        rows = unit_rows(2_000)
        stores.open().append(rows[:500], rows=0)
        reader = stores.open()
        held, part = reader.read(500), reader.read(7)
        writer = stores.open()
        for start in range(500, 2_000, 500):
            writer.append(rows[start : start + 500], rows=start)
            stores.leave_garbage()
            assert_rows(held, rows[:500])
            assert_rows(part, rows[:7])
            assert_rows(reader.read(start + 500), rows[: start + 500])

    def test_rows_never_change(self, stores: Stores) -> None:
        rows = unit_rows(9)
        store = stores.open()
        store.append(rows[:4], rows=0)
        with pytest.raises(ValueError, match="read-only"):
            store.read(4)[0, 0] = 1
        with pytest.raises(ValueError, match="width"):
            store.append(rows[:, :3], rows=4)
        with pytest.raises(LibraryDamagedError):
            store.append(rows, rows=5)
        with stores.full(), pytest.raises(StorageFullError):
            store.append(rows[4:], rows=4)
        store.append(rows[4:], rows=4)
        assert_rows(store.read(4), rows[:4])
        assert_rows(stores.open().read(9), rows)
