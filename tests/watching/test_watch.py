"""Watching: real files, the system's own events, and the loop in a thread."""

from __future__ import annotations

import errno
import io
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import watchfiles
from PIL import Image

from indexers import arrivals, pipeline
from indexers.arrivals import Told
from indexers.reading import IndexOptions
from indexers.watching import changes, watch
from indexers.watching.mounts import is_remote
from indexers.watching.watch import Pace
from searchengine import open_library
from searchengine.errors import LibraryLockedError
from searchengine.types import FailureKind, Pixels, Vectors
from tests.conftest import Watcher, Workbench
from tests.support.fake import FakeEncoder

PATIENCE = 60.0
"""Seconds: the machine may be busy; what is measured is in benchmarks/watching.py."""


class Relay:
    """Between who tells of changes and the run that is told of them: a test may listen too."""

    def __init__(self) -> None:
        self.told: Told = set
        self.heard: set[str] = set()
        """Of all that was told."""
        self._next: set[str] = set()
        self._lock = threading.Lock()

    def listen(self) -> None:
        with self._lock:
            came = self.told()
            self.heard.update(came)
            self._next.update(came)

    def __call__(self) -> set[str]:
        self.listen()
        with self._lock:
            came, self._next = self._next, set()
        return came


@dataclass
class Watching:
    """A running watch over the bench's photos."""

    bench: Workbench
    roots: list[Path]
    reports: list[pipeline.IndexReport] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)
    between_runs: threading.Lock = field(default_factory=threading.Lock)
    """Who holds it does several things that no run may see half of."""

    def until(self, holds: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE
        while not holds():
            assert not self.errors, self.errors
            assert time.monotonic() < end, self.names()
            time.sleep(0.2)

    def names(self) -> set[str]:
        with self.bench.open() as library:
            return {Path(state.path).name for state, _ in library.catalog.contents()}

    def quiet(self, seconds: float = 1.0) -> int:
        """How many runs there were, once there are no more for so long."""
        runs, end = -1, time.monotonic() + PATIENCE
        while runs != len(self.reports):
            assert time.monotonic() < end, "each run is the cause of the next"
            runs = len(self.reports)
            time.sleep(seconds)
        return runs


@contextmanager
def watching(bench: Workbench, *roots: Path, relay: Relay | None = None) -> Iterator[Watching]:
    found = Watching(bench, list(roots) or [bench.photos])
    relay = relay or Relay()
    end = threading.Event()

    def run(there: list[Path], told: Told) -> pipeline.IndexReport:
        relay.told = told
        with found.between_runs, open_library(bench.library_path, load=bench.load) as opened:
            report = pipeline.index(
                opened,
                there,
                encoder=bench.encoder.name,
                load=bench.load,
                observer=Watcher(),
                options=watch.settled(IndexOptions()),
                told=relay,
            )
        found.reports.append(report)
        return report

    def go() -> None:
        try:
            watch.watch(found.roots, bench.library_path, run, is_wanted=lambda: not end.is_set())
        except BaseException as error:  # told to who waits
            found.errors.append(error)

    with bench.open():
        pass
    thread = threading.Thread(target=go)
    thread.start()
    try:
        found.until(lambda: bool(found.reports))
        yield found
    finally:
        end.set()
        thread.join(PATIENCE)
    assert not found.errors


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorter waits; the proportions are as they are."""
    monkeypatch.setattr(arrivals, "SETTLED", 0.3)
    monkeypatch.setattr(watch, "SOON", 0.4)
    monkeypatch.setattr(watch, "TICK", 0.1)
    monkeypatch.setattr(arrivals, "LOOK", 0.1)
    monkeypatch.setattr(arrivals, "SHARE", 0.0)


def test_new_changed_moved_and_deleted_pictures(colours: Workbench) -> None:
    with watching(colours) as now:
        colours.paint("later/violet.png", "violet")
        now.until(lambda: "violet.png" in now.names())
        assert colours.names("violet", k=1) == ["violet.png"]
        with colours.open() as library:
            [before] = library.catalog.image_ids(str(colours.photos / "red.png"))
        with now.between_runs:
            (colours.photos / "red.png").rename(colours.photos / "later" / "crimson.png")
        now.until(lambda: "crimson.png" in now.names() and "red.png" not in now.names())
        with colours.open() as library:
            [after] = library.catalog.image_ids(str(colours.photos / "later" / "crimson.png"))
        assert after == before, "it keeps its id, and so its place in albums"
        (colours.photos / "blue.png").unlink()
        now.until(lambda: "blue.png" not in now.names())
        runs = len(now.reports)
        colours.paint("green.png", "brown")
        now.until(lambda: any(report.indexed for report in now.reports[runs:]))
        shutil.rmtree(colours.photos / "later")
        now.until(lambda: now.names() == {"green.png", "white.png", "black.png", "yellow.png"})


def test_half_a_picture_is_waited_for(colours: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = io.BytesIO()
    Image.effect_noise((900, 900), 90).convert("RGB").save(buffer, "JPEG")
    data = buffer.getvalue()
    with watching(colours) as now:
        with monkeypatch.context() as patch:
            patch.setattr(arrivals, "SETTLED", 1_000.0)  # whatever holds this thread up
            (colours.photos / "large.jpg").write_bytes(data[: len(data) // 2])
            now.until(lambda: any(report.waiting for report in now.reports))
            with (colours.photos / "large.jpg").open("ab") as file:
                file.write(data[len(data) // 2 :])
        now.until(lambda: "large.jpg" in now.names())
        assert not any(report.failed for report in now.reports)


def test_a_picture_that_is_written_slowly_comes_when_it_is_whole(colours: Workbench) -> None:
    whole = colours.photos.parent / "whole.jpg"
    Image.effect_noise((300, 300), 90).convert("RGB").save(whole, "JPEG")
    data = whole.read_bytes()
    with watching(colours) as now:
        (colours.photos / "slow.jpg").write_bytes(data[:5_000])
        now.until(lambda: any(report.failed for report in now.reports))
        with (colours.photos / "slow.jpg").open("ab") as file:
            file.write(data[5_000:])
        now.until(lambda: "slow.jpg" in now.names())
        with colours.open() as library:
            assert library.failures() == []


def test_a_folder_that_is_away_keeps_its_pictures_and_is_watched_again(
    colours: Workbench, caplog: pytest.LogCaptureFixture
) -> None:
    away = colours.photos.with_name("away")
    with watching(colours) as now:
        colours.photos.rename(away)
        now.until(lambda: "photos is not there" in caplog.text)
        assert len(now.names()) == 6
        colours.photos.mkdir()  # an empty place where the drive was mounted
        now.until(lambda: "photos is back" in caplog.text)
        now.quiet()
        assert len(now.names()) == 6
        colours.photos.rmdir()
        away.rename(colours.photos)
        now.quiet()
        colours.paint("violet.png", "violet")
        now.until(lambda: len(now.names()) == 7)
    assert not any(report.removed for report in now.reports)


def test_one_of_two_folders_may_be_away(bench: Workbench, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    bench.paint("red.png", "red")
    Image.new("RGB", (30, 20), "blue").save(other / "blue.png")
    with watching(bench, bench.photos, other) as now:
        now.until(lambda: now.names() == {"red.png", "blue.png"})
        shutil.move(other, tmp_path / "unplugged")
        bench.paint("green.png", "green")
        now.until(lambda: "green.png" in now.names())
        assert now.names() == {"red.png", "blue.png", "green.png"}


def test_a_library_that_goes_is_waited_for(
    colours: Workbench, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with watching(colours) as now:
        now.quiet()
        with now.between_runs:
            shutil.move(colours.library_path, tmp_path / "unplugged")
        colours.paint("violet.png", "violet")
        now.until(lambda: "nothing is indexed until it is back" in caplog.text)
        assert not colours.library_path.exists()
        shutil.copytree(tmp_path / "unplugged", tmp_path / "plugged in")  # it has other inodes
        shutil.move(tmp_path / "plugged in", colours.library_path)
        now.until(lambda: "violet.png" in now.names())
    assert "is back" in caplog.text


def test_a_library_that_goes_amid_a_run_is_waited_for(
    bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.paint("red.png", "red")
    unplugged = tmp_path / "unplugged"

    def unplug(*_: object, **__: object) -> None:
        monkeypatch.setattr(pipeline, "index", index)
        shutil.move(bench.library_path, unplugged)
        raise OSError(errno.EIO, "Input/output error")

    index = pipeline.index
    with watching(bench) as now:
        now.quiet()
        with now.between_runs:
            monkeypatch.setattr(pipeline, "index", unplug)
        bench.paint("violet.png", "violet")
        now.until(unplugged.exists)
        shutil.move(unplugged, bench.library_path)
        now.until(lambda: "violet.png" in now.names())


def test_a_library_among_the_photos_does_not_wake_it(bench: Workbench) -> None:
    bench.library_path = bench.photos / "library"
    bench.paint("red.png", "red")
    with watching(bench) as now:
        now.until(lambda: "red.png" in now.names())
        now.quiet(3.0)


@pytest.mark.parametrize(
    ("name", "matters"),
    [
        ("a.jpg", True),
        ("A.CR2", True),
        ("a.xmp", True),
        ("a.jpg.xmp", True),
        (".clipseekignore", True),
        ("notes.txt", False),
        ("notes", False),
        ("folder", True),
        ("folder.d", True),
        ("gone", True),
        ("library/catalog.sqlite-wal", False),
        ("library/a.jpg", False),
        ("library", False),
    ],
)
def test_what_wakes_it(tmp_path: Path, name: str, matters: bool) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder.d").mkdir()
    (tmp_path / "notes.txt").touch()
    (tmp_path / "notes").touch()
    told = changes.Changes((), str(tmp_path / "library"))
    assert told._matters(None, str(tmp_path / name)) is matters
    told.close()


def test_another_writer_is_waited_for(colours: Workbench, caplog: pytest.LogCaptureFixture) -> None:
    with watching(colours) as now:
        now.quiet()
        with colours.open() as library, library.writing():
            colours.paint("violet.png", "violet")
            now.until(lambda: "it is tried again" in caplog.text)
            assert "violet.png" not in now.names()
        now.until(lambda: "violet.png" in now.names())


def test_a_burst_is_taken_in_a_few_runs(bench: Workbench) -> None:
    source = bench.paint("first.png", "red").read_bytes()
    with watching(bench) as now:
        with now.between_runs:
            for number in range(60):
                name = bench.photos / f"{number // 20}" / f"{number}.png"
                name.parent.mkdir(exist_ok=True)
                name.write_bytes(source + bytes([number % 256, number // 256]))
        now.until(lambda: len(now.names()) == 61)
        assert now.quiet() < 30


def is_settled(path: Path) -> bool:
    """Whether a file has not changed for so long."""
    return time.time() > path.stat().st_ctime + arrivals.SETTLED


class Held(FakeEncoder):
    """From its second batch on it waits for what is to happen amid a run."""

    def __init__(self, until: Callable[[], bool]) -> None:
        self._until = until
        self.batches = 0

    def encode_pixels(self, pixels: Sequence[Pixels]) -> Vectors:
        self.batches += 1
        end = time.monotonic() + PATIENCE
        while self.batches > 1 and not self._until():
            assert time.monotonic() < end
            time.sleep(0.05)
        return super().encode_pixels(pixels)


def test_a_picture_amid_a_burst_does_not_wait_for_its_end(bench: Workbench) -> None:
    burst = 400
    late, relay = bench.photos / "late.png", Relay()

    def is_told_and_settled() -> bool:
        if not late.exists():
            bench.paint(late.name, "red")
        relay.listen()
        return str(late) in relay.heard and is_settled(late)

    for number in range(burst):
        last = bench.paint(f"burst/{number:03}.png", (number % 256, number // 256, 0))
    while not is_settled(last):
        time.sleep(0.05)
    bench.encoder = Held(is_told_and_settled)
    with watching(bench, relay=relay) as now:
        now.until(lambda: any(report.indexed for report in now.reports))
        [whole] = [report for report in now.reports if report.indexed]
        assert whole.indexed == burst + 1, "in the run that the burst is in"
    with bench.open() as library:
        [space] = library.spaces()
        [late_id] = library.catalog.image_ids(str(late))
        assert library.catalog.rows_of(space.info, [late_id])[late_id] < burst / 2


def test_where_the_system_tells_nothing_folders_are_looked_through(
    colours: Workbench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "OS file watch limit reached")

    monkeypatch.setattr(watchfiles, "watch", refuse)
    with watching(colours) as now:
        colours.paint("violet.png", "violet")
        now.until(lambda: "violet.png" in now.names())
    assert "OS file watch limit reached" in caplog.text
    assert caplog.text.count("looked through from time to time") == 1


def test_an_error_of_the_library_ends_it(colours: Workbench) -> None:
    def run(_there: list[Path], _told: Told) -> pipeline.IndexReport:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        watch.watch([colours.photos], colours.library_path, run)
    assert threading.active_count() == 1 or not any(
        thread.name == "watching" for thread in threading.enumerate()
    )


def test_the_first_run_waits_for_nobody_and_is_told_of_what_comes(colours: Workbench) -> None:
    came: list[str] = []

    def first(there: list[Path], told: Told) -> pipeline.IndexReport:
        assert there == [colours.photos]
        end = time.monotonic() + PATIENCE
        while not came:
            assert time.monotonic() < end
            colours.paint("violet.png", "violet")
            time.sleep(0.2)
            came.extend(told())
        raise LibraryLockedError(colours.library_path, "another")

    def run(_there: list[Path], _told: Told) -> pipeline.IndexReport:
        raise AssertionError("it is not tried again")

    with pytest.raises(LibraryLockedError):
        watch.watch([colours.photos], colours.library_path, run, first=first)
    assert set(came) == {str(colours.photos / "violet.png")}


def test_when_runs_are_due() -> None:
    pace = Pace()
    assert pace.is_due(100.0)
    pace.ran(100.0, 100.2, found=True, are_told=True)
    assert not pace.is_due(100.5)
    assert pace.is_due(100.2 + watch.SOON)
    pace.ran(110.0, 112.0, found=False, are_told=True)
    assert not pace.is_due(112.0 + watch.SELDOM - 1)
    assert pace.is_due(112.0 + watch.SELDOM)
    pace.changed()
    assert not pace.is_due(112.0), "half of the time at most goes into runs"
    assert pace.is_due(112.0 + watch.SOON)
    pace.ran(120.0, 122.0, found=False, are_told=False)
    assert not pace.is_due(141.9)
    assert pace.is_due(142.0)
    pace.at_once()
    assert pace.is_due(0.0)


MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
server:/photos /mnt/my\\040photos nfs4 rw 0 0
//nas/share /mnt/share cifs rw 0 0
/dev/sdb1 /mnt/share/local ext4 rw 0 0
me@host:/ /home/me/far fuse.sshfs rw 0 0
"""


@pytest.mark.parametrize(
    ("place", "remote"),
    [
        ("/home/me/Photos", False),
        ("/mnt/my photos", True),
        ("/mnt/my photos/2020", True),
        ("/mnt/my photosynthesis", False),
        ("/mnt/share/a", True),
        ("/mnt/share/local/a", False),
        ("/home/me/far/away", True),
    ],
)
def test_what_is_on_another_machine(place: str, remote: bool) -> None:
    assert is_remote(place, MOUNTS) is remote


def test_no_table_of_mounts_is_no_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("indexers.watching.mounts._TABLE", tmp_path / "none")
    assert not is_remote("/")


def test_changes_are_told_once(tmp_path: Path) -> None:
    watched = tmp_path / "watched"
    watched.mkdir()
    (tmp_path / "a.jpg").write_bytes(b"x")
    told = changes.Changes([str(watched)], str(tmp_path / "library"))
    try:
        assert told.wait(PATIENCE), "once it listens: what came before is not told"
        assert not told.wait(1.0)
        (tmp_path / "a.jpg").rename(watched / "a.jpg")  # a single event, however busy the machine
        assert told.wait(PATIENCE)
        assert not told.wait(1.0)
    finally:
        told.close()


def test_the_kind_of_failure_is_no_reason_to_run_for_ever(bench: Workbench) -> None:
    bench.paint("red.png", "red")
    (bench.photos / "broken.jpg").write_bytes(b"no picture")
    with watching(bench) as now:
        now.until(lambda: any(report.failed for report in now.reports))
        now.quiet(3.0)
        with bench.open() as library:
            [failure] = library.failures()
            assert failure.kind is FailureKind.UNREADABLE
