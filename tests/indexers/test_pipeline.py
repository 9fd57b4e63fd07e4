"""Index runs over a real folder with the fake encoder: what changes, what stays, what fails."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from PIL import Image

from indexers import reading as run
from indexers.left_out.rules import WalkRules
from indexers.reading import IndexOptions
from searchengine.errors import EncoderUnavailableError, LibraryLockedError, PathNotFoundError
from searchengine.files import read_whole
from searchengine.retrieval.query import By
from searchengine.types import Pixels, Vectors
from tests.conftest import Workbench
from tests.support.fake import FakeEncoder
from tests.support.files import edit_quietly
from tests.support.libraries import check_library


def test_a_first_run_indexes_everything(bench: Workbench) -> None:
    for number in range(70):
        bench.paint(f"{number % 7}/{number:02}.png", (number, 0, 0))
    report = bench.index()
    assert (report.found, report.indexed) == (70, 70)
    assert (bench.watcher.total, bench.watcher.done) == (70, 70)
    assert report.bottleneck in ("decode", "encode", "write")
    assert (report.space, report.device, report.precision) == ("fake", "cpu", "float32")
    check_library(bench.library_path, bench.encoder)


def test_a_second_run_reads_nothing_and_loads_no_encoder(colours: Workbench) -> None:
    colours.loads = 0
    report = colours.index()
    assert (report.unchanged, report.indexed, report.bottleneck) == (6, 0, None)
    assert colours.loads == 0


def test_a_changed_file_is_encoded_again_under_its_id(colours: Workbench) -> None:
    with colours.open() as library:
        [before] = library.search("red", k=1)
    colours.paint("red.png", "blue", size=(64, 20))
    report = colours.index()
    assert (report.indexed, report.unchanged) == (1, 5)
    assert set(colours.names("blue", k=2)) == {"blue.png", "red.png"}
    with colours.open() as library:
        after = next(hit for hit in library.search("blue") if hit.path.name == "red.png")
    facts = after.image.facts
    assert (after.id, facts.width, facts.height) == (before.id, 64, 20)
    check_library(colours.library_path, colours.encoder)


def test_a_touched_file_keeps_its_vector(colours: Workbench) -> None:
    os.utime(colours.photos / "red.png", (1, 1))
    report = colours.index()
    assert (report.indexed, report.unchanged) == (0, 6)
    assert colours.index().unchanged == 6
    assert colours.watcher.total == 0


def test_an_edit_that_keeps_size_and_time_is_noticed(colours: Workbench) -> None:
    """An orientation from 1 to 6 turns a picture without another byte changing."""
    path = colours.photos / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 1
    Image.new("RGB", (64, 20), "red").save(path, exif=exif)
    colours.index()
    data = path.read_bytes()
    one = bytes.fromhex("0112 0003 0000 0001 0001")
    assert data.count(one) == 1
    edit_quietly(path, data.replace(one, one[:-1] + b"\6"))
    report = colours.index()
    assert (report.indexed, report.unchanged) == (1, 6)
    with colours.open() as library:
        [hit] = [hit for hit in library.search("red") if hit.path == path]
    assert (hit.image.facts.width, hit.image.facts.height) == (20, 64)


@pytest.mark.parametrize("touch", [lambda path: path.chmod(0o600), lambda path: os.link(path, "x")])
def test_what_changes_beside_the_content_encodes_nothing(
    colours: Workbench, monkeypatch: pytest.MonkeyPatch, touch: Callable[[Path], None]
) -> None:
    monkeypatch.chdir(colours.photos.parent)
    shutil.copy(colours.photos / "red.png", colours.photos / "copy.png")
    colours.index()
    colours.loads = 0
    time.sleep(0.02)  # the clock of a file system ticks every few milliseconds
    for name in ("red.png", "copy.png", "blue.png"):
        touch(colours.photos / name)
        Path("x").unlink(missing_ok=True)
    report = colours.index()
    assert (report.unchanged, report.copies, report.indexed) == (7, 0, 0)
    assert (colours.watcher.total, colours.loads) == (3, 0)
    with colours.open() as library:
        assert library.catalog.dead_rows(library.space().info).size == 0
    assert colours.index().unchanged == 7
    assert colours.watcher.total == 0


def test_a_library_without_ctimes_takes_them_and_reads_nothing(colours: Workbench) -> None:
    with sqlite3.connect(colours.library_path / "catalog.sqlite") as catalog:
        catalog.execute("UPDATE images SET ctime_ns = NULL")
    catalog.close()
    assert colours.index().unchanged == 6
    assert colours.watcher.total == 0
    with colours.open() as library:
        states = [file for file, _ in library.catalog.contents()]
    assert [file.ctime_ns for file in states] == [os.stat(f.path).st_ctime_ns for f in states]
    red = colours.photos / "red.png"
    edit_quietly(red, red.read_bytes()[:-1])
    report = colours.index()
    assert (report.unchanged, colours.watcher.total) == (6, 1)


def test_a_failed_file_put_right_with_size_and_time_kept_is_tried_again(bench: Workbench) -> None:
    path = bench.paint("red.png", "red")
    whole = path.read_bytes()
    path.write_bytes(bytes(len(whole)))
    assert bench.index().failed == 1
    assert bench.index().failed == 1
    assert bench.watcher.total == 0
    edit_quietly(path, whole)
    assert bench.index().indexed == 1
    with bench.open() as library:
        assert library.failures() == []


def test_a_moved_file_keeps_its_id_and_vector(colours: Workbench) -> None:
    with colours.open() as library:
        [before] = library.search("red", k=1)
    (colours.photos / "new").mkdir()
    (colours.photos / "red.png").rename(colours.photos / "new" / "scarlet.png")
    colours.encoder.encode_pixels = _must_not_encode  # type: ignore[method-assign]
    report = colours.index()
    assert (report.moved, report.removed, report.unchanged) == (1, 0, 5)
    with colours.open() as library:
        [after] = library.search("red", k=1)
    assert after.path == colours.photos / "new" / "scarlet.png"
    assert (after.id, after.score) == (before.id, before.score)


def test_copies_get_the_vector_without_the_encoder(colours: Workbench) -> None:
    shutil.copy(colours.photos / "red.png", colours.photos / "copy1.png")
    shutil.copy(colours.photos / "red.png", colours.photos / "copy2.png")
    colours.encoder.encode_pixels = _must_not_encode  # type: ignore[method-assign]
    report = colours.index()
    assert (report.copies, report.moved, report.indexed) == (2, 0, 0)
    assert set(colours.names("red", k=3)) == {"red.png", "copy1.png", "copy2.png"}
    check_library(colours.library_path, type(colours.encoder)())


def test_a_file_moved_and_copied_at_once(colours: Workbench) -> None:
    shutil.copy(colours.photos / "red.png", colours.photos / "copy.png")
    (colours.photos / "red.png").rename(colours.photos / "moved.png")
    report = colours.index()
    assert (report.moved, report.copies, report.removed) == (1, 1, 0)
    with colours.open() as library:
        assert library.info().images == 7
    check_library(colours.library_path, colours.encoder)


def test_two_files_that_swap_names(colours: Workbench) -> None:
    red, blue = colours.photos / "red.png", colours.photos / "blue.png"
    red.rename(colours.photos / "x.tmp")
    blue.rename(red)
    (colours.photos / "x.tmp").rename(blue)
    os.utime(red, (5, 5))
    os.utime(blue, (5, 5))
    colours.index()
    assert colours.names("red", k=1, by=By.PICTURES) == ["blue.png"]
    assert colours.names("blue", k=1, by=By.PICTURES) == ["red.png"]
    check_library(colours.library_path, colours.encoder)


def test_deleted_files_leave(colours: Workbench) -> None:
    (colours.photos / "red.png").unlink()
    report = colours.index()
    assert (report.removed, report.unchanged) == (1, 5)
    assert "red.png" not in colours.names("red")


def test_other_folders_are_left_alone(colours: Workbench, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    Image.new("RGB", (9, 9), "red").save(other / "one.png")
    report = colours.index([other])
    assert (report.found, report.removed) == (1, 0)
    with colours.open() as library:
        assert library.info().images == 7


def test_an_unmounted_drive_loses_nothing(
    colours: Workbench, caplog: pytest.LogCaptureFixture
) -> None:
    for path in colours.photos.iterdir():
        path.rename(colours.library_path.parent / path.name)
    report = colours.index()
    assert (report.found, report.removed) == (0, 0)
    assert "lists 6 there; they are kept" in caplog.text
    with colours.open() as library:
        assert library.info().images == 6


def test_an_empty_folder_is_not_filled_by_one_named_alike(bench: Workbench) -> None:
    bench.paint("a/1.png", "red")
    bench.paint("ab/2.png", "blue")
    bench.index()
    (bench.photos / "a" / "1.png").unlink()
    report = bench.index([bench.photos / "a", bench.photos / "ab"])
    assert (report.unchanged, report.removed) == (1, 0)


def test_a_folder_of_excluded_images_is_not_empty(colours: Workbench) -> None:
    report = colours.index(options=IndexOptions(rules=WalkRules(exclude=("*.png",))))
    assert (report.excluded, report.removed) == (6, 6)


def test_an_unreadable_folder_loses_nothing(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.paint("open/1.png", "red")
    bench.paint("shut/2.png", "blue")
    bench.index()
    real = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("shut"):
            raise PermissionError(13, "Permission denied", path)
        return real(path)

    monkeypatch.setattr("indexers.walk.os.scandir", refuse)
    report = bench.index()
    assert (report.unchanged, report.removed, report.failed) == (1, 0, 0)
    assert bench.watcher.skipped_files == {str(bench.photos / "shut"): "permission denied"}


def test_bad_files_are_listed_and_do_not_stop_the_run(colours: Workbench) -> None:
    photos = colours.photos
    (photos / "empty.jpg").write_bytes(b"")
    (photos / "text.png").write_text("hello")
    whole = (photos / "red.png").read_bytes()
    (photos / "half.png").write_bytes(whole[: len(whole) // 2])
    Image.new("RGB", (2000, 1000)).save(photos / "large.png")
    report = colours.index(options=IndexOptions(max_megapixels=1))
    assert (report.failed, report.unchanged, report.found) == (4, 6, 10)
    with colours.open() as library:
        reasons = {Path(f.path).name: f.reason for f in library.failures()}
    assert reasons["empty.jpg"] == "empty file"
    assert "2 megapixels, over the limit of 1" in reasons["large.png"]
    assert set(reasons) == {"empty.jpg", "text.png", "half.png", "large.png"}
    assert {Path(p).name: r for p, r in colours.watcher.skipped_files.items()} == reasons


def test_failed_files_wait_until_they_change_or_are_retried(colours: Workbench) -> None:
    bad = colours.photos / "bad.png"
    bad.write_bytes(b"broken")
    assert colours.index().failed == 1
    assert colours.index().failed == 1
    assert colours.watcher.total == 0, "an unchanged failure must not be read again"
    assert colours.index(options=IndexOptions(retry_failed=True)).failed == 1
    assert colours.watcher.total == 1
    Image.new("RGB", (8, 8), "red").save(bad)
    assert colours.index().indexed == 1
    with colours.open() as library:
        assert library.failures() == []


def test_a_deleted_failure_is_forgotten(colours: Workbench) -> None:
    bad = colours.photos / "bad.png"
    bad.write_bytes(b"broken")
    colours.index()
    bad.unlink()
    assert colours.index().failed == 0
    with colours.open() as library:
        assert library.failures() == []


def test_an_image_that_breaks_keeps_its_last_vector(colours: Workbench) -> None:
    (colours.photos / "red.png").write_bytes(b"now broken")
    report = colours.index()
    assert (report.failed, report.removed) == (1, 0)
    assert colours.names("red", k=1) == ["red.png"]
    assert colours.index().failed == 1


def test_excluded_files_are_counted_and_leave(colours: Workbench) -> None:
    report = colours.index(options=IndexOptions(rules=WalkRules(exclude=("b*.png",))))
    assert (report.found, report.excluded, report.unchanged, report.removed) == (6, 2, 4, 2)


def test_a_name_that_is_not_utf8_fails_alone(colours: Workbench) -> None:
    try:
        shutil.copy(
            os.fsencode(colours.photos / "red.png"), os.fsencode(colours.photos) + b"/caf\xe9.png"
        )
    except OSError:
        pytest.skip("this file system refuses names that are not UTF-8")
    report = colours.index()
    assert (report.found, report.failed, report.unchanged) == (7, 1, 6)
    with colours.open() as library:
        [failure] = library.failures()
    assert failure.path.endswith("caf\\xe9.png")
    assert "not valid UTF-8" in failure.reason
    assert colours.index().failed == 1


@pytest.mark.parametrize("is_file", [True, False])
def test_a_root_that_is_not_utf8_is_one_line(colours: Workbench, is_file: bool) -> None:
    root = Path(os.fsdecode(os.fsencode(colours.photos.parent) + b"/caf\xe9.png"))
    try:
        if is_file:
            shutil.copy(colours.photos / "red.png", root)
        else:
            shutil.copytree(colours.photos, root)
    except OSError:
        pytest.skip("this file system refuses names that are not UTF-8")
    report = colours.index([root])
    assert (report.found, report.failed, report.removed) == (is_file, is_file, 0)
    [(path, reason)] = colours.watcher.skipped_files.items()
    assert path.endswith("caf\\xe9.png")
    assert "not valid UTF-8" in reason
    assert colours.index([root, colours.photos]).unchanged == 6


def test_a_file_that_vanishes_between_walk_and_reading(
    colours: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    doomed = colours.paint("doomed.png", "red")

    def vanish(path: Path, limit: int) -> bytes:
        doomed.unlink(missing_ok=True)
        return read_whole(path, limit)

    monkeypatch.setattr("searchengine.embedding.stream.read_whole", vanish)
    report = colours.index()
    assert (report.failed, report.unchanged) == (1, 6)
    assert colours.watcher.skipped_files == {str(doomed): "no such file or directory"}


def test_a_missing_folder_is_an_error(bench: Workbench) -> None:
    with pytest.raises(PathNotFoundError, match="nowhere"):
        bench.index([bench.photos / "nowhere"])


def test_two_writers(bench: Workbench) -> None:
    bench.paint("red.png", "red")
    with bench.open() as library, library.writing(), pytest.raises(LibraryLockedError):
        bench.index()


def test_ctrl_c_keeps_what_was_encoded(bench: Workbench) -> None:
    for number in range(40):
        bench.paint(f"{number:02}.png", (number, 0, 0))
    with bench.stopped_at(3):
        bench.index(options=IndexOptions(batch_size=10))
    check_library(bench.library_path, bench.encoder)
    report = bench.index()
    assert (report.unchanged, report.indexed) == (20, 20)


def test_a_long_turn_of_the_encoder_saves_in_between(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "SAVE_SECONDS", 0)
    for number in range(12):
        bench.paint(f"{number:02}.png", (number, 0, 0))
    encode, listed = bench.encoder.encode_pixels, []

    def watch(pixels: Sequence[Pixels]) -> Vectors:
        with bench.open() as library:
            listed.append(library.info().images)
        return encode(pixels)

    bench.encoder.encode_pixels = watch  # type: ignore[method-assign]
    bench.index(options=IndexOptions(batch_size=3))
    assert listed == [0, 3, 6, 9]


def test_captions_are_embedded_in_a_space_that_comes_later(colours: Workbench) -> None:
    with colours.open() as library:
        library.add_captions([(str(colours.photos / "red.png"), "a red wall")])
    colours.encoder.name = "second"
    colours.index()
    with colours.open() as library:
        assert [space.captions for space in library.info().spaces] == [1, 1]
        [hit] = library.describe(colours.photos / "red.png", space="second")
    assert hit.text == "a red wall"


def _must_not_encode(pixels: object) -> Vectors:
    raise AssertionError("the vector was there already")


def test_a_run_of_copies_moves_and_bad_files_loads_no_encoder(colours: Workbench) -> None:
    shutil.copy(colours.photos / "red.png", colours.photos / "copy.png")
    (colours.photos / "blue.png").rename(colours.photos / "azure.png")
    (colours.photos / "empty.png").write_bytes(b"")
    os.utime(colours.photos / "green.png", (1, 1))
    colours.loads = 0
    report = colours.index()
    assert (report.copies, report.moved, report.unchanged) == (1, 1, 5)
    assert (report.indexed, report.failed, report.removed) == (0, 1, 0)
    assert (report.bottleneck, report.images_per_second, report.device) == (None, 0.0, None)
    assert (colours.loads, colours.watcher.starts) == (0, 0)
    assert (colours.watcher.total, colours.watcher.done) == (4, 4)


def test_copies_in_a_new_library_are_encoded_once_each(bench: Workbench) -> None:
    first = bench.paint("0/red.png", "red")
    for number in range(1, 30):
        bench.paint(f"{number}/other.png", (number, 0, 0), size=(number + 9, 30))
    bench.index()
    for number in range(3):
        shutil.copy(first, bench.photos / f"copy{number}.png")
    report = bench.index()
    assert (report.indexed, report.moved, report.copies) == (0, 0, 3)
    first.unlink()
    report = bench.index()
    assert (report.unchanged, report.moved, report.copies, report.removed) == (32, 0, 0, 1)


def test_an_encoder_that_cannot_be_loaded_keeps_what_was_done(colours: Workbench) -> None:
    shutil.copy(colours.photos / "red.png", colours.photos / "copy.png")
    colours.paint("new.png", "cyan")

    def fail(_name: str = "") -> FakeEncoder:
        raise EncoderUnavailableError("fake", "no network")

    colours.load = fail  # type: ignore[method-assign]
    with pytest.raises(EncoderUnavailableError):
        colours.index(options=IndexOptions(workers=1))
    with colours.open() as library:
        assert library.info().images == 7
