"""Tars and tables unpacked: what belongs together, odd names, and what is wrong."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from searchengine.datasets.archives import unpacked
from searchengine.errors import CaptionFileError

pa = pytest.importorskip("pyarrow", reason="pip install 'clipseek[parquet]'")
pq = pytest.importorskip("pyarrow.parquet", reason="pip install 'clipseek[parquet]'")


def tarred(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def table(path: Path, columns: dict[str, list[Any]]) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def read(source: Path) -> tuple[str, list[tuple[str, bytes, list[str]]]]:
    """The format; and the name, the bytes and the captions of every image."""
    with unpacked(source) as found:
        assert found is not None
        rows = [json.loads(line) for line in found.captions.read_text("utf-8").splitlines()]
        assert all(Path(row["image"]).is_relative_to(found.images) for row in rows)
        return found.format, [
            (Path(row["image"]).name, Path(row["image"]).read_bytes(), row["captions"])
            for row in rows
        ]


MEMBERS = {
    "a/000000391895.jpg": b"one",
    "a/000000391895.txt": "a man\n\nein Mann größer \n".encode(),
    "a/2.sub.png": b"two",
    "a/2.json": b'{"caption": "a dog", "width": 3}',
    "a/3.txt": b"no image",
    "../../4.webp": b"four",
    "../../4.json": b'{"captions": ["x", "y"], "caption": ""}',
}


def test_a_tar(tmp_path: Path) -> None:
    found = read(tarred(tmp_path / "test.tar", MEMBERS))
    assert found == (
        "webdataset",
        [
            ("000000391895.jpg", b"one", ["a man", "ein Mann größer"]),
            ("2.sub.png", b"two", ["a dog"]),
            ("4.webp", b"four", ["x", "y"]),
        ],
    )
    assert not (tmp_path.parent / "4.webp").exists()


def test_a_directory_of_tars_with_the_same_names(tmp_path: Path) -> None:
    for number in range(2):
        members = {"1.jpg": b"%d" % number, "1.txt": b"x", "b/1.jpg": b"b"}
        tarred(tmp_path / f"{number}.tar", members)
    _, found = read(tmp_path)
    assert found == [
        ("1.jpg", b"0", ["x"]),
        ("1-1.jpg", b"b", []),
        ("1.jpg", b"1", ["x"]),
        ("1-1.jpg", b"b", []),
    ]


def test_a_table_with_bytes(tmp_path: Path) -> None:
    images = [{"bytes": b"one", "path": "x/1.jpg"}, {"bytes": b"two", "path": None}]
    columns: dict[str, list[Any]] = {
        "image": images,
        "sentences": [[{"raw": "a"}, {"raw": "b"}], []],
        "other": [1, 2],
    }
    kind, found = read(table(tmp_path / "t.parquet", columns))
    assert kind == "parquet"
    assert found == [("1.jpg", b"one", ["a", "b"]), ("00000002.jpg", b"two", [])]
    _, found = read(table(tmp_path / "t.parquet", {"image": [b"one"], "text": ["a"]}))
    assert found == [("00000001.jpg", b"one", ["a"])]


def test_a_table_with_paths(tmp_path: Path) -> None:
    source = table(tmp_path / "t.parquet", {"image": ["a.jpg"], "caption": ["x"]})
    with unpacked(source) as found:
        assert found is not None
        assert json.loads(found.captions.read_text())["image"] == str(tmp_path / "a.jpg")
    assert not found.images.exists(), "nothing is left behind"


@pytest.mark.parametrize("name", ["x.csv", "none.tar", "."])
def test_others_are_no_archives(tmp_path: Path, name: str) -> None:
    (tmp_path / "x.csv").touch()
    with unpacked(tmp_path / name) as found:
        assert found is None


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    broken = tmp_path / "broken.tar"
    broken.write_bytes(b"no tar at all" * 100)
    cut = tarred(tmp_path / "cut.tar", MEMBERS)
    cut.write_bytes(cut.read_bytes()[:1300])  # in the header of the second member
    for source, said in (
        (broken, "not a tar that can be read"),
        (cut, "not a tar that can be read"),
        (tarred(tmp_path / "a.tar", {"1.jpg": b"", "1.json": b"{"}), "1.json: not JSON"),
        (tarred(tmp_path / "b.tar", {"1.jpg": b"", "1.txt": b"\xff"}), "1.txt: not UTF-8"),
        (table(tmp_path / "c.parquet", {"image": ["a"], "x": [1]}), "needs a column image and one"),
        (table(tmp_path / "d.parquet", {"x": [1]}), "has the columns x, and none of image"),
        (table(tmp_path / "e.parquet", {"image": [3], "text": ["a"]}), "neither bytes nor a path"),
    ):
        with pytest.raises(CaptionFileError, match=said), unpacked(source):
            pass
    (tmp_path / "f.parquet").write_bytes(b"no table")
    with pytest.raises(CaptionFileError, match="not a table"), unpacked(tmp_path / "f.parquet"):
        pass
