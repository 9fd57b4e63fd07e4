"""Files read whole and in bounds; written beside and renamed, whoever else writes them."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from searchengine.errors import FileTooLargeError, InputError, PathNotFoundError
from searchengine.files import STALE_SECONDS, open_own, read_file, read_whole, replacing


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


SPECIAL: dict[str, Callable[[Path], object]] = {
    "pipe": lambda path: os.mkfifo(path),
    "zeros": lambda path: path.symlink_to("/dev/zero"),
    "nothing": lambda path: path.symlink_to("/dev/null"),
    "chance": lambda path: path.symlink_to("/dev/urandom"),
    "directory": lambda path: path.mkdir(),
    "endless": lambda path: path.symlink_to("/proc/self/status"),
}


@pytest.mark.parametrize("name", SPECIAL)
def test_what_is_no_ordinary_file_is_refused_at_once(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    SPECIAL[name](path)
    with pytest.raises(OSError, match=r"ordinary|directory|being written"):
        read_whole(path)
    with pytest.raises(PathNotFoundError, match=rf"{path}: \w"):
        read_file(path)


@pytest.mark.parametrize("name", SPECIAL)
def test_nothing_but_an_ordinary_file_is_opened_to_be_written(tmp_path: Path, name: str) -> None:
    SPECIAL[name](tmp_path / name)
    with pytest.raises(OSError, match=r"ordinary|directory|symbolic"):
        open_own(tmp_path / name)


def test_a_socket_is_refused(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        with pytest.raises(PathNotFoundError, match="no such device or address"):
            read_file(tmp_path / "s")


@pytest.mark.parametrize("size", [0, 1, 999, 1000])
def test_files_up_to_the_limit_are_read(tmp_path: Path, size: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(os.urandom(size))
    assert read_whole(path, 1000) == path.read_bytes()


@pytest.mark.parametrize(
    ("size", "message"),
    [
        (1001, "1 KB, over the limit of 1 KB"),
        (5 * 10**6, "5 MB, over the limit of 1 KB"),
        (42_949_672_960, "42.9 GB, over the limit of 1 KB"),
        (10**12, "1,000 GB, over the limit of 1 KB"),
    ],
)
def test_larger_files_are_not_read(tmp_path: Path, size: int, message: str) -> None:
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.truncate(size)
    with pytest.raises(FileTooLargeError, match=message) as caught:
        read_whole(path, 1000)
    assert (caught.value.size, caught.value.limit) == (size, 1000)
    with pytest.raises(InputError, match=f"{path}: {message}"):
        read_file(path, 1000)


def test_a_name_with_a_nul_is_no_file() -> None:
    with pytest.raises(PathNotFoundError, match="null"):
        read_file(Path("a\0b"))


def test_a_lack_of_memory_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(*_: object) -> bytes:
        raise MemoryError

    monkeypatch.setattr("searchengine.files.read_whole", no_memory)
    with pytest.raises(InputError, match="not enough memory"):
        read_file(tmp_path)
