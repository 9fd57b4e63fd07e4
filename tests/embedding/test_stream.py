"""Files to vectors: in order, whatever is broken, and never far ahead."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

from searchengine.embedding import stream as embedding
from searchengine.embedding.ahead import ahead
from searchengine.embedding.files import embed_files
from searchengine.embedding.outcomes import Encoded, Failed, KnownContent
from searchengine.embedding.stream import ImageStream
from searchengine.embedding.throttle import DecodeThrottle
from searchengine.errors import EncoderError, InputError, LibraryError
from searchengine.types import FailureKind, Pixels, Vectors
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


def test_pictures_over_the_limit_are_broken(bench: Workbench) -> None:
    small, large = bench.paint("a.png", "red"), bench.paint("b.png", "red", size=(400, 300))
    rows, broken = embed_files([large, small], FakeEncoder(), Watcher(), max_megapixels=0.1)
    assert rows.shape == (1, 8)
    assert list(broken) == [large]
    assert "over the limit of 0.1" in broken[large]


@pytest.mark.parametrize("workers", [1, 3])
def test_so_many_threads_decode(painted: list[Path], workers: int) -> None:
    threads: set[str] = set()
    all_are_here = threading.Barrier(workers)

    class Meeting(FakeEncoder):
        def preprocess(self, image: Any) -> Pixels:
            threads.add(threading.current_thread().name)
            all_are_here.wait(60)
            return super().preprocess(image)

    embed_files(painted, Meeting(), Watcher(), workers=workers)
    assert len(threads) == workers


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


def stream_of(
    encoder: FakeEncoder, known: dict[bytes, str] | None = None, **options: Any
) -> ImageStream[Path, int, str]:
    """Jobs are paths, keys the lengths of the files, `known` what is stored, by content."""
    return ImageStream(
        lambda: encoder,
        path_of=lambda path: path,
        identify=lambda _path, data: len(data),
        known=lambda path, _: (known or {}).get(path.read_bytes()),
        **options,
    )


def test_known_content_is_neither_decoded_nor_encoded(painted: list[Path], tmp_path: Path) -> None:
    text = tmp_path / "text.png"
    text.write_bytes(b"no picture")
    known = {b"no picture": "a note", painted[3].read_bytes(): "another"}
    encoder = Counting()
    stream = stream_of(encoder, known)
    with stream.outcomes([*painted[:4], text, painted[4], tmp_path / "gone.png"]) as outcomes:
        found = list(outcomes)
    assert found[:3] == [
        KnownContent(painted[3], painted[3].stat().st_size, "another"),
        KnownContent(text, 10, "a note"),
        Failed(tmp_path / "gone.png", FailureKind.FILE_SYSTEM, "no such file or directory"),
    ], "these wait for no batch"
    encoded = [outcome for outcome in found if isinstance(outcome, Encoded)]
    wanted = [*painted[:3], painted[4]]
    assert [outcome.job for outcome in encoded] == wanted
    assert [outcome.key for outcome in encoded] == [path.stat().st_size for path in wanted]
    assert {(outcome.facts.width, outcome.facts.height) for outcome in encoded} == {(40, 30)}
    rows, _ = embed_files(wanted, FakeEncoder(), Watcher())
    np.testing.assert_array_equal([outcome.vector for outcome in encoded], rows)
    assert encoder.batches == [4]
    assert len(found) == 7


def shared_stream(encoder: FakeEncoder, known: set[bytes], **options: Any) -> Shared:
    """Keys are contents, `known` those that are stored elsewhere."""
    return ImageStream(
        lambda: encoder,
        path_of=lambda path: path,
        identify=lambda _path, data: data,
        known=lambda _path, data: "stored" if data in known else None,
        content_of=lambda data: data,
        **options,
    )


Shared: TypeAlias = ImageStream[Path, bytes, str]


def test_many_copies_wait_for_one_batch_at_most(painted: list[Path]) -> None:
    """Of a picture that is alone with its copies, too, something comes out before the end."""
    drawn = 0

    def jobs() -> Iterator[Path]:
        nonlocal drawn
        for _ in range(200):
            drawn += 1
            yield painted[0]

    encoder = Counting()
    with shared_stream(encoder, set(), workers=1, batch_size=2).outcomes(jobs()) as outcomes:
        first = next(outcomes)
        assert drawn < 30
        others = list(outcomes)
    assert encoder.batches == [1]
    found = [first, *others]
    assert [isinstance(one, Encoded) and one.is_copy for one in found] == [False, *[True] * 199]


def test_copies_come_right_after_the_one_that_waits(painted: list[Path]) -> None:
    red, blue, cyan = painted[:3]
    jobs = [red, blue, red, cyan, red, blue]
    with shared_stream(FakeEncoder(), set()).outcomes(jobs) as outcomes:
        found = [one.job for one in outcomes]
    assert found == [red, red, red, blue, blue, cyan]


def test_what_is_saved_is_asked_for_and_no_longer_kept(painted: list[Path]) -> None:
    known: set[bytes] = set()
    encoder = Counting()
    stream = shared_stream(encoder, known, workers=1, batch_size=1)
    kinds = []
    with stream.outcomes([*painted[:2], *[painted[0]] * 20, *[painted[1]] * 20]) as outcomes:
        for outcome in outcomes:
            kinds.append(type(outcome))
            if not known:  # later the other one has its vector too, and is not saved
                known.add(painted[0].read_bytes())
                stream.forget()
    assert kinds.count(KnownContent) > 0
    assert kinds[-20:] == [Encoded] * 20, "the other one is not saved"
    assert sum(encoder.batches) == 2


def test_a_fault_of_the_library_ends_the_stream(painted: list[Path]) -> None:
    def refuse(_path: Path, _data: bytes) -> None:
        raise LibraryError("the catalog is gone")

    stream: ImageStream[Path, None, None] = ImageStream(
        FakeEncoder, path_of=lambda path: path, identify=refuse
    )
    with stream.outcomes(painted) as outcomes, pytest.raises(LibraryError, match="catalog is gone"):
        next(outcomes)


@pytest.mark.parametrize("taken", [0, 1, 4])
def test_who_leaves_early_waits_for_nothing_that_has_not_begun(
    painted: list[Path], taken: int
) -> None:
    """Also in the middle of an encoder's batch, while the decoders wait for it."""
    begun: list[Path] = []

    def identify(path: Path, _data: bytes) -> None:
        begun.append(path)

    stream: ImageStream[Path, None, None] = ImageStream(
        FakeEncoder, path_of=lambda path: path, identify=identify, batch_size=1, workers=1
    )
    with stream.outcomes(painted * 20) as outcomes:
        for _ in range(taken):
            assert isinstance(next(outcomes), Encoded)
    assert len(begun) < 20
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("decode")]


