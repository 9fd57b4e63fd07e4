"""Drives that are away keep their images; folders that were deleted do not."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from indexers import walk as walking
from searchengine.files import file_state
from searchengine.types import FileState
from tests.conftest import Run, Workbench
from tests.support.libraries import check_library


@pytest.fixture
def drives(bench: Workbench) -> Workbench:
    """A root with a folder of its own and another that may be a mount point."""
    for number, name in enumerate(("disk/a.png", "disk/b.png", "usb/c.png", "usb/DCIM/d.png")):
        bench.paint(name, (50 * number, 0, 0))
    return bench


def empty(directory: Path) -> None:
    shutil.rmtree(directory)
    directory.mkdir()


def mount(monkeypatch: pytest.MonkeyPatch, *mounted: Path) -> None:
    """Make the walk see these directories, and what is below them, on a device of their own."""
    real = walking.device_of

    def device(path: str, facts: object) -> int:
        on = any(Path(path).is_relative_to(place) for place in mounted)
        return real(path, facts) + on  # type: ignore[arg-type]

    monkeypatch.setattr(walking, "device_of", device)


def test_a_drive_that_goes_while_it_is_walked_keeps_its_images(
    colours: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = list[str]()

    def pulled_out(path: str, facts: os.stat_result) -> FileState:
        seen.append(path)
        if len(seen) == 3:
            colours.photos.rename(colours.photos.with_name("away"))
        return file_state(path, facts)

    monkeypatch.setattr(walking, "file_state", pulled_out)
    report = colours.index()
    assert (report.unchanged, report.removed, report.failed) == (3, 0, 0)
    colours.photos.with_name("away").rename(colours.photos)
    assert colours.index().unchanged == 6


def test_an_empty_mount_point_below_a_root_keeps_its_images(
    drives: Workbench, caplog: pytest.LogCaptureFixture, run: Run
) -> None:
    drives.index()
    usb = drives.photos / "usb"
    shutil.copytree(usb, drives.library_path.parent / "away")
    empty(usb)
    for _ in range(2):
        caplog.clear()
        report = drives.index()
        assert (report.unchanged, report.removed) == (2, 0)
        assert f"{usb} holds no images, but the library lists 2 there" in caplog.text
        assert f"clipseek remove {usb}" in caplog.text
    usb.rmdir()
    shutil.copytree(drives.library_path.parent / "away", usb)
    assert drives.index().unchanged == 4
    check_library(drives.library_path, drives.encoder)
    empty(usb)
    assert "2 images removed" in run("remove", usb).err
    caplog.clear()
    assert drives.index().removed == 0
    assert caplog.text == ""


def test_a_deleted_folder_leaves(drives: Workbench, caplog: pytest.LogCaptureFixture) -> None:
    drives.index()
    shutil.rmtree(drives.photos / "usb")
    assert drives.index().removed == 2
    (drives.photos / "disk/a.png").unlink()
    assert drives.index().removed == 1
    (drives.photos / "disk/b.png").unlink()
    bare = drives.paint("c.png", "red")
    assert drives.index().removed == 1, "a folder that held one picture was emptied by hand"
    assert bare.exists()
    assert caplog.text == ""


def test_a_folder_that_was_emptied_into_another_moves(
    drives: Workbench, caplog: pytest.LogCaptureFixture
) -> None:
    drives.index()
    for name in ("a.png", "b.png"):
        (drives.photos / "disk" / name).rename(drives.photos / "usb" / name)
    report = drives.index()
    assert (report.moved, report.removed, report.unchanged) == (2, 0, 2)
    assert caplog.text == ""


def test_a_folder_with_other_files_left_is_no_mount_point(drives: Workbench) -> None:
    (drives.photos / "disk/notes.txt").write_text("mine")
    drives.index()
    for name in ("a.png", "b.png"):
        (drives.photos / "disk" / name).unlink()
    assert drives.index().removed == 2


def test_failures_on_a_drive_that_is_away_are_kept(drives: Workbench) -> None:
    (drives.photos / "usb/bad.png").write_bytes(b"")
    drives.index()
    empty(drives.photos / "usb")
    drives.index()
    with drives.open() as library:
        assert [Path(failure.path).name for failure in library.failures()] == ["bad.png"]


@pytest.mark.parametrize("stub", ["gone", "empty", "with a file"])
def test_what_was_a_mount_at_the_last_run_keeps_even_one_image(
    drives: Workbench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, stub: str
) -> None:
    usb = drives.photos / "usb"
    (usb / "c.png").unlink()
    with monkeypatch.context() as mounted:
        mount(mounted, usb)
        assert drives.index().indexed == 3
        assert drives.index([drives.photos / "disk"]).unchanged == 2, "another root in between"
    shutil.copytree(usb, drives.library_path.parent / "away")
    shutil.rmtree(usb)
    if stub != "gone":
        usb.mkdir()
    if stub == "with a file":
        (usb / "not-mounted.txt").touch()
    for _ in range(2):
        report = drives.index()
        assert (report.unchanged, report.removed) == (2, 0)
        assert f"{usb} holds no images, but the library lists 1 there" in caplog.text
    shutil.rmtree(usb, ignore_errors=True)
    shutil.copytree(drives.library_path.parent / "away", usb)
    with monkeypatch.context() as mounted:
        mount(mounted, usb)
        assert drives.index().unchanged == 3
        (usb / "DCIM/d.png").unlink()
        assert drives.index().removed == 1, "deleted while it was mounted"


def test_a_mount_that_is_excluded_now_leaves(
    drives: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as mounted:
        mount(mounted, drives.photos / "usb")
        drives.index()
    (drives.photos / ".clipseekignore").write_text("usb/\n")
    assert drives.index().removed == 2
