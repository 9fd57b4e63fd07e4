"""A failure remembers its kind and what it was tried with: who is tried again, and why."""

from __future__ import annotations

import os
import sqlite3
import sys
from pathlib import Path

import pytest
from PIL import Image

from indexers.reading import IndexOptions
from indexers.trial import Trial
from searchengine.errors import pip_install
from searchengine.files import read_whole
from searchengine.library.reasons import Reason, count_reasons
from searchengine.types import FailureKind
from tests.conftest import Workbench


@pytest.fixture
def large(bench: Workbench) -> Path:
    bench.paint("red.png", "red")
    return bench.paint("pano.png", "blue", size=(2000, 1055))


def tried(bench: Workbench, **options: float) -> int:
    """How many files an index run with these options reads."""
    bench.index(options=IndexOptions(**options))  # type: ignore[arg-type]
    return bench.watcher.total


def test_a_raised_limit_of_pixels_is_enough(bench: Workbench, large: Path) -> None:
    report = bench.index(options=IndexOptions(max_megapixels=2))
    assert [str(reason) for reason in report.reasons] == ["1 over 2 megapixels: --max-megapixels 3"]
    assert tried(bench, max_megapixels=2) == 0
    assert bench.index(options=IndexOptions(max_megapixels=3)).indexed == 1
    assert bench.index(options=IndexOptions(max_megapixels=2)).unchanged == 2
    assert bench.names("blue", k=1) == ["pano.png"]


def test_a_raised_limit_of_bytes_is_enough(bench: Workbench, large: Path) -> None:
    size = large.stat().st_size
    report = bench.index(options=IndexOptions(max_file_size=size - 1))
    assert (report.indexed, report.failed) == (1, 1)
    [reason] = report.reasons
    assert reason.kind is FailureKind.TOO_LARGE
    assert reason.way_out is not None
    flag, _, value = reason.way_out.partition(" ")
    assert flag == "--max-file-size"
    assert tried(bench, max_file_size=size - 1) == 0
    assert tried(bench, max_file_size=size) == 1
    assert bench.index(options=IndexOptions(max_file_size=size)).unchanged == 2
    assert value == f"{-(-size // 1000)}K"


def test_a_disk_image_is_refused_unread(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.paint("red.png", "red")
    for number in range(3):
        with (bench.photos / f"vm-disk{number}.raw").open("wb") as file:
            file.truncate((number + 1) * 42_949_672_960)
    report = bench.index()
    assert (report.indexed, report.failed) == (1, 3)
    assert [str(reason) for reason in report.reasons] == ["3 over 2 GB: --max-file-size 129G"]
    [one, *_] = [reason for path, reason in sorted(bench.watcher.skipped_files.items())]
    assert one == "42.9 GB, over the limit of 2 GB; raise it with --max-file-size 43G"


@pytest.mark.parametrize("module", ["pillow_heif", "rawpy"])
def test_an_installed_package_is_enough(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    """Also one that pip listed already and that could not be imported."""
    if module == "pillow_heif":
        pillow_heif = pytest.importorskip(module, reason="pillow-heif is not installed")
        photo = bench.photos / "IMG_1.HEIC"
        pillow_heif.from_pillow(Image.new("RGB", (64, 64), "red")).save(photo)
    else:
        pytest.importorskip(module, reason="rawpy is not installed")
        photo = bench.photos / "DSC_1.NEF"
        photo.write_bytes(b"no RAW file")
    monkeypatch.setitem(sys.modules, module, None)
    package, extra = {"pillow_heif": ("pillow-heif", "heif"), "rawpy": ("rawpy", "raw")}[module]
    report = bench.index()
    assert [str(reason) for reason in report.reasons] == [
        f"1 need {package}: {sys.executable} -m pip install 'clipseek[{extra}]'"
    ]
    assert tried(bench) == 0
    monkeypatch.undo()
    assert tried(bench) == 1
    with bench.open() as library:
        left = [failure.kind for failure in library.failures()]
    assert left == ([] if module == "pillow_heif" else [FailureKind.UNREADABLE])
    assert tried(bench) == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"pillow": "99.0"},
        {"pillow-heif": "99.0"},
        {"rawpy": "missing"},
        {"clipseek": "99.0"},
    ],
)
def test_another_version_is_tried_once(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, changed: dict[str, str]
) -> None:
    from searchengine.images.packages import package_versions

    (bench.photos / "bad.png").write_bytes(b"broken")
    assert tried(bench) == 1
    assert tried(bench) == 0
    versions = package_versions() | changed
    monkeypatch.setattr("indexers.trial.package_versions", lambda: versions)
    assert tried(bench) == 1
    assert tried(bench) == 0