def test_the_seconds_of_both_stages(painted: list[Path]) -> None:
    class Slow(FakeEncoder):
        def preprocess(self, image: Any) -> Pixels:
            time.sleep(0.02)
            return super().preprocess(image)

        def encode_pixels(self, pixels: Sequence[Pixels]) -> Vectors:
            time.sleep(0.03)
            return super().encode_pixels(pixels)

    stream = stream_of(Slow(), batch_size=3, workers=1)
    started = time.perf_counter()
    with stream.outcomes(painted) as outcomes:
        for _ in outcomes:
            time.sleep(0.02)
    seconds = time.perf_counter() - started
    assert stream.decode_seconds >= 9 * 0.02
    assert stream.encode_seconds >= 3 * 0.03
    taken_outside = 9 * 0.02
    assert stream.decode_seconds + stream.encode_seconds <= seconds - taken_outside


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
        for taken, outcome in enumerate(ahead(pool, work, range(20), lambda: depth)):
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
            assert third.wait(60)
        elif job == 2:
            third.set()
        return job

    with ThreadPoolExecutor(3) as pool:
        assert list(ahead(pool, work, range(6), lambda: 3)) == list(range(6))


def test_an_error_comes_where_its_result_would() -> None:
    def work(job: int) -> float:
        return 1 / (job - 2)

    with ThreadPoolExecutor(2) as pool:
        results = ahead(pool, work, range(6), lambda: 4)
        assert [next(results), next(results)] == [-0.5, -1]
        with pytest.raises(ZeroDivisionError):
            next(results)


