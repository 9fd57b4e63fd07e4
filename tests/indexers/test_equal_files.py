"""Files of one content in one run: encoded once, whatever the order, batches and threads."""

from __future__ import annotations

import os
import shutil
import threading
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

from indexers import reading
from indexers.reading import IndexOptions
from searchengine.catalog.records import Batch
from searchengine.embedding import stream
from searchengine.errors import RefusedValueError
from searchengine.files import read_whole
from searchengine.images.decode import read_image
from searchengine.library.writing import Writer
from searchengine.types import FailureKind, Pixels, Vectors
from tests.conftest import Workbench
from tests.support.fake import CountingEncoder
from tests.support.libraries import check_library

PICTURES = 8
EACH = 3
"""Files of every picture but the first, which has none beside itself."""
AT_ONCE, AT_THE_END = 0.0, 3600.0


class Ended(NamedTuple):
    """How a run ended."""

    encoded: int
    decoded: int
    """Largest number of times that one content was."""
    counts: tuple[int, int, int]
    """Indexed, copies, failed."""
    rows: list[str]
    """The names of the files, as their vectors lie."""


def copy(path: Path, name: str) -> Path:
    target = path.parent.parent / name
    target.parent.mkdir(exist_ok=True)
    shutil.copy(path, target)
    return target


def fill(bench: Workbench) -> None:
    """Copies right beside their originals, and others in a folder that comes much later."""
    for number in range(PICTURES):
        path = bench.paint(f"a/{number:02}.png", (number * 20, 99, 7))
        if number:
            copy(path, f"a/{number:02} copy.png")
            copy(path, f"b/{number:02}.png")


def run(bench: Workbench, patch: pytest.MonkeyPatch, save: float, **options: Any) -> Ended:
    """A run whose library is sound."""
    encoder = bench.encoder = CountingEncoder()
    decoded = Counter[bytes]()

    def decode(data: bytes, *, input_size: int | None, **named: Any) -> Any:
        decoded[data] += input_size != 1  # which is a trial, before there is an encoder
        return read_image(data, input_size=input_size, **named)

    patch.setattr(stream, "read_image", decode)
    patch.setattr(reading, "SAVE_SECONDS", save)
    report = bench.index(options=IndexOptions(**options))
    assert bench.watcher.done == bench.watcher.total
    pictures = encoder.pictures
    check_library(bench.library_path, encoder)
    counts = (report.indexed, report.copies, report.failed)
    return Ended(pictures, max(decoded.values()), counts, bench.listed())


@pytest.mark.parametrize(
    ("save", "batch_size"), [(AT_ONCE, 1), (AT_THE_END, 3), (AT_ONCE, 3), (AT_THE_END, 64)]
)
def test_each_content_is_decoded_and_encoded_once(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, save: float, batch_size: int
) -> None:
    fill(bench)
    ended = run(bench, monkeypatch, save, batch_size=batch_size, workers=3)
    assert (ended.encoded, ended.decoded) == (PICTURES, 1)
    assert ended.counts == (PICTURES, (EACH - 1) * (PICTURES - 1), 0)
    assert bench.index().unchanged == PICTURES + (EACH - 1) * (PICTURES - 1)


