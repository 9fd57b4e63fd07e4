"""Files to vectors: in order, whatever is broken, and never far ahead."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from searchengine.embedding import stream as embedding
from searchengine.embedding.stream import ahead, embed_files
from searchengine.embedding.throttle import Turns
from searchengine.errors import InputError
from searchengine.types import Pixels, Vectors
from tests.conftest import Watcher, Workbench
from tests.support.fake import COLOURS, FakeEncoder


class Counting(FakeEncoder):
    """Remembers how many pictures it was given at a time."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def encode_pixels(self, pixels: Sequence[Pixels]) -> Vectors:
        self.batches.append(len(pixels))
        return super().encode_pixels(pixels)


@pytest.fixture
def painted(bench: Workbench) -> list[Path]:
    return [bench.paint(f"{name}.png", name) for name in COLOURS]


def test_rows_come_in_the_order_of_the_files(painted: list[Path]) -> None:
    watcher, encoder = Watcher(), FakeEncoder()
    rows, broken = embed_files(painted, encoder, watcher)
    assert rows.shape == (9, 8)
    assert rows.dtype == np.float32
    assert not broken
    wanted = encoder.encode_texts(list(COLOURS))
    np.testing.assert_allclose(rows, wanted, atol=0.02)  # a pixel of each picture is its name's
    turned, _ = embed_files(painted[::-1], encoder, Watcher())
    np.testing.assert_array_equal(turned, rows[::-1])
    assert watcher.done == 9


def test_broken_files_are_told_and_left_out(painted: list[Path], tmp_path: Path) -> None:
    cut, gone, folder = tmp_path / "cut.png", tmp_path / "gone.png", tmp_path / "folder.png"
    cut.write_bytes(painted[0].read_bytes()[:60])
    folder.mkdir()
    watcher = Watcher()
    files = [painted[0], cut, painted[1], gone, folder, painted[2]]
    rows, broken = embed_files(files, FakeEncoder(), watcher)
    np.testing.assert_array_equal(rows, embed_files(painted[:3], FakeEncoder(), Watcher())[0])
    assert list(broken) == [cut, gone, folder]
    assert broken[gone] == "no such file or directory"
    assert broken[folder] == "is a directory"
    assert watcher.skipped_files == {str(path): reason for path, reason in broken.items()}
    assert watcher.done == 6


def test_nothing_that_can_be_read(tmp_path: Path) -> None:
    files = [tmp_path / "a.png", tmp_path / "b.png"]
    with pytest.raises(InputError, match=r"none of the 2 images .* being .*a.png: no such file"):
        embed_files(files, FakeEncoder(), Watcher())
    with pytest.raises(InputError, match=r"none of the 0 images can be read$"):
        embed_files([], FakeEncoder(), Watcher())


@pytest.mark.parametrize(("size", "batches"), [(4, [4, 4, 1]), (3, [3, 3, 3]), (16, [9])])
def test_pictures_are_encoded_in_batches(
    monkeypatch: pytest.MonkeyPatch, painted: list[Path], size: int, batches: list[int]
) -> None:
    whole, _ = embed_files(painted, FakeEncoder(), Watcher())
    monkeypatch.setitem(embedding.BATCH_SIZES, "cpu", size)
    encoder = Counting()
    rows, _ = embed_files(painted, encoder, Watcher())
    assert encoder.batches == batches
    np.testing.assert_array_equal(rows, whole)


@pytest.mark.parametrize("depth", [1, 3, 50])
def test_at_most_so_many_are_under_way(depth: int) -> None:
    begun: list[int] = []
    lock = threading.Lock()

    def work(job: int) -> int:
        with lock:
            begun.append(job)
        return job * job

    taken = 0
    with ThreadPoolExecutor(8) as pool:
        for taken, outcome in enumerate(ahead(pool, work, range(20), depth)):
            assert outcome == taken * taken
            with lock:
                assert len(begun) <= taken + depth
    assert taken == 19
    assert sorted(begun) == list(range(20))


def test_the_next_are_under_way_while_one_is_waited_for() -> None:
    """With a depth of three the third job starts although the first has not ended."""
    third = threading.Event()

    def work(job: int) -> int:
        if job == 0:
            assert third.wait(10)
        elif job == 2:
            third.set()
        return job

    with ThreadPoolExecutor(3) as pool:
        assert list(ahead(pool, work, range(6), 3)) == list(range(6))


def test_an_error_comes_where_its_result_would() -> None:
    def work(job: int) -> float:
        return 1 / (job - 2)

    with ThreadPoolExecutor(2) as pool:
        results = ahead(pool, work, range(6), 4)
        assert [next(results), next(results)] == [-0.5, -1]
        with pytest.raises(ZeroDivisionError):
            next(results)


def test_decoders_wait_while_a_cpu_encodes() -> None:
    turns = Turns(FakeEncoder())
    begun = threading.Event()

    def decode() -> None:
        turns.wait()
        begun.set()

    with ThreadPoolExecutor(1) as pool:
        with turns.encoding():
            waiting = pool.submit(decode)
            assert not begun.wait(0.05)
        waiting.result(10)
    with pytest.raises(ValueError, match="broken"), turns.encoding():
        raise ValueError("broken")
    turns.wait()


def test_decoders_go_on_beside_a_gpu() -> None:
    encoder = FakeEncoder()
    encoder.device = "cuda"
    turns = Turns(encoder)
    with turns.encoding():
        turns.wait()
    assert turns.batches == 1
