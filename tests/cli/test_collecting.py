"""Hits as files somewhere else: complete, under names of their own, nothing overwritten."""

from __future__ import annotations

import itertools
import os
import zipfile
from pathlib import Path

import pytest

from cli.collecting.collect import copy_to, link_to, zip_to
from searchengine.errors import InputError
from serving.files.names import Names
from tests.conftest import Run, Workbench


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Two of one name, and one whose name another case makes the same."""
    found = [tmp_path / "a/x.jpg", tmp_path / "b/x.jpg", tmp_path / "c/X.JPG"]
    for number, file in enumerate(found):
        file.parent.mkdir()
        file.write_bytes(bytes([number]) * 1_000)
        os.utime(file, (1_000_000, 1_000_000 + number))
    return found


def test_names_are_told_apart() -> None:
    names = Names()
    assert next(names.free(Path("a/é.jpg"))) == "é.jpg"
    assert next(names.free(Path("b/e\u0301.JPG"))) == "e\u0301 (2).JPG"
    assert list(itertools.islice(names.free(Path("tar.gz")), 2)) == ["tar.gz", "tar (2).gz"]


def test_copies_keep_bytes_and_times_and_overwrite_nothing(
    files: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "new/out"
    out.mkdir(parents=True)
    (out / "x.jpg").write_bytes(b"another's")
    assert copy_to(files, out).done == 3
    there = {file.name: file.read_bytes()[:1] for file in out.iterdir()}
    assert there == {"x.jpg": b"a", "x (2).jpg": b"\0", "x (3).jpg": b"\1", "X (4).JPG": b"\2"}
    assert (out / "x (3).jpg").stat().st_mtime == 1_000_001
    again = copy_to(files, out)
    assert (again.done, again.already) == (0, 3)
    assert len(list(out.iterdir())) == 4


def test_links_lead_to_the_files(files: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "links"
    assert link_to(files, out).done == 3
    assert {(out / "x.jpg").resolve(), (out / "x (2).jpg").resolve()} == set(files[:2])
    assert link_to(files, out).already == 3


def test_an_archive_has_them_all(files: list[Path], tmp_path: Path) -> None:
    os.utime(files[0], (0, 0))  # before the first year that an archive can hold
    assert zip_to(files, tmp_path / "hits.zip").done == 3
    with zipfile.ZipFile(tmp_path / "hits.zip") as packed:
        assert packed.testzip() is None
        assert packed.namelist() == ["x.jpg", "x (2).jpg", "X (3).JPG"]
        assert packed.read("x (2).jpg") == files[1].read_bytes()


def test_an_archive_takes_the_place_of_no_image_link_or_device(
    files: list[Path], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="an archive does not replace an image"):
        zip_to(files[:1], files[1])
    assert files[1].read_bytes() == b"\1" * 1_000
    (tmp_path / "link.zip").symlink_to(tmp_path / "far.zip")
    assert zip_to(files, tmp_path / "link.zip").done == 3
    assert (tmp_path / "link.zip").is_symlink()
    assert zipfile.is_zipfile(tmp_path / "far.zip")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert zip_to(files, pipe).done == 3
        assert os.read(reader, 2) == b"PK"
    finally:
        os.close(reader)
    assert pipe.is_fifo()


def test_what_cannot_be_had_is_told_and_the_others_are(files: list[Path], tmp_path: Path) -> None:
    files[1].unlink()
    os.mkfifo(files[1])
    files[2].unlink()
    reasons = ["not an ordinary file", "no such file or directory"]
    for collected in (copy_to(files, tmp_path / "out"), zip_to(files, tmp_path / "hits.zip")):
        assert (collected.done, [why for _, why in collected.failed]) == (1, reasons)
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["x.jpg"]
    for place in (files[0], files[0] / "below"):
        with pytest.raises(InputError, match="choose another DIR"):
            copy_to(files, place)
    with pytest.raises(InputError, match="choose another FILE"):
        zip_to(files, tmp_path / "nowhere/hits.zip")


def test_the_command_says_what_it_did(colours: Workbench, run: Run, tmp_path: Path) -> None:
    out, packed = tmp_path / "out", tmp_path / "z.zip"
    done = run("search", "red", "--top", "2", "--paths", "--copy-to", out, "--zip", packed)
    assert done.code == 0
    copied = {file.name for file in out.iterdir()}
    assert copied == {Path(line).name for line in done.out.splitlines()}
    assert f"2 files copied to {out}\n2 files packed into {packed}" in done.err
    again = run("search", "red", "--top", "2", "--link-to", tmp_path / "l", "--copy-to", out)
    assert f"0 files copied to {out}, 2 there already" in again.err
    assert all(file.is_symlink() for file in (tmp_path / "l").iterdir())
