from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from indexers.left_out.rules import WalkRules, why_skipped
from indexers.walk import Walk, require_roots
from searchengine.errors import PathNotFoundError
from searchengine.images.formats import is_image_name
from searchengine.types import FileState


def touch(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def paths_below(root: Path, walk: Walk) -> list[str]:
    return [Path(file.path).relative_to(root).as_posix() for file in walk]


@pytest.mark.parametrize(
    "name", ["a.jpg", "A.JPG", "b.c.HeIc", "x.jfif", "x.webp", "x.avif", "x.CR3", "x.dng", "é.tiff"]
)
def test_image_names(name: str) -> None:
    assert is_image_name(name)


@pytest.mark.parametrize("name", ["jpg", "a.jpg.txt", "a.", "a", "a.mp4", "a.xmp", "a.svg", "g"])
def test_other_names(name: str) -> None:
    assert not is_image_name(name)


@pytest.mark.parametrize(
    ("relative", "is_dir", "rules", "skipped"),
    [
        ("a.jpg", False, WalkRules(), False),
        (".a.jpg", False, WalkRules(), True),
        (".a.jpg", False, WalkRules(include_hidden=True), False),
        ("x/._a.jpg", False, WalkRules(include_hidden=True), True),
        (".git", True, WalkRules(include_hidden=True), True),
        (".Trash-1000", True, WalkRules(include_hidden=True), True),
        ("@eaDir", True, WalkRules(), True),
        ("x/node_modules", True, WalkRules(), True),
        ("__MACOSX", True, WalkRules(), True),
        ("$Recycle.Bin", True, WalkRules(), True),
        ("a/b.png", False, WalkRules(("*.png",)), True),
        ("a/b.png", False, WalkRules(("*.jpg",)), False),
        ("a/b.png", False, WalkRules(("a/*.png",)), True),
        ("z/a/b.png", False, WalkRules(("a/*.png",)), False),
        ("a/z/b.png", False, WalkRules(("a/*.png",)), False),
        ("a/z/b.png", False, WalkRules(("a/**/*.png",)), True),
        ("a/b.png", False, WalkRules(("a/**/*.png",)), True),
        ("a/b/c.png", False, WalkRules(("a/**",)), True),
        ("ab/c.png", False, WalkRules(("a/**",)), False),
        ("z/a", True, WalkRules(("**/a",)), True),
        ("a", True, WalkRules(("**/a",)), True),
        ("cache", True, WalkRules(("cache/",)), True),
        ("cache", False, WalkRules(("cache/",)), False),
        ("a/b.png", False, WalkRules(("./a/b.png",)), True),
        ("IMG_1.jpg", False, WalkRules(("IMG_[0-4].jpg",)), True),
        ("IMG_7.jpg", False, WalkRules(("IMG_[0-4].jpg",)), False),
        ("IMG_7.jpg", False, WalkRules(("IMG_[!0-4].jpg",)), True),
        ("a+b(1).jpg", False, WalkRules(("a+b(?).jpg",)), True),
        ("a[.jpg", False, WalkRules(("a[.jpg",)), True),
    ],
)
def test_skipping(relative: str, is_dir: bool, rules: WalkRules, skipped: bool) -> None:
    why = why_skipped(relative.rsplit("/", 1)[-1], relative, is_dir, rules)
    assert (why is not None) is skipped


def test_files_in_order_with_size_and_time(tmp_path: Path) -> None:
    for name in ("b/2.jpg", "b/1.jpg", "a/c/3.png", "0.gif", "notes.txt", "b/movie.mp4"):
        touch(tmp_path / name, name.encode())
    os.utime(tmp_path / "0.gif", ns=(1, 1_234_567_890_123_456_700))
    walk = Walk([tmp_path])
    files = list(walk)
    assert [Path(file.path).relative_to(tmp_path).as_posix() for file in files] == [
        "0.gif",
        "a/c/3.png",
        "b/1.jpg",
        "b/2.jpg",
    ]
    assert files[0] == FileState(str(tmp_path / "0.gif"), 5, 1_234_567_890_123_456_700)
    assert (walk.excluded, walk.unreadable) == (0, [])


def test_excluded_images_are_counted_and_excluded_directories_pruned(tmp_path: Path) -> None:
    for name in ("a.jpg", ".b.jpg", "._a.jpg", "c.png", ".hidden.txt", "skip/d.jpg", ".h/e.jpg"):
        touch(tmp_path / name)
    (tmp_path / "skip/unreadable").symlink_to(tmp_path / "nowhere.jpg")
    walk = Walk([tmp_path], WalkRules(exclude=("skip", "*.png")))
    assert paths_below(tmp_path, walk) == ["a.jpg"]
    assert (walk.excluded, walk.unreadable) == (3, [])
    everything = Walk([tmp_path], WalkRules(include_hidden=True))
    assert paths_below(tmp_path, everything) == [
        ".b.jpg",
        "a.jpg",
        "c.png",
        ".h/e.jpg",
        "skip/d.jpg",
    ]
    assert everything.excluded == 1


def test_exclude_may_be_an_absolute_path(tmp_path: Path) -> None:
    touch(tmp_path / "out/a.jpg")
    touch(tmp_path / "in/b.jpg")
    assert paths_below(tmp_path, Walk([tmp_path], WalkRules((f"{tmp_path}/out",)))) == ["in/b.jpg"]


def test_a_link_circle_ends_and_nothing_comes_twice(tmp_path: Path) -> None:
    touch(tmp_path / "z/deep/1.jpg")
    (tmp_path / "z/deep/up").symlink_to(tmp_path)
    (tmp_path / "a_link_to_z").symlink_to(tmp_path / "z")
    (tmp_path / "self").symlink_to("self")
    walk = Walk([tmp_path])
    assert paths_below(tmp_path, walk) == ["z/deep/1.jpg"], "the real path wins over the link"


def test_directory_links_out_of_the_root_are_followed(tmp_path: Path) -> None:
    touch(tmp_path / "elsewhere/1.jpg")
    touch(tmp_path / "root/2.jpg")
    (tmp_path / "root/link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "root/linked.jpg").symlink_to(tmp_path / "elsewhere/1.jpg")
    assert paths_below(tmp_path, Walk([tmp_path / "root"])) == [
        "root/2.jpg",
        "root/link/1.jpg",
    ]


def test_overlapping_roots_list_a_file_once(tmp_path: Path) -> None:
    touch(tmp_path / "a/1.jpg")
    touch(tmp_path / "a/b/2.jpg")
    single = tmp_path / "a/b/2.jpg"
    walk = Walk([tmp_path / "a/b", tmp_path, single, tmp_path / "a/../a", single])
    assert sorted(paths_below(tmp_path, walk)) == ["a/1.jpg", "a/b/2.jpg"]


def test_a_file_root_is_taken_whatever_its_name(tmp_path: Path) -> None:
    odd = touch(tmp_path / ".picture.bin")
    assert [file.path for file in Walk([odd], WalkRules(exclude=("*",)))] == [str(odd)]


def test_a_hidden_root_is_walked(tmp_path: Path) -> None:
    touch(tmp_path / ".photos/1.jpg")
    assert paths_below(tmp_path, Walk([tmp_path / ".photos"])) == [".photos/1.jpg"]


def test_relative_roots_give_absolute_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path / "p/1.jpg")
    monkeypatch.chdir(tmp_path / "p")
    assert [file.path for file in Walk([Path()])] == [str(tmp_path / "p/1.jpg")]


def test_a_missing_root_raises_at_once(tmp_path: Path) -> None:
    with pytest.raises(PathNotFoundError, match=r"nothing: no such file or directory"):
        Walk([tmp_path, tmp_path / "nothing"])
    with pytest.raises(PathNotFoundError):
        require_roots([tmp_path, tmp_path / "nothing"])
    require_roots([tmp_path])


def test_only_regular_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s.jpg"))
        touch(tmp_path / "folder.jpg/1.png")
        walk = Walk([tmp_path])
        assert paths_below(tmp_path, walk) == ["folder.jpg/1.png"]
    assert (walk.excluded, walk.unreadable) == (0, [])
    with pytest.raises(PathNotFoundError, match="neither a file nor a directory"):
        Walk([tmp_path / "pipe.jpg"])


def test_a_broken_link_is_reported(tmp_path: Path) -> None:
    touch(tmp_path / "a.jpg")
    (tmp_path / "b.jpg").symlink_to(tmp_path / "gone.jpg")
    (tmp_path / "c").symlink_to(tmp_path / "unmounted")
    (tmp_path / "d").symlink_to("d")
    (tmp_path / ".hidden").symlink_to(tmp_path / "gone")
    (tmp_path / "e").symlink_to(touch(tmp_path / "notes.txt"))
    walk = Walk([tmp_path])
    assert paths_below(tmp_path, walk) == ["a.jpg"]
    assert [(e.path, e.reason, e.is_dir) for e in walk.unreadable] == [
        (str(tmp_path / "b.jpg"), "broken link", False),
        (str(tmp_path / "c"), "broken link", True),
        (str(tmp_path / "d"), "broken link", True),
    ]


def test_a_directory_that_vanishes_is_reported(tmp_path: Path) -> None:
    touch(tmp_path / "0.jpg")
    touch(tmp_path / "a/1.jpg")
    touch(tmp_path / "b/2.jpg")
    walk = Walk([tmp_path])
    files = iter(walk)
    assert next(files).path.endswith("0.jpg")
    (tmp_path / "a/1.jpg").unlink()
    (tmp_path / "a").rmdir()
    assert [file.path for file in files] == [str(tmp_path / "b/2.jpg")]
    assert [(e.path, e.reason, e.is_dir) for e in walk.unreadable] == [
        (str(tmp_path / "a"), "no such file or directory", True)
    ]


def test_an_unreadable_directory_is_reported_and_as_a_root_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Simulated, since root may read every directory.
    touch(tmp_path / "a/locked/1.jpg")
    touch(tmp_path / "z/2.jpg")
    scan = os.scandir

    def refuse(path: str) -> Any:
        if path.endswith("locked"):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr("indexers.walk.os.scandir", refuse)
    walk = Walk([tmp_path])
    assert paths_below(tmp_path, walk) == ["z/2.jpg"]
    assert [(e.path, e.reason, e.is_dir) for e in walk.unreadable] == [
        (str(tmp_path / "a/locked"), "permission denied", True)
    ]
    with pytest.raises(PathNotFoundError, match="permission denied"):
        Walk([tmp_path / "a/locked"])


def test_names_that_are_not_utf8_are_reported(tmp_path: Path) -> None:
    try:
        os.mkdir(os.fsencode(tmp_path) + b"/d\xff")
        for name in (b"/caf\xe9.jpg", b"/caf\xe9.txt", b"/d\xff/1.jpg"):
            os.close(os.open(os.fsencode(tmp_path) + name, os.O_CREAT))
    except OSError as error:
        pytest.skip(f"this file system refuses names that are not UTF-8: {error}")
    touch(tmp_path / "caf\u00e9.jpg")
    walk = Walk([tmp_path])
    assert paths_below(tmp_path, walk) == ["caf\u00e9.jpg"]
    reported = sorted((e.path, e.is_dir) for e in walk.unreadable)
    assert reported == [
        (f"{tmp_path}/caf\\xe9.jpg", False),
        (f"{tmp_path}/d\\xff", True),
    ]
    assert all("not valid UTF-8" in e.reason for e in walk.unreadable)
    single = Walk([Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jpg"))])
    assert (list(single), len(single.unreadable)) == ([], 1)
