"""Libraries in parts are asked through a copy of their newest snapshot."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from searchengine.encoders import loading
from searchengine.errors import InputError, NothingIndexedError, StorageError
from searchengine.library.cached import copy as copying
from searchengine.library.cached import opening
from searchengine.library.cached.copy import copy_directory, state_of
from searchengine.library.cached.opening import CopiedLibrary, following, open_copy
from searchengine.library.library import open_library
from searchengine.shards.layout import PARTS, receipt_name
from searchengine.shards.parts import read_vectors
from searchengine.shards.snapshots import newest, newest_number, numbers
from searchengine.shards.status import collect, faults, parts_info
from searchengine.shards.storage import Storage
from tests.conftest import Run, Workbench
from tests.support.fake import FakeEncoder
from tests.support.shards import Counting, index, tar_of, url_of

pytest.importorskip("pyarrow", reason="pyarrow is not installed: the extra shards")
pytest.importorskip("fsspec", reason="fsspec is not installed: the extra shards")


@pytest.fixture(autouse=True)
def _encoder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(loading, "load_encoder", lambda *_arguments, **_options: Counting())
    monkeypatch.setenv("CLIPSEEK_CACHE", str(tmp_path / "copies"))


@pytest.fixture
def parts(colours: Workbench, tmp_path: Path) -> str:
    """A library in parts of the six pictures that the bench's library has."""
    index(tmp_path / "parts", colours.photos, size=2)
    return url_of(tmp_path / "parts")


def opened(url: str) -> CopiedLibrary:
    return open_copy(url, load=lambda _: FakeEncoder())


def test_answers_are_those_of_a_library_of_one_machine(parts: str, colours: Workbench) -> None:
    with colours.open() as local, opened(parts) as library:
        for query in ("red", "green white", "grey"):
            hits, expected = (
                [(hit.path, hit.score, hit.image.facts) for hit in asked.search(query)]
                for asked in (library, local)
            )
            assert sorted(hits, key=str) == sorted(expected, key=str)
        assert library.check().is_sound
        assert len(library) == 6
        assert library.describe(colours.photos / "red.png", texts=["blue", "red"])[0].text == "red"


