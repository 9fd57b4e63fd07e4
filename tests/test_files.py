"""A file written beside and renamed: whole or as before, whoever else writes it."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from searchengine.files import STALE_SECONDS, replacing


def names(directory: Path) -> list[str]:
    return sorted(entry.name for entry in directory.iterdir())


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "facts.json"
    path.write_text("old")
    with replacing(path) as beside:
        assert beside.parent == tmp_path
        beside.write_text("new, first half")
        assert path.read_text() == "old"
        beside.write_text("new")
    assert path.read_text() == "new"
    assert names(tmp_path) == ["facts.json"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_leaves_what_was_there_and_no_rest(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "facts.json"
    path.write_text("old")

    def fail(path: Path) -> None:
        with replacing(path) as beside:
            beside.write_text("half")
            raise error

    for target in (path, tmp_path / "none.json"):
        with pytest.raises(type(error)) as caught:
            fail(target)
        assert caught.value is error
    assert path.read_text() == "old"
    assert names(tmp_path) == ["facts.json"]


def test_a_place_that_cannot_be_written_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "no" / "file"):
        pytest.fail("there is no directory to write in")
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(OSError), replacing(folder) as beside:  # noqa: PT011 - Windows has another
        beside.write_text("x")
    assert names(tmp_path) == ["folder"]


@pytest.mark.skipif(os.name != "posix", reason="permissions are POSIX")
@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_permissions_are_those_of_an_ordinary_file(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        with replacing(tmp_path / "weights") as beside:
            beside.unlink()
            beside.touch(mode=0o600)  # as safetensors puts its own file there
        with replacing(tmp_path / "plain") as beside:
            beside.write_bytes(b"x")
    finally:
        os.umask(before)
    for name in ("weights", "plain"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o666 & ~umask


def test_many_may_replace_one_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "shared"
    every, together = [str(number) * 50_000 for number in range(4)], threading.Barrier(4)
    begun: list[Path] = []

    def write(text: str) -> None:
        for _ in range(10):
            with replacing(path) as beside:
                begun.append(beside)
                together.wait(timeout=30)  # all four are open now
                beside.write_text(text)
            assert path.read_text() in every

    threads = [threading.Thread(target=write, args=(text,)) for text in every]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(begun)) == 40
    assert path.read_text() in every
    assert names(tmp_path) == ["shared"]


def test_what_a_killed_process_left_is_taken_away(tmp_path: Path) -> None:
    def left_by_a_kill() -> Path:
        with replacing(tmp_path / "any") as beside:
            os.link(beside, tmp_path / "kept")
        return (tmp_path / "kept").rename(beside)

    young, old = left_by_a_kill(), left_by_a_kill()
    strange = tmp_path / ".clipseek-notes.txt"
    strange.write_text("of the user")
    for path in (old, strange):
        stale = path.stat().st_mtime - STALE_SECONDS - 1
        os.utime(path, (stale, stale))
    with replacing(tmp_path / "another") as beside:
        beside.write_text("x")
    assert names(tmp_path) == sorted([young.name, strange.name, "any", "another"])