def test_no_clock_and_no_thread_decides_what_lies_where(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(bench)
    found = []
    for workers, save in ((1, AT_THE_END), (7, AT_ONCE), (2, 0.002), (7, AT_THE_END)):
        shutil.rmtree(bench.library_path, ignore_errors=True)
        found.append(run(bench, monkeypatch, save, batch_size=2, workers=workers))
    assert found[1:] == found[:-1]


def test_the_first_job_is_the_one_indexed_though_another_is_decoded_first(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = bench.paint("a/1.png", "red")
    second = copy(first, "a/2.png")
    second_begun = threading.Event()

    def read_late(path: Path, limit: int) -> bytes:
        data = read_whole(path, limit)
        if path == first:
            assert second_begun.wait(10)
        return data

    preprocess = bench.encoder.preprocess

    def tell(image: Image.Image) -> Pixels:
        second_begun.set()
        return preprocess(image)

    bench.encoder.preprocess = tell  # type: ignore[method-assign]
    monkeypatch.setattr(stream, "read_whole", read_late)
    report = bench.index(options=IndexOptions(workers=2))
    assert (report.indexed, report.copies) == (1, 1)
    assert bench.listed() == [first.name, second.name]


@pytest.mark.parametrize("workers", [1, 5])
def test_where_the_first_cannot_be_decoded_the_next_is_tried(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    first = bench.paint("a/1.png", "red")
    for number in range(2, 6):
        copy(first, f"a/{number}.png")

    def fail_at_first(data: bytes, *, name: str, **named: Any) -> Any:
        if name == str(first):
            raise MemoryError
        return read_image(data, name=name, **named)

    monkeypatch.setattr(stream, "read_image", fail_at_first)
    report = bench.index(options=IndexOptions(workers=workers))
    assert (report.indexed, report.copies, report.failed) == (1, 3, 1)
    assert list(bench.watcher.skipped_files) == [str(first)]
    assert bench.listed() == ["2.png", "3.png", "4.png", "5.png"]


@pytest.mark.parametrize("data", [b"", b"no picture"])
def test_each_of_many_broken_ones_is_a_line(bench: Workbench, data: bytes) -> None:
    bench.paint("good.png", "red")
    bad = [bench.photos / f"bad{number:02}.png" for number in range(40)]
    for path in bad:
        path.write_bytes(data)
    report = bench.index(options=IndexOptions(workers=4, batch_size=2))
    assert (report.indexed, report.copies, report.failed) == (1, 0, 40)
    assert sorted(bench.watcher.skipped_files) == list(map(str, bad))


@pytest.mark.parametrize("refusals", [1, 4])
def test_where_the_encoder_refuses_the_first_the_next_is_tried(
    bench: Workbench, refusals: int
) -> None:
    white = bench.paint("a/1.png", "white")
    for number in range(2, 5):
        copy(white, f"a/{number}.png")
    bench.paint("a/9.png", "red")
    encode = bench.encoder.encode_pixels
    alone: list[int] = []

    def refuse(pixels: Sequence[Pixels]) -> Vectors:
        if any(one[4, 4].tolist() == [255, 255, 255] for one in pixels) and len(alone) < refusals:
            if len(pixels) == 1:
                alone.append(1)
            raise RuntimeError("out of memory")
        return encode(pixels)

    bench.encoder.encode_pixels = refuse  # type: ignore[method-assign]
    report = bench.index()
    assert report.failed == refusals
    assert (report.indexed, report.copies) == ((2, 3 - refusals) if refusals < 4 else (1, 0))
    assert bench.listed() == [f"{number}.png" for number in (*range(1 + refusals, 5), 9)]


@pytest.mark.parametrize(("save", "refused"), [(AT_ONCE, 1), (AT_THE_END, 1), (AT_ONCE, 3)])
def test_where_the_catalog_refuses_the_first_the_next_is_the_one_indexed(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, save: float, refused: int
) -> None:
    first = bench.paint("a/1.png", "red")
    for number in range(2, 7):
        copy(first, f"a/{number}.png")
        bench.paint(f"a/{number} other.png", (number, 0, 0))
    names = {f"{number}.png" for number in range(1, 1 + refused)}
    commit = Writer.commit

    def refuse(writer: Writer, space: Any, batch: Batch, *given: Any) -> None:
        if any(Path(entry.file.path).name in names for entry in batch.added):
            raise RefusedValueError("images.path", "odd")
        commit(writer, space, batch, *given)

    monkeypatch.setattr(Writer, "commit", refuse)
    monkeypatch.setattr(reading, "SAVE_SECONDS", save)
    report = bench.index(options=IndexOptions(batch_size=1, workers=2))
    assert (report.indexed, report.copies, report.failed) == (6, 5 - refused, refused)
    with bench.open() as library:
        assert {failure.kind for failure in library.failures()} == {FailureKind.CATALOG}
    check_library(bench.library_path, bench.encoder)


def test_a_run_that_is_killed_among_copies_goes_on_from_there(bench: Workbench) -> None:
    fill(bench)
    with bench.stopped_at(3):
        bench.index(options=IndexOptions(batch_size=3))
    saved = 6 + (EACH - 1) * (6 - 1)
    assert check_library(bench.library_path, bench.encoder) == saved
    report = bench.index()
    assert (report.unchanged, report.indexed) == (saved, PICTURES - 6)
    assert report.copies == (EACH - 1) * (PICTURES - 6)
    check_library(bench.library_path, bench.encoder)


def test_a_copy_has_its_own_file_and_words_and_the_look_of_its_content(bench: Workbench) -> None:
    exif = Image.Exif()
    exif[0x0132] = "2015:06:07 08:09:10"
    dated = bench.photos / "a" / "dated.jpg"
    dated.parent.mkdir()
    Image.new("RGB", (90, 60), "red").save(dated, exif=exif)
    plain = bench.paint("a/20190102_030405.png", "blue", size=(90, 60))
    copies = [copy(dated, "a/dated copy.jpg"), copy(plain, "a/20200304_050607.png")]
    for number, path in enumerate(copies):
        os.utime(path, (1.7e9 + number, 1.7e9 + number))
    report = bench.index()
    assert (report.indexed, report.copies) == (2, 2)
    with bench.open() as library:
        [space] = library.spaces()
        paths = [dated, copies[0], plain, copies[1]]
        ids = [library.catalog.ids_by_path([str(path)])[str(path)] for path in paths]
        listed = [library.catalog.images(ids)[image] for image in ids]
        looks = space.looks.read(
            np.array([library.catalog.rows_of(space.info, ids)[i] for i in ids])
        )
    assert [image.file.mtime_ns for image in listed] == [path.stat().st_mtime_ns for path in paths]
    assert [image.facts.taken_at for image in listed] == [
        *[datetime(2015, 6, 7, 8, 9, 10)] * 2,
        datetime(2019, 1, 2, 3, 4, 5),
        datetime(2020, 3, 4, 5, 6, 7),
    ]
    assert [image.facts.taken_from for image in listed] == ["exif", "exif", "name", "name"]
    assert looks[0] == looks[1]
    assert looks[2] == looks[3]
    assert looks[0] != looks[2]


def test_images_without_a_vector_in_a_second_space_share_theirs_too(bench: Workbench) -> None:
    fill(bench)
    files = bench.index().indexed + (EACH - 1) * (PICTURES - 1)
    bench.encoder = encoder = CountingEncoder()
    encoder.name = "second"
    report = bench.index()
    assert (report.indexed, report.copies) == (PICTURES, files - PICTURES)
    assert encoder.pictures == PICTURES
    check_library(bench.library_path, encoder)