def test_only_new_parts_are_fetched_and_rows_stay(
    parts: str, colours: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(parts) as library:
        before = library.stored_vectors()[0]
    colours.paint("cyan.png", "cyan")
    index(tmp_path / "parts", colours.photos, size=2)
    fetched: list[str] = []
    really = Storage.find

    def noting(storage: Storage, name: str) -> bytes | None:
        fetched.append(name)
        return really(storage, name)

    monkeypatch.setattr(Storage, "find", noting)
    with opened(parts) as library:
        assert library.stored_vectors()[0] == [*before, colours.photos / "cyan.png"]
        assert library.search("cyan")[0].path.name == "cyan.png"
    assert len([name for name in fetched if name.startswith(PARTS)]) == 2
    with open_library(parts, load=lambda _: FakeEncoder()) as again:
        assert isinstance(again, CopiedLibrary)
        assert again.update() == 2


def test_a_first_copy_that_was_cut_off_goes_on(parts: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = iter(range(9))

    def cut(*arguments: object) -> object:
        if next(calls) == 1:
            raise KeyboardInterrupt
        return read_vectors(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(copying, "read_vectors", cut)
    with pytest.raises(KeyboardInterrupt):
        opened(parts)
    monkeypatch.setattr(copying, "read_vectors", read_vectors)
    with opened(parts) as library:
        assert len(library) == 6
        assert library.check().is_sound


def wait_for(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not holds() and time.monotonic() < end:
        time.sleep(0.02)


def test_each_answer_is_of_one_snapshot_while_twenty_are_published_and_old_ones_go(
    parts: str, colours: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a server does: it follows, and any thread asks."""
    monkeypatch.setattr(opening, "LOOK_SECONDS", 0.02)
    storage = Storage(parts)
    sizes = {6}
    seen: set[int] = set()
    ended = threading.Event()
    problems: list[Exception] = []
    with opened(parts) as library, following(library):

        def ask() -> None:
            while not ended.is_set():
                try:
                    seen.add(len(library.search("red", k=1_000)))
                    time.sleep(0.005)
                except Exception as error:
                    problems.append(error)

        asking = [threading.Thread(target=ask) for _ in range(2)]
        for thread in asking:
            thread.start()
        for number in range(20):
            for green in (9, 99, 199):
                colours.paint(f"more/{number}-{green}.png", (number, green, 9))
            sizes.add(6 + 3 * (number + 1))
            index(tmp_path / "parts", colours.photos, size=2)
            collect(storage, keep=2)
            if number in (0, 10, 19):
                wait_for(lambda: max(seen, default=0) == max(sizes) or bool(problems))
        ended.set()
        for thread in asking:
            thread.join()
    assert problems == []
    assert seen <= sizes
    assert {9, 39, 66} <= seen
    assert numbers(storage) == [20, 21]


def test_a_storage_that_does_not_answer_leaves_the_copy(
    parts: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(parts):
        pass

    def unreachable(storage: Storage, name: str) -> bytes:
        raise StorageError(storage.url, "out of reach")

    monkeypatch.setattr(Storage, "find", unreachable)
    with opened(parts) as library:
        assert len(library) == 6
    assert "out of reach" in caplog.text
    assert "searching snapshot 1, which is here" in caplog.text
    with pytest.raises(StorageError):
        opened(parts + "-of-nobody")


def test_what_is_no_library_leaves_no_copy(tmp_path: Path) -> None:
    with pytest.raises(NothingIndexedError, match="is empty"):
        opened(url_of(tmp_path / "nothing"))
    assert not any((tmp_path / "copies").iterdir())


def test_another_library_at_the_same_place_is_told_apart(
    parts: str, colours: Workbench, tmp_path: Path
) -> None:
    with opened(parts):
        pass
    os.rename(tmp_path / "parts", tmp_path / "away")
    index(tmp_path / "parts", colours.photos, size=2)
    index(tmp_path / "parts", colours.paint("x.png", "red"))
    with opened(parts) as library:  # what is here serves, and that is said
        assert len(library) == 6


def test_a_copy_of_a_part_that_was_made_anew_serves_until_it_is_removed(
    parts: str, colours: Workbench, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(parts):
        pass
    storage = Storage(parts)
    storage.remove([receipt_name(newest(storage).parts[0].shard)])
    index(tmp_path / "parts", colours.photos, size=2)
    with opened(parts) as library:
        assert len(library) == 6
        assert state_of(library).number == 1
    copy = copy_directory(parts)
    assert f"other parts are there now than {copy} is a copy of; remove that folder" in caplog.text
    shutil.rmtree(copy)
    with opened(parts) as library:
        assert len(library) == 6
        assert state_of(library).number == newest_number(storage) == 2


@pytest.mark.parametrize("how", ["catalog cut", "no catalog", "vectors cut", "a file"])
def test_a_damaged_copy_says_what_helps_and_that_does(
    parts: str, run: Run, tmp_path: Path, how: str
) -> None:
    with opened(parts) as library:
        vectors = library.space().images.path
    copy, catalog = copy_directory(parts), copy_directory(parts) / "catalog.sqlite"
    if how == "catalog cut":
        os.truncate(catalog, 3_000)
    elif how == "no catalog":
        catalog.unlink()
    elif how == "vectors cut":
        os.truncate(vectors, 20)
    else:
        shutil.rmtree(copy)
        copy.write_text("no folder", "utf-8")
    way_out = f"it is a copy of {parts}: remove {copy}, and the next command fetches it again"
    for command in (("search", "red"), ("check", "--repair"), ("check", "--read-data")):
        done = run(*command, "--library", parts)
        assert done.code == 1
        assert done.err.count(way_out) == 1, done.err
        assert "backup" not in done.err
    if how == "vectors cut":
        assert way_out in run("check", "--library", str(copy)).err
    shutil.rmtree(copy) if copy.is_dir() else copy.unlink()
    assert run("search", "red", "--library", parts).code == 0


def test_a_cache_that_cannot_be_is_said(
    parts: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("CLIPSEEK_CACHE", str(tmp_path / "file"))
    assert "another place for copies: CLIPSEEK_CACHE" in run("search", "x", "--library", parts).err
    monkeypatch.setenv("CLIPSEEK_CACHE", "~no-such-user/copies")
    assert (
        "~no-such-user/copies: there is no such user" in run("search", "x", "--library", parts).err
    )


def test_a_copy_takes_no_changes(parts: str, colours: Workbench) -> None:
    with opened(parts) as library:
        for change in (
            lambda: library.remove([colours.photos / "red.png"]),
            lambda: library.add_captions([("red.png", "red")]),
            lambda: library.check(repair=True),
        ):
            with pytest.raises(InputError, match=r"is only added to|nothing is repaired"):
                change()


def test_commands_ask_it_by_its_url(
    run: Run, parts: str, colours: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = run("search", "red", "-k", "1", "--paths", "--library", parts)
    assert found.out.strip() == str(colours.photos / "red.png")
    monkeypatch.setenv("CLIPSEEK_LIBRARY", parts)
    assert "shards    3 of 3 done" in run("info").out
    assert "snapshot  1: 6 images, exact scan" in run("info").out
    assert run("describe", str(colours.photos / "red.png"), "--texts", "x").code != 3
    assert run("remove", str(colours.photos)).code == 1
    assert "3 parts as written, 0 faults" in run("check").err
    assert "1  6 images in 3 parts" in run("snapshots", "list").out
    assert run("snapshots", "gc", "--keep", "1").code == 0
    assert run("failures").code == 0
    [part, *_] = newest(Storage(parts)).parts
    file = Path(parts.removeprefix("file://")) / part.name("parquet")
    file.write_bytes(file.read_bytes()[:-1] + b"\0")
    done = run("check")
    assert done.code == 1
    assert f"parts/{part.shard}.{part.attempt}.parquet" in done.out
    monkeypatch.delenv("CLIPSEEK_LIBRARY")
    assert run("snapshots", "list", "--library", colours.library_path).code == 2


def test_what_killed_attempts_left_goes_once_it_is_old(parts: str) -> None:
    storage = Storage(parts)
    shard = newest(storage).parts[0].shard
    left = [f"parts/{shard}.{'0' * 16}.f16", "parts/other.1.parquet", "snapshots/9.json.ab.part"]
    for name in left:
        storage.write(name, b"left")
    assert collect(storage, keep=1).files == 0
    assert collect(storage, keep=1, orphan_seconds=-1).files == 3
    assert [fault for _, fault in faults(storage) if fault] == []
    assert parts_info(storage).images == 6
    assert newest_number(storage) == 1


def test_pictures_in_tars_and_tables_have_paths_to_filter_by(
    run: Run, colours: Workbench, tmp_path: Path
) -> None:
    tar = tar_of(tmp_path / "0.tar", [colours.photos / "red.png", colours.photos / "blue.png"])
    library = f"memory://{tmp_path.name}/library"
    assert run("index", str(tar), colours.photos, "--library", library).code == 0
    found = run("search", "red", "--under", str(tar), "--paths", "--library", library)
    assert found.out.splitlines() == [f"{tar}/red.png", f"{tar}/blue.png"]
