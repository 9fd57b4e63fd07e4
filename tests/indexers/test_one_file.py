"""Whatever one file does, it is one line of `failures`, and the others are saved."""

from __future__ import annotations

import asyncio
import os
import struct
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from indexers.reading import IndexOptions
from searchengine.embedding import stream
from searchengine.errors import (
    EncoderError,
    LibraryUnusableError,
    MissingExtraError,
    StorageFullError,
    TooManyPixelsError,
    UnreadableImageError,
)
from searchengine.files import content_hash, read_whole
from searchengine.images.decode import read_image
from searchengine.types import Failure, FailureKind, ImageFacts, Pixels, Vectors
from tests.conftest import Workbench
from tests.support.libraries import check_library

COLOURS = ("red", "green", "blue", "white", "black", "yellow", "cyan")


class Panic(BaseException):
    """As libraries in Rust raise them."""


ERRORS = [
    MemoryError(),
    OverflowError("Python int too large"),
    RecursionError("maximum recursion depth exceeded"),
    struct.error("unpack requires a buffer of 4 bytes"),
    ValueError("buffer is not large enough\n\ud800"),
    KeyError("exif"),
    IndexError(),
    AttributeError("'NoneType' object has no attribute 'size'"),
    TypeError("unsupported operand"),
    ZeroDivisionError("float division by zero"),
    FloatingPointError("underflow"),
    AssertionError(),
    NotImplementedError("planar"),
    SyntaxError("broken PNG file"),
    EOFError("no more images in TIFF file"),
    StopIteration(),
    SystemError("tile cannot extend outside image"),
    UnicodeDecodeError("ascii", b"\xff", 0, 1, "ordinal not in range(128)"),
    UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
    OSError("image file is truncated"),
    OSError(5, "Input/output error"),
    PermissionError(13, "Permission denied"),
    TimeoutError("timed out"),
    BufferError("bytes object is exported"),
    RuntimeError("bad file"),
    Exception("x" * 10_000),
    ExceptionGroup("many", [ValueError("one")]),
    SystemExit(3),
    GeneratorExit(),
    asyncio.CancelledError(),
    Panic("index out of bounds"),
]


def raising_for(name: str, real: Callable[..., Any], error: BaseException) -> Callable[..., Any]:
    """The function, but for calls that are about a file of this name."""

    def call(*given: Any, **named: Any) -> Any:
        about = [*given, named.get("name")]
        if any(str(value).endswith(name) for value in about if isinstance(value, str | Path)):
            raise error
        return real(*given, **named)

    return call


def paint(bench: Workbench) -> None:
    for colour in COLOURS:
        bench.paint(f"{colour}.png", colour)


def the_failure(bench: Workbench, name: str) -> Failure:
    """All but `name` are indexed; its failure."""
    with bench.open() as library:
        [failure] = library.failures()
        assert library.info().images == len(COLOURS) - 1
    assert failure.path == str(bench.photos / name)
    assert "\n" not in failure.reason
    assert 0 < len(failure.reason) <= 300
    failure.reason.encode()
    assert bench.watcher.skipped_files == {failure.path: failure.reason}
    assert bench.watcher.done == len(COLOURS)
    check_library(bench.library_path, bench.encoder)
    return failure


@pytest.mark.parametrize("step", ["read_whole", "read_image"])
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_any_error_in_reading_and_decoding(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, error: BaseException, step: str
) -> None:
    paint(bench)
    real: Callable[..., Any] = read_whole if step == "read_whole" else read_image
    monkeypatch.setattr(stream, step, raising_for("white.png", real, error))
    report = bench.index(options=IndexOptions(workers=2))
    assert (report.indexed, report.failed) == (6, 1)
    kind = the_failure(bench, "white.png").kind
    wanted = FailureKind.UNREADABLE
    if isinstance(error, MemoryError):
        wanted = FailureKind.MEMORY
    elif isinstance(error, OSError) and error.errno is not None:
        wanted = FailureKind.FILE_SYSTEM
    assert kind is wanted


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_any_error_in_preprocessing(bench: Workbench, error: BaseException) -> None:
    paint(bench)
    preprocess = bench.encoder.preprocess

    def refuse(image: Image.Image) -> Pixels:
        if image.getpixel((5, 5)) == (255, 255, 255):
            raise error
        return preprocess(image)

    bench.encoder.preprocess = refuse  # type: ignore[method-assign]
    report = bench.index()
    del bench.encoder.preprocess
    assert (report.indexed, report.failed) == (6, 1)
    assert the_failure(bench, "white.png").kind is not FailureKind.UNREADABLE