def test_decoders_wait_while_a_cpu_encodes() -> None:
    throttle = DecodeThrottle()
    throttle.share_with(FakeEncoder())
    begun = threading.Event()

    def decode() -> None:
        throttle.wait()
        begun.set()

    with ThreadPoolExecutor(1) as pool:
        with throttle.encoding():
            waiting = pool.submit(decode)
            assert not begun.wait(0.05)
            with throttle.interrupted():
                waiting.result(60)
            begun.clear()
            waiting = pool.submit(decode)
            assert not begun.wait(0.05)
        waiting.result(60)
        with throttle.interrupted():
            throttle.wait()
        throttle.wait()
    with pytest.raises(ValueError, match="broken"), throttle.encoding():
        raise ValueError("broken")
    throttle.wait()


def test_decoders_go_on_beside_a_gpu() -> None:
    encoder = FakeEncoder()
    encoder.device = "cuda"
    throttle = DecodeThrottle()
    throttle.share_with(encoder)
    with throttle.encoding():
        throttle.wait()
    assert throttle.batches == 1


class Loading:
    """Makes an encoder, and remembers when and where."""

    def __init__(self, error: BaseException | None = None, seconds: float = 0.0) -> None:
        self.threads: list[threading.Thread] = []
        self._error = error
        self._seconds = seconds

    def __call__(self) -> FakeEncoder:
        self.threads.append(threading.current_thread())
        time.sleep(self._seconds)
        if self._error is not None:
            raise self._error
        return FakeEncoder()


def lazy_stream(
    load: Loading, known: dict[bytes, str] | None = None, workers: int = 3
) -> ImageStream[Path, int, str]:
    return ImageStream(
        load,
        path_of=lambda path: path,
        identify=lambda _path, data: len(data),
        known=lambda path, _: (known or {}).get(path.read_bytes()),
        workers=workers,
    )


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_no_encoder_is_loaded_where_no_picture_needs_it(
    painted: list[Path], tmp_path: Path, workers: int
) -> None:
    bad = [tmp_path / "gone.png", tmp_path / "empty.png", tmp_path / "text.png", tmp_path / "cut"]
    for path, data in zip(bad[1:], (b"", b"text", painted[0].read_bytes()[:60]), strict=True):
        path.write_bytes(data)
    known = {path.read_bytes(): path.name for path in painted}
    load = Loading()
    stream = lazy_stream(load, known, workers)
    with stream.outcomes([*bad, *painted, *bad, *painted * 20]) as outcomes:
        assert len(list(outcomes)) == 9 * 21 + 8
    assert load.threads == []
    assert stream.encoder is None


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("known_first", [0, 1, 8])
def test_the_encoder_is_loaded_once_by_who_takes_the_outcomes(
    painted: list[Path], workers: int, known_first: int
) -> None:
    known = {path.read_bytes(): path.name for path in painted[:known_first]}
    load = Loading(seconds=0.02)
    stream = lazy_stream(load, known, workers)
    with stream.outcomes(painted * 3) as outcomes:
        found = list(outcomes)
    assert load.threads == [threading.current_thread()]
    assert sum(isinstance(outcome, Encoded) for outcome in found) == 3 * (9 - known_first)
    assert stream.load_seconds >= 0.02
    assert stream.decode_seconds >= 0


@pytest.mark.parametrize("error", [EncoderError("no weights"), KeyboardInterrupt()], ids=repr)
@pytest.mark.parametrize("workers", [1, 4])
def test_what_loading_raises_ends_the_stream(
    painted: list[Path], error: BaseException, workers: int
) -> None:
    stream = lazy_stream(Loading(error), workers=workers)
    with stream.outcomes(painted) as outcomes, pytest.raises(type(error)):
        next(outcomes)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("decode")]


def test_who_leaves_before_the_encoder_is_loaded_waits_for_nobody(painted: list[Path]) -> None:
    load = Loading()
    known = {painted[0].read_bytes(): "known"}
    with lazy_stream(load, known, workers=1).outcomes(painted) as outcomes:
        assert isinstance(next(outcomes), KnownContent)
    assert load.threads == []
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("decode")]
