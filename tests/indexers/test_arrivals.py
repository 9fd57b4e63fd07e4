"""Files that come while a run is under way, at moments of it that are known."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

import pytest

from indexers import arrivals, pipeline, survey
from indexers.left_out.rules import WalkRules
from indexers.plan import Job, in_turns
from indexers.reading import IndexOptions
from searchengine.types import FileState
from tests.conftest import Watcher, Workbench, require_balance
from tests.support.libraries import check_library

BURST = 120
FEW = IndexOptions(batch_size=2, workers=2)
"""A run reads some 14 files ahead: two workers, two batches, and four of them a pause."""

AHEAD = 14


@pytest.fixture(autouse=True)
def _at_every_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """What came is looked for before each job, so that no clock decides anything here."""
    monkeypatch.setattr(arrivals, "SETTLED", 0.0)
    monkeypatch.setattr(arrivals, "LOOK", 0.0)
    monkeypatch.setattr(arrivals, "SHARE", 0.0)


class Meanwhile(Watcher):
    """Does something whenever a file is done with, and tells of the paths it returns."""

    def __init__(self, act: Callable[[int], Collection[Path]]) -> None:
        super().__init__()
        self._act = act
        self._paths: set[str] = set()

    def advanced(self) -> None:
        super().advanced()
        self._paths.update(map(str, self._act(self.done)))

    def told(self) -> set[str]:
        paths, self._paths = self._paths, set()
        return paths


def run(
    bench: Workbench, act: Callable[[int], Collection[Path]], options: IndexOptions = FEW
) -> pipeline.IndexReport:
    """A run amid which something happens; its ledger balances, and the library is sound."""
    observer = Meanwhile(act)
    with bench.open() as library:
        report = pipeline.index(
            library,
            [bench.photos],
            encoder=bench.encoder.name,
            load=bench.load,
            observer=observer,
            options=options,
            told=observer.told,
        )
    require_balance(report)
    check_library(bench.library_path)
    return report


def once(at: int, act: Callable[[], Collection[Path]]) -> Callable[[int], Collection[Path]]:
    return lambda done: act() if done == at else ()


def burst(bench: Workbench, count: int = BURST) -> None:
    for number in range(count):
        bench.paint(f"burst/{number:03}.png", (number, 0, 0))


def test_one_that_comes_amid_a_burst_does_not_wait_for_its_end(bench: Workbench) -> None:
    burst(bench)
    report = run(bench, once(10, lambda: [bench.paint("late.png", "red")]))
    assert (report.found, report.indexed) == (BURST + 1, BURST + 1)
    assert bench.listed().index("late.png") < 10 + 2 * AHEAD
    assert bench.index().unchanged == BURST + 1


def test_nor_for_that_of_another_that_came_before_it(bench: Workbench) -> None:
    burst(bench)

    def come(done: int) -> Collection[Path]:
        if done == 10:
            return [bench.paint(f"more/{n:03}.png", (0, n, 9)) for n in range(60)]
        return [bench.paint("late.png", "red")] if done == 40 else ()

    assert run(bench, come).indexed == BURST + 61
    assert bench.listed().index("late.png") < 40 + 2 * AHEAD


def test_a_folder_that_comes_is_looked_through(bench: Workbench) -> None:
    burst(bench)

    def come() -> Collection[Path]:
        bench.paint("new/deep/late.png", "red")
        return [bench.photos / "new"]

    assert run(bench, once(10, come)).indexed == BURST + 1
    assert bench.listed().index("late.png") < 10 + 2 * AHEAD


def test_half_a_picture_is_waited_for(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[float] = []

    def settled_later(seconds: float) -> Callable[[FileState], bool]:
        looks.append(seconds)
        return lambda _: len(looks) > 5

    monkeypatch.setattr(arrivals, "Settled", settled_later)
    burst(bench)
    assert run(bench, once(10, lambda: [bench.paint("late.png", "red")])).indexed == BURST + 1
    assert len(looks) == 6, "and then no longer looked for"


def test_what_was_being_written_at_first_comes_amid_the_run(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(survey, "Settled", lambda _: lambda file: "late" not in file.path)
    burst(bench)
    bench.paint("late.png", "red")
    report = run(bench, lambda _: ())
    assert (report.indexed, report.waiting) == (BURST + 1, 1)
    assert bench.listed().index("late.png") < 2 * AHEAD


def test_a_run_ends_with_what_it_found_at_first(bench: Workbench) -> None:
    burst(bench, 40)
    report = run(
        bench, lambda done: [bench.paint(f"more/{done:03}.png", (0, done, 9))] if done < 500 else ()
    )
    assert report.indexed <= 2 * 40, "however many come"
    came = sum(1 for _ in bench.photos.rglob("*.png"))
    again = bench.index()
    assert (again.unchanged, again.indexed) == (report.indexed, came - report.indexed)


def test_rules_hold_for_what_comes(bench: Workbench) -> None:
    burst(bench)
    (bench.photos / "left").mkdir()
    (bench.photos / "left" / ".clipseekignore").write_text("*.png\n")
    bench.paint("marked/.nomedia.png", "red").rename(bench.photos / "marked" / ".nomedia")

    def come() -> Collection[Path]:
        other = bench.paint("other/real.png", "blue")
        (bench.photos / "link.png").symlink_to(other)
        (bench.photos / "linked").symlink_to(other.parent)
        return [
            bench.paint("left/ruled.png", "red"),
            bench.paint("marked/marked.png", "red"),
            bench.paint(".hidden.png", "red"),
            bench.paint("draft.png", "red"),
            bench.photos / "link.png",
            bench.photos / "linked",
            bench.photos / "linked" / "real.png",
            bench.photos / "gone.png",
            bench.photos.parent / "elsewhere.png",
            bench.paint("taken.png", "red"),
        ]

    rules = WalkRules(exclude=("draft*",))
    options = IndexOptions(rules=rules, batch_size=2, workers=2)
    assert run(bench, once(10, come), options).indexed == BURST + 1
    assert "taken.png" in bench.listed()
    again = bench.index()
    assert (again.indexed, again.unchanged, again.removed) == (1, BURST + 1, 0)
    assert bench.listed()[-1] == "real.png"


def test_what_changes_and_what_goes_is_for_the_next_run(colours: Workbench) -> None:
    burst(colours)

    def change() -> Collection[Path]:
        (colours.photos / "blue.png").unlink()
        return [colours.photos / "blue.png", colours.paint("red.png", "white")]

    report = run(colours, once(10, change))
    assert (report.indexed, report.unchanged, report.removed) == (BURST, 6, 0)
    again = colours.index()
    assert (again.indexed, again.unchanged, again.removed) == (1, BURST + 4, 1)


def test_one_that_moves_amid_it_keeps_its_id(colours: Workbench) -> None:
    burst(colours)
    with colours.open() as library:
        [before] = library.catalog.image_ids(str(colours.photos / "red.png"))

    def move() -> Collection[Path]:
        new = colours.photos / "new.png"
        return [colours.photos / "red.png", (colours.photos / "red.png").rename(new)]

    report = run(colours, once(10, move))
    assert (report.moved, report.removed) == (1, 0)
    with colours.open() as library:
        assert library.catalog.image_ids(str(colours.photos / "new.png")) == [before]
    again = colours.index()
    assert (again.unchanged, again.removed) == (BURST + 6, 0)


def test_one_that_is_no_picture_fails_alone_and_is_kept(bench: Workbench) -> None:
    burst(bench)

    def come() -> Collection[Path]:
        (bench.photos / "broken.jpg").write_bytes(b"no picture")
        return [bench.photos / "broken.jpg"]

    report = run(bench, once(10, come))
    assert (report.indexed, report.failed) == (BURST, 1)
    with bench.open() as library:
        assert [Path(failure.path).name for failure in library.failures()] == ["broken.jpg"]
    again = bench.index()
    assert (again.unchanged, again.failed) == (BURST, 1)


def test_a_drive_that_is_pulled_out_amid_it_loses_nothing(colours: Workbench) -> None:
    burst(colours)
    away = colours.photos.with_name("away")

    def pull() -> Collection[Path]:
        colours.photos.rename(away)
        return [colours.photos / "late.png"]

    observer = Meanwhile(once(10, pull))
    with colours.open() as library:
        report = pipeline.index(
            library,
            [colours.photos],
            encoder="fake",
            load=colours.load,
            observer=observer,
            options=FEW,
            told=observer.told,
        )
        assert report.indexed + report.failed == BURST
        assert report.removed == 0
    away.rename(colours.photos)
    assert colours.index().unchanged == 6 + report.indexed


def test_folders_take_turns_and_the_newest_file_of_each_comes_first() -> None:
    def job(path: str, mtime: int, ctime: int | None = None) -> Job:
        return Job(FileState(path, 1, mtime, ctime), None)

    burst = [job(f"/burst/{number:02}.jpg", number) for number in range(50)]
    others = [job("/a/old.jpg", 99, ctime=3), job("/a/new.jpg", 1, ctime=9), job("/b/one.jpg", 2)]
    found = [item.file.path for item in in_turns([*burst, *others])]
    assert found[:6] == [
        "/burst/49.jpg",
        "/a/new.jpg",
        "/b/one.jpg",
        "/burst/48.jpg",
        "/a/old.jpg",
        "/burst/47.jpg",
    ]
    assert sorted(found) == sorted(item.file.path for item in [*burst, *others])
    assert in_turns([]) == []