def test_any_error_in_identifying(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    paint(bench)
    white = (bench.photos / "white.png").read_bytes()

    def refuse(data: bytes) -> bytes:
        if data == white:
            raise OverflowError("string longer than 2147483647 bytes")
        return content_hash(data)

    monkeypatch.setattr("indexers.reading.content_hash", refuse)
    monkeypatch.setattr("searchengine.catalog.catalog.CatalogReads.same_content", lambda *_: None)
    assert bench.index().failed == 1
    assert the_failure(bench, "white.png").reason.endswith("string longer than 2147483647 bytes")


@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        (UnreadableImageError("empty file"), FailureKind.UNREADABLE, "empty file"),
        (TooManyPixelsError(210, 200), FailureKind.TOO_MANY_PIXELS, "--max-megapixels 211"),
        (MissingExtraError("X needs rawpy", "raw"), FailureKind.NEEDS_PACKAGE, "clipseek[raw]"),
        (OSError(5, "Input/output error"), FailureKind.FILE_SYSTEM, "input/output error"),
        (MemoryError(), FailureKind.MEMORY, "not enough memory"),
        (struct.error("4 bytes"), FailureKind.UNREADABLE, "cannot be read: 4 bytes"),
        (AssertionError(), FailureKind.UNREADABLE, "cannot be read: AssertionError"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_kinds_and_reasons(
    bench: Workbench,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    kind: FailureKind,
    reason: str,
) -> None:
    paint(bench)
    monkeypatch.setattr(stream, "read_image", raising_for("red.png", read_image, error))
    bench.index()
    failure = the_failure(bench, "red.png")
    assert failure.kind is kind
    assert reason in failure.reason


def test_memory_that_a_decoder_lacks_is_no_corrupt_file(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint(bench)

    def no_memory(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("searchengine.images.decode._read_pillow", no_memory)
    assert bench.index().failed == 7
    with bench.open() as library:
        assert {failure.kind for failure in library.failures()} == {FailureKind.MEMORY}
    monkeypatch.undo()
    assert bench.index().indexed == 7, "tried again by itself"


@pytest.mark.parametrize("batch_size", [1, 2, 3, 16])
@pytest.mark.parametrize("bad", [("red",), ("white", "cyan"), COLOURS[:-1]])
def test_a_batch_that_the_encoder_refuses_costs_only_the_files_at_fault(
    bench: Workbench, batch_size: int, bad: tuple[str, ...]
) -> None:
    paint(bench)
    encode = bench.encoder.encode_pixels
    refused = [bench.encoder.preprocess(Image.open(bench.photos / f"{name}.png")) for name in bad]

    def refuse(pixels: Sequence[Pixels]) -> Vectors:
        if any(np.array_equal(one, other) for one in pixels for other in refused):
            raise RuntimeError("CUDA error: out of memory")
        return encode(pixels)

    bench.encoder.encode_pixels = refuse  # type: ignore[method-assign]
    report = bench.index(options=IndexOptions(batch_size=batch_size))
    del bench.encoder.encode_pixels
    assert (report.indexed, report.failed) == (7 - len(bad), len(bad))
    with bench.open() as library:
        failures = library.failures()
    assert {Path(failure.path).stem for failure in failures} == set(bad)
    assert {failure.kind for failure in failures} == {FailureKind.ENCODER}
    assert "the encoder refuses it: CUDA error: out of memory" in failures[0].reason
    check_library(bench.library_path, bench.encoder)
    assert bench.index().failed == len(bad)
    assert bench.watcher.total == 0, "the same encoder would refuse them again"
    bench.encoder.name = "second"
    assert bench.index().indexed == 7, "another encoder may not"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_vector_that_is_no_number_is_not_stored(bench: Workbench, value: float) -> None:
    paint(bench)
    encode = bench.encoder.encode_pixels

    def overflow(pixels: Sequence[Pixels]) -> Vectors:
        vectors = encode(pixels)
        vectors[[one[4, 4].tolist() == [255, 255, 255] for one in pixels], 3] = value
        return vectors

    bench.encoder.encode_pixels = overflow  # type: ignore[method-assign]
    report = bench.index()
    del bench.encoder.encode_pixels
    assert (report.indexed, report.failed) == (6, 1)
    assert the_failure(bench, "white.png").kind is FailureKind.ENCODER


def test_an_encoder_that_refuses_everything_ends_the_run_in_one_line(bench: Workbench) -> None:
    paint(bench)

    def refuse(pixels: Sequence[Pixels]) -> Vectors:
        raise RuntimeError("CUDA error:\nunspecified launch failure")

    bench.encoder.encode_pixels = refuse  # type: ignore[method-assign]
    with pytest.raises(EncoderError, match=r"fake encodes nothing: .*unspecified launch failure$"):
        bench.index()
    with bench.open() as library:
        assert library.failures() == [], "the files are not at fault"


@pytest.mark.parametrize(
    "facts",
    [
        ImageFacts(2**64, 30, "PNG"),
        ImageFacts(40, 30, "PNG", camera="Canon \udcff"),
        ImageFacts(40, 30, "PNG", camera=object()),  # type: ignore[arg-type]
        ImageFacts(40, 30, "PNG", taken_at="2020"),  # type: ignore[arg-type]
        ImageFacts(40, 30, "PNG", latitude=1j),  # type: ignore[arg-type]
        ImageFacts(40, 30, None),  # type: ignore[arg-type]
    ],
    ids=lambda facts: str(facts)[10:60],
)
@pytest.mark.parametrize("name", ["black.png", "red.png", "yellow.png"])
def test_facts_that_the_catalog_refuses_cost_one_line(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, facts: ImageFacts, name: str
) -> None:
    paint(bench)

    def odd(data: bytes, **named: Any) -> tuple[Image.Image, ImageFacts]:
        picture, true_facts = read_image(data, **named)
        return picture, facts if named["name"].endswith(name) else true_facts

    monkeypatch.setattr(stream, "read_image", odd)
    report = bench.index()
    assert (report.indexed, report.failed) == (6, 1)
    assert the_failure(bench, name).kind is FailureKind.CATALOG
    report = bench.index()
    assert (report.unchanged, report.failed) == (6, 1)


@pytest.mark.parametrize(
    "error", [StorageFullError(Path("lib")), LibraryUnusableError(Path("lib"), "locked")]
)
def test_faults_of_the_library_end_the_run(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    paint(bench)

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("searchengine.catalog.catalog.Catalog.record", fail)
    with pytest.raises(type(error)):
        bench.index()
    monkeypatch.undo()
    with bench.open() as library:
        assert library.failures() == []


YEARS = (1601, 1676, 1678, 1900, 1969, 1970, 2038, 2107, 2261, 2263, 2300, 2446, 11476)
IN_MEMORY = Path("/dev/shm")
"""A file system of Linux that keeps every time."""


@pytest.mark.parametrize("year", YEARS)
def test_a_file_of_any_year_is_indexed(bench: Workbench, year: int) -> None:
    with tempfile.TemporaryDirectory(dir=IN_MEMORY if IN_MEMORY.is_dir() else None) as photos:
        bench.photos = Path(photos)
        _index_one_of(bench, year)


def _index_one_of(bench: Workbench, year: int) -> None:
    paint(bench)
    red = bench.photos / "red.png"
    seconds = round((year - 1970) * 365.2425 * 86400)
    os.utime(red, (0, seconds))
    if red.stat().st_mtime != seconds:
        pytest.skip("this file system does not keep the time")
    assert bench.index().indexed == 7
    assert bench.index().unchanged == 7
    red.rename(bench.photos / "rot.png")
    assert bench.index().moved == 1
    os.utime(bench.photos / "rot.png", (0, seconds + 1))
    assert bench.index().unchanged == 7
    (bench.photos / "bad.png").write_bytes(b"no picture")
    os.utime(bench.photos / "bad.png", (0, seconds))
    assert bench.index().failed == 1
    assert bench.index().failed == 1
    assert bench.watcher.total == 0