@pytest.mark.parametrize(
    "error",
    [PermissionError(13, "Permission denied"), OSError(5, "Input/output error"), MemoryError()],
    ids=repr,
)
def test_what_the_system_refused_is_tried_by_every_run(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    bad = bench.paint("bad.png", "red")

    def refuse(path: Path, limit: int) -> bytes:
        raise error

    monkeypatch.setattr("searchengine.embedding.stream.read_whole", refuse)
    assert [tried(bench) for _ in range(3)] == [1, 1, 1]
    monkeypatch.setattr("searchengine.embedding.stream.read_whole", read_whole)
    assert bench.index().indexed == 1
    assert bad.exists()


@pytest.mark.parametrize("made", ["pipe", "device", "directory"])
def test_a_file_that_becomes_something_else_before_it_is_read(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch, made: str
) -> None:
    """It is refused at once, and read when it is a file again."""
    bench.paint("red.png", "red")
    doomed = bench.paint("doomed.png", "blue")

    def swap(path: Path, limit: int) -> bytes:
        if path == doomed and doomed.is_file():
            doomed.unlink()
            if made == "pipe":
                os.mkfifo(doomed)
            elif made == "device":
                doomed.symlink_to("/dev/zero")
            else:
                doomed.mkdir()
        return read_whole(path, limit)

    monkeypatch.setattr("searchengine.embedding.stream.read_whole", swap)
    report = bench.index()
    assert (report.indexed, report.failed) == (1, 1)
    with bench.open() as library:
        [failure] = library.failures()
    assert failure.kind is FailureKind.FILE_SYSTEM
    assert failure.reason in ("not an ordinary file", "is a directory")


def test_failures_of_schema_1_are_tried_once(bench: Workbench) -> None:
    (bench.photos / "bad.png").write_bytes(b"broken")
    bench.index()
    with sqlite3.connect(bench.library_path / "catalog.sqlite") as catalog:
        catalog.execute("UPDATE failures SET kind = '', tried_with = ''")
    catalog.close()
    with bench.open() as library:
        assert [failure.kind for failure in library.failures()] == [FailureKind.UNKNOWN]
    assert tried(bench) == 1
    assert tried(bench) == 0
    with bench.open() as library:
        assert [failure.kind for failure in library.failures()] == [FailureKind.UNREADABLE]


def test_the_encoder_matters_only_to_what_it_refused() -> None:
    one, two = Trial(200, 10**9, "one"), Trial(200, 10**9, "two")
    for kind in FailureKind:
        same = one.tried_with(kind) == two.tried_with(kind)
        assert same is (kind is not FailureKind.ENCODER)


def test_reasons_are_counted_with_the_largest_way_out() -> None:
    pixels = "{0} megapixels, over the limit of 200; raise it with --max-megapixels {0}"
    bytes_ = "9 GB, over the limit of 2 GB; raise it with --max-file-size {}"
    found = count_reasons(
        [
            (FailureKind.TOO_MANY_PIXELS, pixels.format(211)),
            (FailureKind.TOO_MANY_PIXELS, pixels.format(1001)),
            (FailureKind.TOO_MANY_PIXELS, pixels.format(999)),
            (FailureKind.TOO_LARGE, bytes_.format("900M")),
            (FailureKind.TOO_LARGE, bytes_.format("3G")),
            (FailureKind.UNREADABLE, "empty file"),
            (FailureKind.NEEDS_PACKAGE, "reading RAW photos needs rawpy; install it with: x"),
            (FailureKind.NEEDS_PACKAGE, "reading HEIC photos needs pillow-heif; install it"),
            (FailureKind.NAME, "the name is not valid UTF-8; rename it"),
        ]
    )
    assert found[0] == Reason(
        FailureKind.TOO_MANY_PIXELS, 3, "over 200 megapixels", "--max-megapixels 1001"
    )
    assert [str(reason) for reason in found[1:]] == [
        "2 over 2 GB: --max-file-size 3G",
        "1 unreadable",
        f"1 need rawpy: {pip_install('raw')}",
        f"1 need pillow-heif: {pip_install('heif')}",
        "1 with a name that is not valid UTF-8: rename them",
    ]


@pytest.mark.parametrize("kind", FailureKind)
def test_every_kind_can_be_counted(kind: FailureKind) -> None:
    [reason] = count_reasons([(kind, "whatever it was")])
    assert (reason.kind, reason.files) == (kind, 1)
    assert str(reason).startswith("1 ")
